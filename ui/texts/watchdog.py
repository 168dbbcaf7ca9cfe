"""What the watchdog sees, for administrators with its evidence, for everybody as one line above the chat."""

from __future__ import annotations

from ui.texts.sentence import Sentence

WATCHDOG = {
    "watchdog_now": Sentence("Seen just now", "Ahora mismo"),
    "watchdog_since": Sentence("Since {moment}.", "Desde el {moment}."),
    "watchdog_restarted": Sentence(
        "Started again by itself within the last hour: {count} times.",
        "Reiniciado automáticamente en la última hora: {count} veces.",
    ),
    "watchdog_given_up": Sentence(
        "It is not started again by itself any more.", "Ya no se reinicia automáticamente."
    ),
    "slow.gpu_lost": Sentence(
        "Answers are slower than usual, or stop: a GPU is missing.",
        "Las respuestas van más lentas de lo normal, o se paran: falta una GPU.",
    ),
    "slow.gpu_throttled.heat": Sentence(
        "Answers are slower than usual: the GPU is limited by heat.",
        "Las respuestas van más lentas de lo normal: la GPU está limitada por calor.",
    ),
    "slow.gpu_throttled": Sentence(
        "Answers are slower than usual: the GPU is holding itself back.",
        "Las respuestas van más lentas de lo normal: la GPU está limitada.",
    ),
    "slow.engine_on_cpu": Sentence(
        "Answers are slower than usual: the model runs without its GPU.",
        "Las respuestas van más lentas de lo normal: el modelo funciona sin su GPU.",
    ),
    "slow.engine_hung": Sentence(
        "Answers are stuck: the model is not getting on.",
        "Las respuestas están paradas: el modelo no avanza.",
    ),
    "slow.engine_slow": Sentence(
        "Answers are much slower than usual.", "Las respuestas van mucho más lentas de lo normal."
    ),
    "slow.restart_loop": Sentence(
        "Answers break off: the model keeps starting again.",
        "Las respuestas se cortan: el modelo se reinicia una y otra vez.",
    ),
    "seen.gpu_lost": Sentence(
        "GPUs that answer: {answering} of {expected}.", "GPU que responden: {answering} de {expected}."
    ),
    "seen.gpu_throttled": Sentence(
        "{subject} ({name}) has slowed itself down: {reason}, {temperature_c} °C.",
        "{subject} ({name}) se ha frenado sola: {reason}, {temperature_c} °C.",
    ),
    "seen.gpu_memory.uncorrected": Sentence(
        "{subject} ({name}) has memory errors that could not be corrected: {count}. Answers may be wrong.",
        "{subject} ({name}) tiene errores de memoria sin corregir: {count}. Las respuestas pueden ser erróneas.",
    ),
    "seen.gpu_memory.waiting": Sentence(
        "{subject} ({name}) has a bad memory row that is replaced after a reset.",
        "{subject} ({name}) tiene una fila de memoria dañada; se sustituye al reiniciar.",
    ),
    "seen.gpu_memory.worn": Sentence(
        "{subject} ({name}) could not replace a bad memory row.",
        "{subject} ({name}) no ha podido sustituir una fila de memoria dañada.",
    ),
    "seen.engine_on_cpu": Sentence(
        "{subject} runs on the processor; on a GPU: {share}.",
        "{subject} funciona en el procesador; en la GPU: {share}.",
    ),
    "seen.engine_hung": Sentence(
        "{subject} has made no progress for {seconds} s; requests running: {running}.",
        "{subject} lleva {seconds} s sin avanzar; peticiones en curso: {running}.",
    ),
    "seen.engine_slow": Sentence(
        "{subject} makes {rate} steps a second; under this load it usually makes {usual}.",
        "{subject} da {rate} pasos por segundo; con esta carga suele dar {usual}.",
    ),
    "seen.restart_loop": Sentence(
        "{subject} has ended {times} times within minutes. {last_exit}",
        "{subject} ha terminado {times} veces en pocos minutos. {last_exit}",
    ),
    "seen.disk_filling": Sentence(
        "The disk of the models is nearly full: {free_gb} GB free.",
        "El disco de los modelos está casi lleno: {free_gb} GB libres.",
    ),
    "limited_by.heat": Sentence("heat", "calor"),
    "limited_by.power supply": Sentence("power supply", "alimentación"),
    "limited_by.hardware": Sentence("hardware", "hardware"),
    "remedy_of.restart": Sentence(
        "Start the engine again; ours is started again by itself when it is safe.",
        "Reinicia el motor; los nuestros se reinician solos cuando es seguro.",
    ),
    "remedy_of.reboot": Sentence("Restart the machine.", "Reinicia la máquina."),
    "remedy_of.recreate": Sentence(
        "Start the container again: the system took its GPU away.",
        "Vuelve a crear el contenedor: el sistema le ha quitado la GPU.",
    ),
    "remedy_of.cool": Sentence(
        "See to air, power supply and power limit.",
        "Revisa la ventilación, la alimentación y el límite de potencia.",
    ),
    "remedy_of.replace": Sentence("Have the card replaced.", "Cambia la tarjeta."),
    "remedy_of.look": Sentence(
        "See the last lines of its log; then start it again.",
        "Mira las últimas líneas de su registro y después reinícialo.",
    ),
    "remedy_of.free": Sentence("Remove models that nobody uses.", "Elimina modelos que nadie use."),
}
