"""Engines that are out of rotation: why, since when, when they are asked again. Comes with Administration › Engines.

`why.CAUSE.OUTCOME` says why one left rotation; `why.CAUSE` where the outcome adds nothing.
"""

from __future__ import annotations

from ui.texts.sentence import Sentence

CIRCUITS = {
    "out": Sentence("out of rotation", "fuera de servicio"),
    "out_since": Sentence(
        "Out of rotation since {moment}: {why}.", "Fuera de servicio desde {moment}: {why}."
    ),
    "probes_failed": Sentence("Asked in vain since: {count}.", "Pruebas fallidas desde entonces: {count}."),
    "again_in": Sentence("Asked again in {seconds} s.", "Nueva prueba en {seconds} s."),
    "again_in_minutes": Sentence("Asked again in {minutes} min.", "Nueva prueba en {minutes} min."),
    "again_now": Sentence("Being asked now.", "Probándolo ahora."),
    "again_next": Sentence("The next request asks it.", "La próxima petición lo probará."),
    "again_config": Sentence(
        "Not asked again until its configuration changes, or you try it.",
        "No se vuelve a probar hasta que cambie su configuración o lo pruebes tú.",
    ),
    "try_now": Sentence("Try now", "Probar ahora"),
    "tried": Sentence("{engine} is being asked.", "Probando {engine}."),
    "tried_next": Sentence("The next request asks {engine}.", "La próxima petición probará {engine}."),
    "history": Sentence("What happened before", "Historial"),
    "history_none": Sentence("It has never been out of rotation.", "Nunca ha estado fuera de servicio."),
    "history_when": Sentence("When", "Cuándo"),
    "history_model": Sentence("Model", "Modelo"),
    "history_what": Sentence("What", "Qué pasó"),
    "went.open": Sentence("Left rotation: {why}.", "Fuera de servicio: {why}."),
    "went.open_again": Sentence("Stays out: {why}.", "Sigue fuera: {why}."),
    "went.half_open": Sentence("Was asked again.", "Se volvió a probar."),
    "went.closed": Sentence("Came back.", "Volvió al servicio."),
    "why.in_a_row.unreachable": Sentence(
        "{count} times in a row it could not be reached", "no se pudo conectar {count} veces seguidas"
    ),
    "why.in_a_row.silent": Sentence("it did not begin to answer in time", "no empezó a responder a tiempo"),
    "why.in_a_row.failed": Sentence("{count} errors in a row", "{count} errores seguidos"),
    "why.in_a_row.broken": Sentence(
        "{count} answers in a row broke off", "{count} respuestas seguidas se cortaron"
    ),
    "why.in_a_row.malformed": Sentence(
        "{count} answers in a row were malformed", "{count} respuestas seguidas llegaron corruptas"
    ),
    "why.share": Sentence("{count} of {calls} requests failed", "fallaron {count} de {calls} peticiones"),
    "why.slow": Sentence(
        "{count} of {calls} answers began late", "{count} de {calls} respuestas empezaron tarde"
    ),
    "why.limited": Sentence("it asked for a pause", "pidió una pausa"),
    "why.rejected": Sentence("it refuses our key", "rechaza nuestra clave"),
    "why.relapse": Sentence("it came back and failed at once", "volvió y falló enseguida"),
    "why.probe.unreachable": Sentence("it still cannot be reached", "aún no se puede conectar"),
    "why.probe.silent": Sentence("it still does not answer", "aún no responde"),
    "why.probe.failed": Sentence("it still answers with an error", "aún responde con un error"),
    "why.probe.broken": Sentence("its answers still break off", "sus respuestas aún se cortan"),
    "why.probe.malformed": Sentence("its answers are still malformed", "sus respuestas aún llegan corruptas"),
}
