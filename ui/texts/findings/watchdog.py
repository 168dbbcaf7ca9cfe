"""What the watchdog has found, as the page says it."""

from __future__ import annotations

from ui.texts.sentence import Sentence

WATCHDOG = {
    "finding.watchdog.ok": Sentence("Engines get on as usual.", "Los motores avanzan con normalidad."),
    "finding.watchdog.idle": Sentence(
        "The watchdog runs with the appliance, which is stopped.",
        "El vigilante funciona con el equipo, que está parado.",
    ),
    "finding.watchdog.blind": Sentence(
        "The watchdog has not looked at GPUs and engines lately.",
        "El vigilante lleva un rato sin mirar las GPU y los motores.",
    ),
    "remedy.watchdog.blind": Sentence(
        "Its log says why; start it again.", "Su registro dice por qué; vuelve a arrancarlo."
    ),
    "finding.watchdog.engine_on_cpu": Sentence(
        "{subject} runs on the processor instead of the GPU since {since}.",
        "{subject} funciona en el procesador y no en la GPU desde {since}.",
    ),
    "remedy.watchdog.engine_on_cpu": Sentence(
        "Start the engine again; if it comes back, something else has taken the GPU's memory.",
        "Reinicia el motor; si se repite, otro programa ocupa la memoria de la GPU.",
    ),
    "finding.watchdog.engine_hung": Sentence(
        "{subject} has requests and makes no progress since {since}.",
        "{subject} tiene peticiones y no avanza desde {since}.",
    ),
    "remedy.watchdog.engine_hung": Sentence(
        "Start the engine again; its log says what it was doing.",
        "Reinicia el motor; su registro dice qué estaba haciendo.",
    ),
    "finding.watchdog.engine_slow": Sentence(
        "{subject} writes at less than a fifth of its usual pace since {since}.",
        "{subject} escribe a menos de la quinta parte de su ritmo normal desde {since}.",
    ),
    "remedy.watchdog.engine_slow": Sentence(
        "Look for another process on the GPU, and for a power limit that was lowered.",
        "Busca otro proceso en la GPU y un límite de potencia rebajado.",
    ),
    "finding.watchdog.restart_loop": Sentence(
        "{subject} ends again and again since {since}.",
        "{subject} termina una y otra vez desde {since}.",
    ),
    "remedy.watchdog.restart_loop": Sentence("Its last lines say why.", "Sus últimas líneas dicen por qué."),
    "finding.watchdog.disk_filling": Sentence(
        "The disk of the {subject} is nearly full since {since}.",
        "El disco de los modelos ({subject}) está casi lleno desde {since}.",
    ),
    "remedy.watchdog.disk_filling": Sentence(
        "Remove models that nobody uses.", "Elimina modelos que nadie use."
    ),
}
