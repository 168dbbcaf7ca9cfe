"""Clouds: the findings of the doctor, and what to do about each."""

from __future__ import annotations

from ui.texts.sentence import Sentence

CLOUDS = {
    "finding.clouds.none": Sentence(
        "No cloud is set: nothing is answered elsewhere.",
        "No hay ninguna nube configurada: no se responde nada fuera.",
    ),
    "finding.clouds.ok": Sentence(
        "[engines.{name}] is {provider}'s, with {models}; nothing was sent to try it.",
        "[engines.{name}] es de {provider}, con {models}; no se ha enviado nada para probarlo.",
    ),
    "finding.clouds.never": Sentence(
        "Clouds are set, and leaving.when is never: nothing goes to them.",
        "Hay nubes configuradas y leaving.when es never: no les llega nada.",
    ),
    "finding.clouds.no_key": Sentence(
        "[engines.{name}] has no key: {provider} answers nobody without one.",
        "[engines.{name}] no tiene clave: {provider} no responde a nadie sin ella.",
    ),
    "remedy.clouds.no_key": Sentence(
        "Write the key into a file that only the appliance can read, and name it.",
        "Escribe la clave en un archivo que solo pueda leer el servidor e indícalo.",
    ),
    "finding.clouds.key_open": Sentence(
        "Others on this machine can read {path}, which holds a cloud's key.",
        "Otros en esta máquina pueden leer {path}, que guarda la clave de una nube.",
    ),
    "remedy.clouds.key_open": Sentence(
        "Take their rights away; if others work here, get a new key.",
        "Quítales el permiso; si aquí trabaja más gente, pide otra clave.",
    ),
    "finding.clouds.no_way": Sentence(
        "[engines.{name}]: nothing can go to {url}: {detail}",
        "[engines.{name}]: nada puede llegar a {url}: {detail}",
    ),
    "remedy.clouds.no_way": Sentence(
        "Correct base_url; for a server of your own network name it in egress.inside.",
        "Corrige base_url; si es un servidor de tu red, ponlo en egress.inside.",
    ),
    "finding.clouds.misnamed": Sentence(
        "[engines.{name}] stands in for {alias}, which is another name for {model}: it is never asked.",
        "[engines.{name}] sustituye a {alias}, que es otro nombre de {model}: nunca se usa.",
    ),
    "remedy.clouds.misnamed": Sentence(
        "Name the model itself in model_map.",
        "Pon en model_map el propio modelo.",
    ),
    "finding.clouds.unpriced": Sentence(
        "Nobody knows what {models} of [engines.{name}] costs: nothing is counted, and a budget keeps it closed.",
        "No se sabe cuánto cuesta {models} de [engines.{name}]: no se cuenta nada, y con presupuesto no se usa.",
    ),
    "remedy.clouds.unpriced": Sentence(
        "Give a price, per million tokens.",
        "Pon un precio por millón de tokens.",
    ),
    "finding.clouds.at_par": Sentence(
        "What clouds cost is published in dollars, and a dollar counts as one {currency} here.",
        "Los precios de las nubes se publican en dólares, y aquí un dólar cuenta como un {currency}.",
    ),
    "remedy.clouds.at_par": Sentence(
        "Set what a dollar costs.",
        "Indica cuánto cuesta un dólar.",
    ),
}
