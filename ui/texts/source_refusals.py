"""Why a database cannot be asked, by the codes of `querying.source_refusals`; a test compares the two."""

from __future__ import annotations

from ui.texts.sentence import Sentence

SOURCE_REFUSALS = {
    "db_name_unknown": Sentence(
        "Nobody knows its name. Check the host.", "Nadie conoce su nombre. Revisa el servidor."
    ),
    "db_unreached": Sentence(
        "Nothing answers there. Check host, port and the firewall.",
        "Ahí no responde nada. Revisa el servidor, el puerto y el cortafuegos.",
    ),
    "db_no_socket": Sentence(
        "There is no socket of a server in that folder.",
        "En esa carpeta no hay ningún socket de un servidor.",
    ),
    "db_slow": Sentence(
        "It did not answer in time. Check host, port and the firewall.",
        "No respondió a tiempo. Revisa el servidor, el puerto y el cortafuegos.",
    ),
    "db_sign_in": Sentence("It refused the user or the password.", "Rechazó el usuario o la contraseña."),
    "db_clear_password": Sentence(
        "It asked for the password in clear letters, which only a server with tls = verify-full may.",
        "Pidió la contraseña sin cifrar, y eso solo se permite a un servidor con tls = verify-full.",
    ),
    "db_not_permitted": Sentence(
        "It takes no connections from this box for this user (pg_hba.conf).",
        "No admite conexiones de este equipo para este usuario (pg_hba.conf).",
    ),
    "db_certificate": Sentence(
        "Its certificate could not be verified. Check ca_file and the host's name.",
        "No se pudo verificar su certificado. Revisa ca_file y el nombre del servidor.",
    ),
    "db_tls": Sentence(
        "It does not speak TLS as asked for. Check tls.", "No usa TLS como se pidió. Revisa tls."
    ),
    "db_sent_away": Sentence(
        "It sends us to another server. Name that one as host.",
        "Nos envía a otro servidor. Pon ese como servidor.",
    ),
    "db_not_there": Sentence(
        "It has no such database, or this user may not use it.",
        "No tiene esa base de datos o este usuario no puede usarla.",
    ),
    "db_full": Sentence("It takes no more connections now.", "Ahora no admite más conexiones."),
    "db_starting": Sentence(
        "It is starting. Ask again in a moment.", "Está arrancando. Pregunta otra vez dentro de un momento."
    ),
    "db_broken": Sentence(
        "The connection to it broke. Ask again.", "Se cortó la conexión. Pregunta otra vez."
    ),
    "db_closed": Sentence(
        "It was changed or removed meanwhile. Ask again.",
        "Entretanto se cambió o se quitó. Pregunta otra vez.",
    ),
    "db_locked": Sentence(
        "Another program writes to the file. Ask again.",
        "Otro programa está escribiendo en el archivo. Pregunta otra vez.",
    ),
    "db_file": Sentence("The file cannot be read.", "No se puede leer el archivo."),
    "db_public": Sentence(
        "{host} is an address of the internet, so what is sent there leaves the network. Name it in "
        "egress.inside if it is yours.",
        "{host} es una dirección de internet: lo que se envía ahí sale de la red. Ponla en egress.inside si es tuya.",
    ),
    "db_password_file_missing": Sentence(
        "The password file {path} cannot be read.", "No se puede leer el archivo de la contraseña, {path}."
    ),
    "db_password_file_open": Sentence(
        "The password file {path} is open to other users of the machine: chmod 600 {path}",
        "Otros usuarios de la máquina pueden abrir el archivo de la contraseña, {path}: chmod 600 {path}",
    ),
    "db_ca_missing": Sentence(
        "There is no file of trusted certificates. Give one as ca_file.",
        "No hay ningún archivo de certificados de confianza. Indica uno en ca_file.",
    ),
    "db_ca_unreadable": Sentence(
        "The ca_file {path} holds no certificates that can be read.",
        "El archivo de ca_file, {path}, no contiene certificados legibles.",
    ),
    "db_kind": Sentence("{kind} is none of {kinds}.", "{kind} no es ninguno de estos: {kinds}."),
    "db_setting": Sentence("{setting}: {problem}", "{setting}: {problem}"),
    "run_stopped": Sentence("It was stopped after {seconds} s.", "Se detuvo a los {seconds} s."),
    "run_no_rows": Sentence("It brings no rows.", "No devuelve filas."),
    "run_large_value": Sentence(
        "A value has more than {most} MiB. Leave that column out.",
        "Un valor tiene más de {most} MiB. No pidas esa columna.",
    ),
    "run_word": Sentence(
        "It has the word {word}, which does not stand in what only reads.",
        "Contiene la palabra {word}, que no aparece en lo que solo lee.",
    ),
    "run_unreadable": Sentence(
        "It is not one statement that begins with SELECT.", "No es una sola sentencia que empiece por SELECT."
    ),
}
