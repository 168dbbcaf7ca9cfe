"""What the doctor says of what leaves."""

from __future__ import annotations

from ui.texts.sentence import Sentence

EGRESS = {
    "finding.egress.nothing": Sentence(
        "Nothing left this box in the last 30 days.", "En los últimos 30 días no ha salido nada de aquí."
    ),
    "finding.egress.some": Sentence(
        "{departures} requests left in the last 30 days, {refused} were refused.",
        "En los últimos 30 días salieron {departures} peticiones y se rechazaron {refused}.",
    ),
    "finding.egress.off": Sentence(
        "Nothing leaves: egress.stopped is true.", "No sale nada: egress.stopped está activado."
    ),
    "finding.egress.stopped": Sentence(
        "Nothing leaves: {who} stopped it {hours} hours ago.",
        "No sale nada: {who} lo paró hace {hours} horas.",
    ),
    "finding.egress.forgotten": Sentence(
        "Nothing has left for {hours} hours, because {who} stopped it.",
        "No sale nada desde hace {hours} horas: lo paró {who}.",
    ),
    "remedy.egress.forgotten": Sentence(
        "Let it go on when the reason is gone; clouds, models and sign-ins by a provider wait for it.",
        "Reanúdalo cuando ya no haga falta: nubes, modelos e inicios de sesión con proveedor dependen de ello.",
    ),
    "finding.egress.broken": Sentence(
        "The ledger of what left is not whole: lines are missing or changed.",
        "El registro de salidas no está íntegro: faltan líneas o han cambiado.",
    ),
    "remedy.egress.broken": Sentence(
        "Compare it with the last export or backup, and find out who can write the data folder.",
        "Compáralo con la última exportación o copia y averigua quién puede escribir en la carpeta de datos.",
    ),
    "finding.egress.closed": Sentence(
        "The ledger of what left cannot be written, so nothing leaves.",
        "No se puede escribir el registro de salidas, así que no sale nada.",
    ),
    "remedy.egress.closed": Sentence(
        "Make room on the disk, or give the folder DATA/egress to the user of the appliance.",
        "Libera espacio en el disco o da la carpeta DATA/egress al usuario del servidor.",
    ),
}
