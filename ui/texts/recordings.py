"""Dictating, and recordings as documents: what the page says of both."""

from __future__ import annotations

from ui.texts.sentence import Sentence

RECORDINGS = {
    "dictate": Sentence("Dictate", "Dictar"),
    "dictate_stop": Sentence("End the dictation", "Terminar el dictado"),
    "dictation": Sentence("Dictation", "Dictado"),
    "dictate_language": Sentence("Language you speak", "Idioma en el que hablas"),
    "dictate_auto": Sentence("Any language", "Cualquier idioma"),
    "dictate_es": Sentence("Spanish", "Español"),
    "dictate_en": Sentence("English", "Inglés"),
    "dictate_opening": Sentence("Waiting for the microphone …", "Esperando al micrófono…"),
    "dictate_recording": Sentence("Recording …", "Grabando…"),
    "dictate_recording_said": Sentence("Recording. Escape cancels it.", "Grabando. Con Escape se cancela."),
    "dictate_quiet": Sentence(
        "Nothing comes from the microphone. Is it muted?", "No llega sonido del micrófono. ¿Está silenciado?"
    ),
    "dictate_nearly": Sentence("It ends by itself at {most}.", "Se terminará sola a los {most}."),
    "dictate_listening": Sentence("Turning it into text …", "Pasándolo a texto…"),
    "dictate_written": Sentence(
        "The text is in the question box. It has not been sent.",
        "El texto está en el cuadro de la pregunta. No se ha enviado.",
    ),
    "dictate_cancelled": Sentence("The dictation was cancelled.", "Dictado cancelado."),
    "dictate_cancel": Sentence("Cancel", "Cancelar"),
    "dictate_done": Sentence("Done", "Listo"),
    "dictate_again": Sentence("Try again", "Intentar otra vez"),
    "dictate_retry": Sentence("Record again", "Grabar otra vez"),
    "dictate_keep": Sentence("Download the recording", "Descargar la grabación"),
    "dictate_drop": Sentence("Discard it", "Descartarla"),
    "dictate_close": Sentence("Close", "Cerrar"),
    "dictate_nothing": Sentence(
        "I heard nothing. Speak closer to the microphone, or check that it is the right one.",
        "No he oído nada. Habla más cerca del micrófono o comprueba que sea el correcto.",
    ),
    "dictate_connection": Sentence(
        "The appliance does not answer. The recording is still here.",
        "El equipo no responde. La grabación sigue aquí.",
    ),
    "dictate_too_long": Sentence(
        "The recording is too long. Download it, and add it as a document instead.",
        "La grabación es demasiado larga. Descárgala y añádela como documento.",
    ),
    "dictate_signed_out": Sentence(
        "You have been signed out. Download the recording before you sign in again.",
        "Se ha cerrado tu sesión. Descarga la grabación antes de volver a entrar.",
    ),
    "dictate_no_insecure": Sentence(
        "Browsers give the microphone only to pages under https:// or on this same machine. Ask an administrator to "
        "set up HTTPS, and open the page by that address.",
        "Los navegadores solo dan el micrófono a páginas con https:// o en el propio equipo. Pide a un administrador "
        "que configure HTTPS y abre la página con esa dirección.",
    ),
    "dictate_no_unsupported": Sentence(
        "This browser cannot record. Use a current Firefox, Chrome, Edge or Safari.",
        "Este navegador no puede grabar. Usa una versión actual de Firefox, Chrome, Edge o Safari.",
    ),
    "dictate_no_denied": Sentence(
        "This page may not use the microphone. Allow it beside the page's address, then try again.",
        "Esta página no tiene permiso para usar el micrófono. Dáselo junto a la dirección de la página y prueba otra "
        "vez.",
    ),
    "dictate_no_none": Sentence(
        "No microphone was found. Connect one, then try again.",
        "No se ha encontrado ningún micrófono. Conecta uno y prueba otra vez.",
    ),
    "dictate_no_busy": Sentence(
        "The microphone does not answer; another program may be using it. Close that, then try again.",
        "El micrófono no responde; puede que lo esté usando otro programa. Ciérralo y prueba otra vez.",
    ),
    "player": Sentence("Recording", "Grabación"),
    "player_transcript": Sentence("What is said in it", "Lo que se dice en ella"),
    "player_from": Sentence("Play from {time}", "Escuchar desde {time}"),
    "player_keep": Sentence("Transcript:", "Transcripción:"),
    "player_text": Sentence("text", "texto"),
    "player_cannot": Sentence(
        "This browser cannot play this kind of recording. Its words are below; download it to hear it.",
        "Este navegador no puede reproducir este tipo de grabación. Sus palabras están debajo; descárgala para "
        "escucharla.",
    ),
    "about_length": Sentence("Length", "Duración"),
    "about_language": Sentence("Language", "Idioma"),
    "format.recording": Sentence("recordings", "grabaciones"),
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
