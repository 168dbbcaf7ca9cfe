"""The GPU: the findings of the doctor, and what to do about each."""

from __future__ import annotations

from ui.texts.sentence import Sentence

GPU = {
    "finding.gpu.none": Sentence(
        "There is no NVIDIA GPU in this machine.",
        "Esta máquina no tiene GPU de NVIDIA.",
    ),
    "finding.gpu.elsewhere": Sentence(
        "No GPU is given to this container; the engine's has it.",
        "Este contenedor no tiene GPU; la tiene el del motor.",
    ),
    "remedy.gpu.elsewhere": Sentence(
        "This looks at it from there.",
        "Esto la mira desde ahí.",
    ),
    "finding.gpu.ok": Sentence(
        "{name}: driver {driver}, {used_gb} of {size_gb} GB in use, {temperature} °C.",
        "{name}: controlador {driver}, {used_gb} de {size_gb} GB en uso, {temperature} °C.",
    ),
    "finding.gpu.lost": Sentence(
        "This container has lost its GPU (Failed to initialize NVML: Unknown Error): a systemd "
        "daemon-reload took the device away.",
        "Este contenedor ha perdido su GPU (Failed to initialize NVML: Unknown Error): un daemon-reload "
        "de systemd le quitó el dispositivo.",
    ),
    "remedy.gpu.lost": Sentence(
        'Start it again; against its return set "exec-opts": ["native.cgroupdriver=cgroupfs"] in '
        "/etc/docker/daemon.json, or use CDI.",
        'Reinícialo; para que no vuelva a pasar, pon "exec-opts": ["native.cgroupdriver=cgroupfs"] '
        "en /etc/docker/daemon.json o usa CDI.",
    ),
    "finding.gpu.driver_missing": Sentence(
        "An NVIDIA card is in the machine, but its driver is not loaded: {detail}.",
        "La máquina tiene una tarjeta NVIDIA, pero su controlador no está cargado: {detail}.",
    ),
    "remedy.gpu.driver_missing": Sentence(
        "Install the driver and restart the machine.",
        "Instala el controlador y reinicia la máquina.",
    ),
    "finding.gpu.mismatch": Sentence(
        "The driver was upgraded and its old half is still loaded: {detail}.",
        "El controlador se actualizó y su mitad vieja sigue cargada: {detail}.",
    ),
    "remedy.gpu.mismatch": Sentence(
        "Restart the machine.",
        "Reinicia la máquina.",
    ),
    "finding.gpu.silent": Sentence(
        "The NVIDIA driver does not answer: {detail}.",
        "El controlador de NVIDIA no responde: {detail}.",
    ),
    "remedy.gpu.silent": Sentence(
        "See what it says in the kernel's log; then restart the machine.",
        "Mira qué dice en el registro del sistema y reinicia la máquina.",
    ),
    "finding.gpu.fell_off": Sentence(
        "GPUs that do not answer any more: {count}; they have fallen off the bus.",
        "GPU que han dejado de responder: {count}; se han caído del bus.",
    ),
    "remedy.gpu.fell_off": Sentence(
        "Restart the machine; if it comes back, check seat and power.",
        "Reinicia la máquina; si se repite, revisa el zócalo y la alimentación.",
    ),
    "finding.gpu.driver_old": Sentence(
        "Driver {driver} knows CUDA {has} at most, {engine} needs {needs}: the engine cannot start or "
        "runs on the processor.",
        "El controlador {driver} llega a CUDA {has} y {engine} necesita {needs}: el motor no arranca o "
        "va por el procesador.",
    ),
    "remedy.gpu.driver_old": Sentence(
        "Install a newer driver and restart the machine.",
        "Instala un controlador más nuevo y reinicia la máquina.",
    ),
    "finding.gpu.ecc": Sentence(
        "{name} has had memory errors that could not be corrected since the driver was loaded: {count}. "
        "Answers may be wrong.",
        "{name} ha tenido errores de memoria sin corregir desde que se cargó el controlador: {count}. "
        "Las respuestas pueden fallar.",
    ),
    "remedy.gpu.ecc": Sentence(
        "Restart the machine; if they come back, have the card replaced.",
        "Reinicia la máquina; si vuelven, cambia la tarjeta.",
    ),
    "finding.gpu.remapping": Sentence(
        "{name} has a bad memory row that is only replaced after a reset.",
        "{name} tiene una fila de memoria dañada que solo se sustituye al reiniciar.",
    ),
    "remedy.gpu.remapping": Sentence(
        "Restart the machine when it suits.",
        "Reinicia la máquina cuando convenga.",
    ),
    "finding.gpu.worn": Sentence(
        "{name} could not replace a bad memory row: it has no spare ones left.",
        "{name} no pudo sustituir una fila de memoria dañada: ya no le quedan de reserva.",
    ),
    "remedy.gpu.worn": Sentence(
        "Have the card replaced.",
        "Cambia la tarjeta.",
    ),
    "finding.gpu.throttled": Sentence(
        "{name} slows itself down ({why}) at {temperature} °C.",
        "{name} baja su velocidad ({why}) a {temperature} °C.",
    ),
    "remedy.gpu.throttled": Sentence(
        "See to air and power; this shows the reasons.",
        "Revisa la ventilación y la alimentación; esto muestra los motivos.",
    ),
    "finding.gpu.hot": Sentence(
        "{name} has {temperature} °C.",
        "{name} está a {temperature} °C.",
    ),
    "remedy.gpu.hot": Sentence(
        "Air flow, dust, a neighbour's exhaust; this lowers what it may draw.",
        "Ventilación, polvo o el calor de otra tarjeta; esto baja lo que puede consumir.",
    ),
    "finding.gpu.not_persistent": Sentence(
        "{name} is not in persistence mode: the driver unloads when nobody uses the card, and the next "
        "start waits for it.",
        "{name} no está en modo persistente: el controlador se descarga cuando nadie usa la tarjeta y el "
        "siguiente arranque espera.",
    ),
    "remedy.gpu.not_persistent": Sentence(
        "Turn it on.",
        "Actívalo.",
    ),
}
