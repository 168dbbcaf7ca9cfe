"""Secrets, passwords, keys, signing in: the findings of the doctor, and what to do about each."""

from __future__ import annotations

from ui.texts.sentence import Sentence

TRUST = {
    "finding.https.plain": Sentence(
        "Passwords travel unencrypted to {host}.",
        "Las contraseñas viajan sin cifrar hasta {host}.",
    ),
    "remedy.https.plain": Sentence(
        "Put a proxy with TLS in front and turn this off.",
        "Pon delante un proxy con TLS y desactiva esto.",
    ),
    "finding.https.ok": Sentence(
        "Passwords travel encrypted, or do not leave this machine.",
        "Las contraseñas viajan cifradas o no salen de esta máquina.",
    ),
    "finding.secrets.ok": Sentence(
        "Nobody else can read the box's secrets.",
        "Nadie más puede leer los secretos del equipo.",
    ),
    "finding.secrets.open": Sentence(
        "{path} can be read by others.",
        "Otros pueden leer {path}.",
    ),
    "remedy.secrets.open": Sentence(
        "Close it.",
        "Ciérralo.",
    ),
    "finding.secrets.missing": Sentence(
        "{path} is missing.",
        "Falta {path}.",
    ),
    "remedy.secrets.missing": Sentence(
        "Start the appliance, which makes it; or restore a backup when data exists already.",
        "Arranca el equipo, que lo crea; o restaura una copia si ya hay datos.",
    ),
    "finding.secrets.plain": Sentence(
        "{path} holds {setting} as plain text.",
        "{path} guarda {setting} a la vista.",
    ),
    "remedy.secrets.plain": Sentence(
        "Move it into a file (chmod 600) and name that: {setting}_file, or APPLIANCE_…_FILE.",
        "Pásalo a un archivo (chmod 600) y nómbralo: {setting}_file o APPLIANCE_…_FILE.",
    ),
    "finding.secrets.hub_token": Sentence(
        "{path} holds a model hub's token that is not needed any more once the model is there.",
        "{path} guarda un token del repositorio de modelos que ya no hace falta cuando el modelo está "
        "descargado.",
    ),
    "remedy.secrets.hub_token": Sentence(
        "Remove it, and revoke it at the hub when others could read it.",
        "Bórralo, y revócalo en el repositorio si otros pudieron leerlo.",
    ),
    "finding.credentials.ok": Sentence(
        "{path} is readable by its owner only.",
        "Solo su dueño puede leer {path}.",
    ),
    "finding.credentials.gone": Sentence(
        "The first credentials file is not there any more.",
        "El archivo de las primeras credenciales ya no está.",
    ),
    "finding.credentials.open": Sentence(
        "{path} can be read by others, with an administrator's key in it.",
        "Otros pueden leer {path}, que tiene la clave de un administrador.",
    ),
    "remedy.credentials.open": Sentence(
        "Close it.",
        "Ciérralo.",
    ),
    "finding.credentials.unreadable": Sentence(
        "{path} cannot be read: {detail}.",
        "No se puede leer {path}: {detail}.",
    ),
    "remedy.credentials.unreadable": Sentence(
        "Remove it.",
        "Bórralo.",
    ),
    "finding.credentials.password": Sentence(
        "{path} has held the first password for {days} days: nobody has changed it.",
        "{path} guarda la primera contraseña desde hace {days} días: nadie la ha cambiado.",
    ),
    "remedy.credentials.password": Sentence(
        "Change it on the page, or with this; it leaves the file by itself.",
        "Cámbiala en la página o con esto; se borra sola del archivo.",
    ),
    "finding.credentials.kept": Sentence(
        "{path} has held an administrator's key for {days} days.",
        "{path} guarda la clave de un administrador desde hace {days} días.",
    ),
    "remedy.credentials.kept": Sentence(
        "Keep the key elsewhere (the commands take --key, or APPLIANCE_API_KEY) and remove the file.",
        "Guarda la clave en otro sitio (los comandos aceptan --key o APPLIANCE_API_KEY) y borra el archivo.",
    ),
    "finding.keys.ok": Sentence(
        "API keys in use: {count}; none is old or forgotten.",
        "Claves de API en uso: {count}; ninguna es vieja ni olvidada.",
    ),
    "finding.keys.unused": Sentence(
        "API keys that have not been used for {days} days: {count} ({names}).",
        "Claves de API sin usar desde hace {days} días: {count} ({names}).",
    ),
    "remedy.keys.unused": Sentence(
        "Revoke those that nobody misses.",
        "Revoca las que nadie eche de menos.",
    ),
    "finding.keys.old": Sentence(
        "API keys that are in use for more than {days} days: {count} ({names}).",
        "Claves de API en uso desde hace más de {days} días: {count} ({names}).",
    ),
    "remedy.keys.old": Sentence(
        "Make new ones, change the scripts, then revoke the old ones.",
        "Crea otras, cambia los programas y revoca las viejas.",
    ),
    "finding.keys.first_passwords": Sentence(
        "People who still have the password that they were given: {count} ({names}).",
        "Personas que siguen con la contraseña que se les dio: {count} ({names}).",
    ),
    "remedy.keys.first_passwords": Sentence(
        "Send them a link for a new one.",
        "Envíales un enlace para cambiarla.",
    ),
    "finding.keys.idle_administrators": Sentence(
        "Administrators who have not been here for {days} days: {count} ({names}).",
        "Administradores sin actividad desde hace {days} días: {count} ({names}).",
    ),
    "remedy.keys.idle_administrators": Sentence(
        "Suspend those who have left, or make them ordinary users.",
        "Suspende a quien se haya ido o quítale el rol.",
    ),
    "finding.keys.idle": Sentence(
        "Keys and passwords are in the database, which is stopped.",
        "Claves y contraseñas están en la base de datos, que está parada.",
    ),
    "finding.identity.unused": Sentence(
        "People sign in here with their own passwords; no company provider is set.",
        "Se entra con contraseñas propias; no hay proveedor de empresa.",
    ),
    "finding.identity.ok": Sentence(
        "{issuer} answers: {keys} signing keys, {ways}.",
        "{issuer} responde: {keys} claves de firma, {ways}.",
    ),
    "finding.identity.wrong": Sentence(
        "{detail}",
        "{detail}",
    ),
    "remedy.identity.wrong": Sentence(
        "Correct identity.oidc in appliance.toml.",
        "Corrige identity.oidc en appliance.toml.",
    ),
    "finding.identity.silent": Sentence(
        "{detail}",
        "{detail}",
    ),
    "remedy.identity.silent": Sentence(
        "Is it reachable from this machine? In a company network: identity.oidc.ca_file, internal_hosts.",
        "¿Es accesible desde esta máquina? En una red de empresa: identity.oidc.ca_file, internal_hosts.",
    ),
    "finding.identity.secret_unreadable": Sentence(
        "{path} cannot be read: {detail}.",
        "No se puede leer {path}: {detail}.",
    ),
    "remedy.identity.secret_unreadable": Sentence(
        "Correct identity.oidc.client_secret_file.",
        "Corrige identity.oidc.client_secret_file.",
    ),
    "finding.identity.secret_open": Sentence(
        "{path} can be read by others.",
        "Otros pueden leer {path}.",
    ),
    "remedy.identity.secret_open": Sentence(
        "Close it.",
        "Ciérralo.",
    ),
    "finding.identity.secret_empty": Sentence(
        "{path} is empty.",
        "{path} está vacío.",
    ),
    "remedy.identity.secret_empty": Sentence(
        "Put the client's secret into it.",
        "Pon en él el secreto del cliente.",
    ),
    "finding.identity.redirect": Sentence(
        "Redirect URI to enter at the provider: {url}",
        "URI de redirección para el proveedor: {url}",
    ),
    "finding.identity.back_channel": Sentence(
        "Back-channel logout URL, where it has one: {url}",
        "URL de cierre de sesión por canal interno, si la tiene: {url}",
    ),
    "finding.identity.no_public_url": Sentence(
        "server.public_url is not set, so the redirect URI depends on how people type the address.",
        "Falta server.public_url: la URI de redirección depende de cómo se escriba la dirección.",
    ),
    "remedy.identity.no_public_url": Sentence(
        "Set server.public_url to the address that people use.",
        "Pon en server.public_url la dirección que usa la gente.",
    ),
    "finding.identity.leavers": Sentence(
        "Who is removed there is out here within {hours} hours at the latest.",
        "Quien se elimine allí queda fuera aquí en {hours} horas como mucho.",
    ),
    "finding.identity.everybody": Sentence(
        "Everybody whom the provider knows gets an account.",
        "Cualquiera que conozca el proveedor obtiene una cuenta.",
    ),
    "remedy.identity.everybody": Sentence(
        "For a provider with strangers in it set identity.oidc.allowed_domains or allowed_groups.",
        "Si en él hay gente ajena, pon identity.oidc.allowed_domains o allowed_groups.",
    ),
}
