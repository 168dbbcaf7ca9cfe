"""What the doctor finds of hearing, as the page says it."""

from __future__ import annotations

from ui.texts.sentence import Sentence

SPEECH = {
    "finding.speech.ok": Sentence("Speech is heard by {model}.", "La voz se transcribe con {model}."),
    "finding.speech.none": Sentence(
        "No speech model is chosen: dictation and recordings are off.",
        "No hay ningún modelo de voz elegido: el dictado y las grabaciones están desactivados.",
    ),
    "finding.speech.no_extra": Sentence(
        "speech.model is {model}, but what hears is not installed: dictation and recordings are off.",
        "speech.model es {model}, pero falta instalar lo que transcribe: sin dictado ni grabaciones.",
    ),
    "remedy.speech.no_extra": Sentence(
        "Install it, then start the appliance again.", "Instálalo y vuelve a arrancar el equipo."
    ),
    "finding.speech.missing": Sentence(
        "speech.model is {model}, but there is no Whisper model in {folder}.",
        "speech.model es {model}, pero en {folder} no hay ningún modelo Whisper.",
    ),
    "remedy.speech.missing": Sentence(
        "Correct the setting, or get it with `appliance model pull`.",
        "Corrige el ajuste o descárgalo con `appliance model pull`.",
    ),
    "finding.speech.down": Sentence(
        "The speech process does not answer: nothing is heard by {model}.",
        "El proceso de voz no responde: {model} no transcribe nada.",
    ),
    "remedy.speech.down": Sentence(
        "It is started again by itself; its log says why.",
        "Vuelve a arrancar solo; su registro dice por qué.",
    ),
}
