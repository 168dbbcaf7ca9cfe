"""What the doctor says of hearing."""

from __future__ import annotations

from appliance.services.doctor.words import Words

SPEECH = {
    "speech.ok": Words(
        "Speech is heard by {model}.",
    ),
    "speech.none": Words(
        "No speech model is chosen: dictation and recordings are off.",
    ),
    "speech.no_extra": Words(
        "speech.model is {model}, but what hears is not installed: dictation and recordings are off.",
        "Install it, then start the appliance again.",
    ),
    "speech.missing": Words(
        "speech.model is {model}, but there is no Whisper model in {folder}.",
        "Correct the setting, or get it with `appliance model pull`.",
    ),
    "speech.down": Words(
        "The speech process does not answer: nothing is heard by {model}.",
        "It is started again by itself; its log says why.",
    ),
}
