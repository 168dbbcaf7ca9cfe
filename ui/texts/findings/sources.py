"""What the doctor says of the company's databases."""

from __future__ import annotations

from ui.texts.sentence import Sentence

SOURCES = {
    "finding.sources.none": Sentence("No database is connected.", "No hay ninguna base de datos conectada."),
    "finding.sources.ok": Sentence("{count} databases answer.", "Responden {count} bases de datos."),
    "finding.sources.unanswered": Sentence(
        "The database {name} does not answer.", "La base de datos {name} no responde."
    ),
    "remedy.sources.unanswered": Sentence(
        "Look at its address and its role; when it answers again, read its tables anew.",
        "Revisa su dirección y su rol; cuando vuelva a responder, lee sus tablas de nuevo.",
    ),
    "finding.sources.open_file": Sentence(
        "Others on this machine can read the password of the database {name}; it is not asked any more.",
        "Otros usuarios de esta máquina pueden leer la contraseña de la base de datos {name}; ya no se le pregunta.",
    ),
    "remedy.sources.open_file": Sentence(
        "Take the file's rights away from everybody but the user of the appliance.",
        "Quita los permisos del archivo a todos menos al usuario del sistema que ejecuta el servicio.",
    ),
    "finding.sources.role_can_write": Sentence(
        "The role that asks the database {name} can do more than read.",
        "El rol que pregunta a la base de datos {name} puede hacer más que leer.",
    ),
    "remedy.sources.role_can_write": Sentence(
        "Have a role made that can only read, with the statements that the command shows, and change the source to it.",
        "Pide un rol que solo pueda leer, con las instrucciones que muestra el comando, y ponlo en el origen de datos.",
    ),
    "finding.sources.drifted": Sentence(
        "The database {name} has changed in {count} places since its tables were chosen.",
        "La base de datos {name} ha cambiado en {count} puntos desde que se eligieron sus tablas.",
    ),
    "remedy.sources.drifted": Sentence(
        "Look at what changed and choose its tables again, in Administration › Data or with `appliance source choose`.",
        "Mira qué cambió y elige sus tablas de nuevo, en Administración › Datos o con `appliance source choose`.",
    ),
}
