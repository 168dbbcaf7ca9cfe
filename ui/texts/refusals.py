"""What says more of a refusal, by the codes of the server's answers; a test compares the two."""

from __future__ import annotations

from ui.texts.sentence import Sentence

REFUSALS = {
    "title_empty": Sentence(
        "title is empty.",
        "El título está vacío.",
    ),
    "file_most": Sentence(
        "Files may have {most} MiB.",
        "Un archivo puede tener {most} MiB.",
    ),
    "question_empty": Sentence(
        "question is empty.",
        "La pregunta está vacía.",
    ),
    "lines_most": Sentence(
        "More than {most} lines. Split the file.",
        "Más de {most} líneas. Divide el archivo.",
    ),
    "expiry_past": Sentence(
        "expires_at lies in the past.",
        "La fecha de caducidad ya pasó.",
    ),
    "email_wrong": Sentence(
        "email is not an e-mail address.",
        "No es una dirección de correo.",
    ),
    "email_long": Sentence(
        "email has more than {most} characters.",
        "El correo tiene más de {most} caracteres.",
    ),
    "instructions_long": Sentence(
        "instructions has more than {most} characters.",
        "Las instrucciones tienen más de {most} caracteres.",
    ),
    "password_short": Sentence(
        "At least {least} characters.",
        "Al menos {least} caracteres.",
    ),
    "password_long": Sentence(
        "At most {most} characters.",
        "Como mucho {most} caracteres.",
    ),
    "administrators_only": Sentence(
        "Only an administrator can do that.",
        "Solo puede hacerlo un administrador.",
    ),
    "overseers_only": Sentence(
        "Only administrators and auditors can see that.",
        "Solo pueden verlo administradores y auditores.",
    ),
    "weight_wrong": Sentence(
        "weight must be a number from {least} to {most}: 1 is the usual share, 2 gets twice as much while "
        "both wait.",
        "El peso es un número de {least} a {most}: 1 es la parte normal, 2 recibe el doble mientras ambos "
        "esperan.",
    ),
    "chat_files_most": Sentence(
        "A chat may have {most} files. Remove one, or make a collection of them.",
        "Un chat admite {most} archivos. Quita uno o haz una colección con ellos.",
    ),
    "file_unnamed": Sentence(
        "The file has no name. Send it with one, such as report.pdf.",
        "El archivo no tiene nombre. Envíalo con uno, como informe.pdf.",
    ),
    "give_everybody": Sentence(
        "Only administrators give a collection to everybody.",
        "Solo un administrador puede darle una colección a todos.",
    ),
    "collection_everybody": Sentence(
        "Only administrators make collections for everybody.",
        "Solo un administrador crea colecciones para todos.",
    ),
    "group_not_own": Sentence(
        "You are not a member of such a group.",
        "No estás en ese grupo.",
    ),
    "files_most": Sentence(
        "You have {most} files, which is the limit. Delete some first.",
        "Tienes {most} archivos, que es el límite. Borra alguno antes.",
    ),
    "content_missing": Sentence(
        "The file's content is missing on the disk; restore it from a backup.",
        "El contenido del archivo falta en el disco; hay que restaurarlo de una copia.",
    ),
    "file_not_own": Sentence(
        "A file is added by the person who uploaded it.",
        "Un archivo lo añade quien lo subió.",
    ),
    "limit_wrong": Sentence(
        "most must be a whole number from 1 to {most}. To shut somebody out, suspend the account or revoke "
        "the key.",
        "El límite es un número entero de 1 a {most}. Para cerrarle el paso a alguien, suspende la cuenta "
        "o revoca la clave.",
    ),
    "address_unknown": Sentence(
        "There is nobody with the address {address}.",
        "No hay nadie con el correo {address}.",
    ),
    "answer_running": Sentence(
        "The answer is still being written.",
        "La respuesta aún se está escribiendo.",
    ),
    "answer_complete": Sentence(
        "The answer is complete; ask for another version instead.",
        "La respuesta está completa; pide otra versión.",
    ),
    "dates_reversed": Sentence(
        "from is after to.",
        "La primera fecha va después de la última.",
    ),
    "dates_far": Sentence(
        "from and to are more than {most} days apart.",
        "Entre las fechas hay más de {most} días.",
    ),
    "group_circle": Sentence(
        "That would put the group above itself: parent_id is the group or stands below it. Take another "
        "one, or null for none.",
        "El grupo quedaría por encima de sí mismo. Elige otro grupo superior o ninguno.",
    ),
    "group_deep": Sentence(
        "Groups may stand at most {most} deep. Take a parent_id that is higher up.",
        "Los grupos admiten {most} niveles. Elige un grupo superior más arriba.",
    ),
    "account_exists": Sentence(
        "There is an account for {address} already.",
        "Ya hay una cuenta para {address}.",
    ),
    "group_missing": Sentence(
        "One of the groups does not exist.",
        "Uno de los grupos no existe.",
    ),
    "group_exists": Sentence(
        "There is a group {name} already.",
        "Ya hay un grupo {name}.",
    ),
    "member_missing": Sentence(
        "One of the members does not exist.",
        "Uno de los miembros no existe.",
    ),
    "disk_free": Sentence(
        "Less than {least} MiB are free (knowledge.min_free_mib).",
        "Quedan menos de {least} MiB libres (`knowledge.min_free_mib`).",
    ),
    "collection_read_only": Sentence(
        "You may read this collection, but not change what is in it. Ask whose it is to share it.",
        "Puedes leer esta colección, pero no cambiar lo que contiene. Pide a su dueño que la comparta.",
    ),
    "collection_not_own": Sentence(
        "Only whose collection it is can rename or delete it.",
        "Solo su dueño puede renombrarla o eliminarla.",
    ),
    "backup_no_folder": Sentence(
        "No place for backups is set. Whoever runs the machine sets backup.folder and backup.passphrase_file.",
        "No hay sitio para las copias. Quien lleva la máquina pone backup.folder y backup.passphrase_file.",
    ),
    "backup_running": Sentence("A backup is being made already.", "Ya se está haciendo una copia."),
    "backup_not_running": Sentence("No backup is being made.", "No se está haciendo ninguna copia."),
    "job_not_failed": Sentence(
        "There is no such job, or it has not failed.",
        "No hay tal trabajo, o no ha fallado.",
    ),
    "file_elsewhere": Sentence(
        "The file is in a collection that you can no longer change. Ask a member of its group, or an "
        "administrator, to take it out first.",
        "El archivo está en una colección que ya no puedes cambiar. Pide a su dueño o a un administrador "
        "que lo saque antes.",
    ),
    "file_not_yours": Sentence(
        "Only the person who uploaded a file can delete it.",
        "Solo quien subió un archivo puede borrarlo.",
    ),
    "nobody_such": Sentence(
        "There is no such person or group.",
        "No existe esa persona o ese grupo.",
    ),
    "account_suspended_gift": Sentence(
        "That account is suspended and cannot be given anything.",
        "Esa cuenta está suspendida y no puede recibir nada.",
    ),
    "chat_not_given": Sentence(
        "Files of a chat stay in that chat. Put them into a collection to give them away.",
        "Los archivos de un chat se quedan en él. Ponlos en una colección para darlos.",
    ),
    "gift_to_oneself": Sentence(
        "An administrator gives somebody's collection to another person, not to themselves or a group of "
        "theirs.",
        "Un administrador da la colección de alguien a otra persona, no a sí mismo ni a un grupo suyo.",
    ),
    "gift_while_reading": Sentence(
        "Documents in it are still being read. Give it away when they are done.",
        "Aún se están leyendo documentos. Dala cuando terminen.",
    ),
    "gift_not_own": Sentence(
        "Only whose collection it is, or an administrator, can give it to somebody else.",
        "Solo su dueño o un administrador puede dársela a otra persona.",
    ),
    "share_not_own": Sentence(
        "Only whose collection it is can share it.",
        "Solo su dueño puede compartirla.",
    ),
    "chat_not_shared": Sentence(
        "Files of a chat stay in that chat. Put them into a collection to share them.",
        "Los archivos de un chat se quedan en él. Ponlos en una colección para compartirlos.",
    ),
    "egress_stopped_by_settings": Sentence(
        "egress.stopped is true in appliance.toml. Take it out there and start the appliance anew.",
        "egress.stopped está activado en appliance.toml. Quítalo allí y reinicia el servidor.",
    ),
    "model_name_taken": Sentence(
        "{name} is being got from {source} already. Choose another name, or cancel that.",
        "{name} ya se está descargando de {source}. Elige otro nombre o cancela esa descarga.",
    ),
    "model_not_pulled": Sentence("{name} is not being got.", "{name} no se está descargando."),
    "model_not_for_search": Sentence(
        "{name} is no embedding model in the ONNX format, so nothing can be found with it.",
        "{name} no es un modelo de búsqueda en formato ONNX.",
    ),
    "search_model_set": Sentence(
        "The section [embedding] of appliance.toml names the model to search with. Take it out there first.",
        "La sección [embedding] de appliance.toml ya indica el modelo de búsqueda. Quítalo de ahí primero.",
    ),
    "share_missing": Sentence(
        "It is not shared with them.",
        "No está compartida con ellos.",
    ),
    "prompt_too_long": Sentence(
        "It has {prompt} tokens; {model} reads {context} in all, its answer included: {over} too many. Shorten it.",
        "Tiene {prompt} tokens; {model} lee {context} en total, con la respuesta: sobran {over}. Acórtala.",
    ),
    "answer_too_long": Sentence(
        "It has {prompt} tokens and the answer asked for {answer} more; {model} reads {context} in all: {over} too "
        "many. Ask for at most {most}, or shorten it.",
        "Tiene {prompt} tokens y la respuesta pide {answer} más; {model} lee {context} en total: sobran {over}. Pide "
        "{most} como mucho, o acórtala.",
    ),
    "input_too_long": Sentence(
        "It has {tokens} tokens; {model} reads {most} of one text: {over} too many. Split it.",
        "Tiene {tokens} tokens; {model} lee {most} de cada texto: sobran {over}. Divídelo.",
    ),
    "document_unread": Sentence(
        "{model} does not read its last {over} tokens. Split it.",
        "{model} no lee sus últimos {over} tokens. Divídelo.",
    ),
}
