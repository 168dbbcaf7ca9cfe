"""Engines and their models: the findings of the doctor, and what to do about each."""

from __future__ import annotations

from ui.texts.sentence import Sentence

ENGINES = {
    "finding.engines.none": Sentence(
        "No engine is connected: answers are the documents' own words.",
        "No hay motor conectado: se responde con las palabras de los documentos.",
    ),
    "remedy.engines.none": Sentence(
        "To chat, start vLLM or Ollama on this machine, or add an [engines.NAME] section.",
        "Para chatear, arranca vLLM u Ollama en esta máquina o añade una sección [engines.NAME].",
    ),
    "finding.engines.ok": Sentence(
        "{name} at {url} serves {models}.",
        "{name} en {url} sirve {models}.",
    ),
    "finding.engines.down": Sentence(
        "{name} at {url} does not answer: {detail}",
        "{name} en {url} no responde: {detail}",
    ),
    "remedy.engines.down": Sentence(
        "Start it, or correct base_url.",
        "Arráncalo o corrige base_url.",
    ),
    "finding.engines.out_of_rotation": Sentence(
        "{name} is asked no more for {model} since {since}: {failures} of {calls} calls failed ({outcome}).",
        "{name} no recibe peticiones de {model} desde {since}: fallaron {failures} de {calls} ({outcome}).",
    ),
    "remedy.engines.out_of_rotation": Sentence(
        "It comes back by itself once it answers; Administration, Engines has its history.",
        "Vuelve solo en cuanto responda; su historial está en Administración, Motores.",
    ),
    "finding.engines.key_refused": Sentence(
        "{name} refuses our key and is asked no more for {model} since {since}.",
        "{name} rechaza nuestra clave y no recibe peticiones de {model} desde {since}.",
    ),
    "remedy.engines.key_refused": Sentence(
        "Correct api_key or api_key_file of its section, and start the appliance again.",
        "Corrige api_key o api_key_file de su sección y reinicia.",
    ),
    "finding.engines.no_model": Sentence(
        "{name} answers, but serves no model: nobody can chat.",
        "{name} responde, pero no sirve ningún modelo: nadie puede chatear.",
    ),
    "remedy.engines.no_model": Sentence(
        "Load one.",
        "Carga uno.",
    ),
    "finding.engines.model_missing": Sentence(
        "[engines.{name}] offers {missing}, which that server does not have; it has {served}.",
        "[engines.{name}] ofrece {missing}, que ese servidor no tiene; tiene {served}.",
    ),
    "remedy.engines.model_missing": Sentence(
        "Name what it serves, or load the model there.",
        "Pon lo que sirve o carga allí el modelo.",
    ),
    "finding.engines.default_missing": Sentence(
        "models.default is {model}, which no engine serves: answers fail until somebody chooses another.",
        "models.default es {model}, que ningún motor sirve: fallará hasta que alguien elija otro.",
    ),
    "remedy.engines.default_missing": Sentence(
        "Set it to one that is served.",
        "Pon uno que se sirva.",
    ),
    "finding.engines.alias_missing": Sentence(
        "The name {alias} leads to {model}, which no engine serves.",
        "El nombre {alias} lleva a {model}, que ningún motor sirve.",
    ),
    "remedy.engines.alias_missing": Sentence(
        "Correct [models.aliases], or load that model.",
        "Corrige [models.aliases] o carga ese modelo.",
    ),
    "finding.engines.on_processor": Sentence(
        "{name} runs {model} on the processor although there is a GPU: many times slower.",
        "{name} ejecuta {model} en el procesador aunque hay GPU: va muchísimo más lento.",
    ),
    "remedy.engines.on_processor": Sentence(
        "Start it again; if it stays, the driver or the device is missing there (see gpu).",
        "Reinícialo; si sigue igual, le falta el controlador o el dispositivo (mira gpu).",
    ),
    "finding.engines.partly_on_processor": Sentence(
        "{name} has only {percent} % of {model} on the GPU; the rest runs on the processor.",
        "{name} solo tiene en la GPU el {percent} % de {model}; el resto va por el procesador.",
    ),
    "remedy.engines.partly_on_processor": Sentence(
        "A smaller context, a smaller model or fewer models at once make it fit.",
        "Con menos contexto, un modelo menor o menos modelos a la vez cabrá.",
    ),
    "finding.engines.processor": Sentence(
        "{name} runs {model} on the processor: there is no GPU here.",
        "{name} ejecuta {model} en el procesador: aquí no hay GPU.",
    ),
    "finding.engines.gpu_empty": Sentence(
        "{name} serves {model} and no GPU holds it: it probably runs on the processor.",
        "{name} sirve {model} y ninguna GPU lo tiene: seguramente va por el procesador.",
    ),
    "remedy.engines.gpu_empty": Sentence(
        "Start it again; if it stays, the driver or the device is missing there (see gpu).",
        "Reinícialo; si sigue igual, le falta el controlador o el dispositivo (mira gpu).",
    ),
    "finding.engines.context_narrow": Sentence(
        "[engines.{name}] promises {wanted} tokens of context for {model}, the server has {served}: long "
        "questions will fail.",
        "[engines.{name}] promete {wanted} tokens de contexto para {model} y el servidor tiene {served}: "
        "las preguntas largas fallarán.",
    ),
    "remedy.engines.context_narrow": Sentence(
        "Promise what it has, or start it with more.",
        "Promete lo que tiene o arráncalo con más.",
    ),
    "finding.engines.context_small": Sentence(
        "{model} on {name} has {served} tokens of context: a few pages of documents fill it.",
        "{model} en {name} tiene {served} tokens de contexto: unas pocas páginas lo llenan.",
    ),
    "remedy.engines.context_small": Sentence(
        "8192 is comfortable; start the engine with more.",
        "8192 es lo cómodo; arranca el motor con más.",
    ),
    "finding.engines.outdated": Sentence(
        "{name} is {program} {version}; before {fixed} one request can crash it or read its memory "
        "({known}).",
        "{name} es {program} {version}; antes de la {fixed}, una petición puede tumbarlo o leer su "
        "memoria ({known}).",
    ),
    "remedy.engines.outdated": Sentence(
        "Upgrade it.",
        "Actualízalo.",
    ),
}
