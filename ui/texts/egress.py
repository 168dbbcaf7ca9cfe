"""Administration › What left: loaded with its view, because nobody else sees it."""

from __future__ import annotations

from ui.texts.sentence import Sentence

EGRESS = {
    "lead": Sentence(
        "Everything that this box sent to the internet, or was kept from sending: who, when, where to and why it was "
        "allowed. Servers in your own network are not listed.",
        "Todo lo que este servidor ha enviado a internet o no ha podido enviar: quién, cuándo, adónde y por qué "
        "estaba permitido. Los servidores de tu propia red no aparecen.",
    ),
    "empty": Sentence("Nothing has ever left this box.", "De aquí no ha salido nunca nada."),
    "empty_found": Sentence("Nothing fits.", "No hay nada así."),
    "totals": Sentence("By destination", "Por destino"),
    "lines": Sentence("One by one", "Una a una"),
    "host": Sentence("Destination", "Destino"),
    "purpose": Sentence("What for", "Para qué"),
    "departures": Sentence("Times", "Veces"),
    "refused": Sentence("Refused", "Rechazadas"),
    "sent": Sentence("Sent", "Enviado"),
    "received": Sentence("Received", "Recibido"),
    "actor": Sentence("Who", "Quién"),
    "why": Sentence("Why", "Por qué"),
    "outcome": Sentence("Outcome", "Resultado"),
    "actor_filter": Sentence("Who (part of the e-mail)", "Quién (parte del correo)"),
    "host_filter": Sentence("Destination (part of the name)", "Destino (parte del nombre)"),
    "show": Sentence("Show", "Mostrar"),
    "show_done": Sentence("Everything", "Todo"),
    "show_ended": Sentence("What left", "Lo que salió"),
    "show_refused": Sentence("What was refused", "Lo rechazado"),
    "show_began": Sentence("Beginnings", "Inicios"),
    "show_switch": Sentence("Stopping and letting go on", "Paradas y reanudaciones"),
    "purpose.cloud": Sentence("Questions to a cloud", "Preguntas a una nube"),
    "purpose.models": Sentence("Models got", "Descarga de modelos"),
    "purpose.sign-in": Sentence("Signing in", "Inicio de sesión"),
    "purpose.traces": Sentence("Traces", "Trazas"),
    "purpose.backup": Sentence("Backups", "Copias de seguridad"),
    "did.refused": Sentence("Refused", "Rechazada"),
    "did.stopped": Sentence("Stopped", "Parado"),
    "did.resumed": Sentence("Goes on", "Reanudado"),
    "did.began": Sentence("Began", "Inicio"),
    "did.failed": Sentence("Broke off", "Se cortó"),
    "did.ended": Sentence("Ended", "Terminó"),
    "redactions": Sentence("{count} parts hidden", "{count} partes ocultas"),
    "stop": Sentence("Stop everything that leaves", "Parar todas las salidas"),
    "stop_lead": Sentence(
        "From now on nothing leaves this box, and what is leaving is cut off within a second: no cloud, no models, no "
        "sign-in by a provider on the internet. Answers of this box go on.",
        "Desde ahora no sale nada de este servidor y lo que esté saliendo se corta en un segundo: ni nube, ni "
        "modelos, ni inicio de sesión con un proveedor de internet. Las respuestas del propio servidor siguen.",
    ),
    "stop_reason": Sentence(
        "Reason, for those who find it stopped", "Motivo, para quien lo encuentre parado"
    ),
    "stop_do": Sentence("Stop now", "Parar ya"),
    "stop_done": Sentence("Stopped: nothing leaves.", "Parado: no sale nada."),
    "resume": Sentence("Let it go on", "Reanudar"),
    "resume_done": Sentence("What is allowed may leave again.", "Lo permitido puede volver a salir."),
    "is_stopped": Sentence("Nothing leaves since {moment}.", "No sale nada desde el {moment}."),
    "stopped_by": Sentence("Stopped by {actor}.", "Lo paró {actor}."),
    "stopped_by_hand": Sentence(
        "A file egress.stop in the data folder stops it.",
        "Lo para un archivo egress.stop en la carpeta de datos.",
    ),
    "stopped_by_settings": Sentence(
        "Nothing leaves: egress.stopped is true in appliance.toml.",
        "No sale nada: egress.stopped está activado en appliance.toml.",
    ),
}
EGRESS_MENU = {
    "admin_egress": Sentence("What left", "Salidas"),
    "action.leaving.stopped": Sentence("Everything that leaves stopped", "Salidas paradas"),
    "action.leaving.resumed": Sentence("Allowed to leave again", "Salidas reanudadas"),
}
