"""Dictating, and recordings as documents: what the page says of both."""

from __future__ import annotations

from ui.texts.sentence import Sentence

RECORDINGS = {
    "stage_hearing": Sentence("Listening to the recording", "Escuchando la grabación"),
    "stage_heard": Sentence("{heard} heard so far", "{heard} escuchados hasta ahora"),
}

RECORDING_ERRORS = {
    "recording_silent": Sentence(
        "Nobody speaks in this recording, so there is nothing to find in it.",
        "En esta grabación no habla nadie, así que no hay nada que buscar en ella.",
    ),
    "recording_refused": Sentence(
        "This recording cannot be heard here. Save it as MP3, M4A or WAV with another program and upload that.",
        "Esta grabación no se puede escuchar aquí. Guárdala como MP3, M4A o WAV con otro programa y sube ese archivo.",
    ),
}

RECORDING_NOTES = {
    "speech_away": Sentence(
        "It waits for the speech model, which does not answer; it goes on by itself.",
        "Espera al modelo de voz, que no responde; seguirá por sí solo.",
    ),
    "speech_not_installed": Sentence(
        "It waits because no speech model is set up here. An administrator can install the extra `speech` and set "
        "`model` in [speech]; then it goes on by itself.",
        "Espera porque aquí no hay ningún modelo de voz. Un administrador puede instalar el extra `speech` y poner "
        "`model` en [speech]; después seguirá por sí solo.",
    ),
    "speech_busy": Sentence(
        "It waits until another recording has been heard; one is heard at a time.",
        "Espera a que se termine de escuchar otra grabación; se escuchan de una en una.",
    ),
    "recording_heard": Sentence(
        "{heard} of {total} have been heard; the rest follows after what else is waiting.",
        "Se han escuchado {heard} de {total}; el resto, después de lo demás que espera.",
    ),
    "recording_not_audio": Sentence(
        "It is in no format that is known for sound, whatever its name says.",
        "No está en ningún formato de sonido conocido, diga lo que diga su nombre.",
    ),
    "recording_no_sound": Sentence(
        "There is no sound in it, only pictures or data.", "No tiene sonido, solo imágenes o datos."
    ),
    "recording_unknown_codec": Sentence(
        "Its sound is in a code that cannot be read here.",
        "Su sonido usa un códec que aquí no se puede leer.",
    ),
    "recording_damaged": Sentence(
        "It is damaged, or was cut off before any sound.",
        "Está dañada, o se cortó antes de que hubiera sonido.",
    ),
    "recording_protected": Sentence(
        "It is locked with a password or rights management.",
        "Está protegida con contraseña o con gestión de derechos.",
    ),
    "recording_channels": Sentence(
        "It has more channels than a recording of speech has.", "Tiene más canales que una grabación de voz."
    ),
    "recording_rate": Sentence(
        "Its sample rate is none that a recording has.",
        "Su frecuencia de muestreo no es la de ninguna grabación.",
    ),
    "recording_too_large": Sentence(
        "It is larger than this box accepts.", "Ocupa más de lo que este equipo acepta."
    ),
    "recording_too_long": Sentence(
        "It is longer than this box accepts.", "Dura más de lo que este equipo acepta."
    ),
    "recording_slow": Sentence(
        "Reading it took longer than any honest recording does.",
        "Leerla llevó más tiempo del que lleva una grabación normal.",
    ),
}
