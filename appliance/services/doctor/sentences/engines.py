"""Engines and their models: what each finding says, and what to do about it."""

from __future__ import annotations

from appliance.services.doctor.words import Words

ENGINES = {
    "engines.none": Words(
        "No engine is connected: answers are the documents' own words.",
        "To chat, start vLLM or Ollama on this machine, or add an [engines.NAME] section.",
    ),
    "engines.ok": Words(
        "{name} at {url} serves {models}.",
    ),
    "engines.down": Words(
        "{name} at {url} does not answer: {detail}",
        "Start it, or correct base_url.",
    ),
    "engines.out_of_rotation": Words(
        "{name} is asked no more for {model} since {since}: {failures} of {calls} calls failed ({outcome}).",
        "It comes back by itself once it answers; Administration, Engines has its history.",
    ),
    "engines.key_refused": Words(
        "{name} refuses our key and is asked no more for {model} since {since}.",
        "Correct api_key or api_key_file of its section, and start the appliance again.",
    ),
    "engines.no_model": Words(
        "{name} answers, but serves no model: nobody can chat.",
        "Load one.",
    ),
    "engines.model_missing": Words(
        "[engines.{name}] offers {missing}, which that server does not have; it has {served}.",
        "Name what it serves, or load the model there.",
    ),
    "engines.default_missing": Words(
        "models.default is {model}, which no engine serves: answers fail until somebody chooses another.",
        "Set it to one that is served.",
    ),
    "engines.alias_missing": Words(
        "The name {alias} leads to {model}, which no engine serves.",
        "Correct [models.aliases], or load that model.",
    ),
    "engines.on_processor": Words(
        "{name} runs {model} on the processor although there is a GPU: many times slower.",
        "Start it again; if it stays, the driver or the device is missing there (see gpu).",
    ),
    "engines.partly_on_processor": Words(
        "{name} has only {percent} % of {model} on the GPU; the rest runs on the processor.",
        "A smaller context, a smaller model or fewer models at once make it fit.",
    ),
    "engines.processor": Words(
        "{name} runs {model} on the processor: there is no GPU here.",
    ),
    "engines.gpu_empty": Words(
        "{name} serves {model} and no GPU holds it: it probably runs on the processor.",
        "Start it again; if it stays, the driver or the device is missing there (see gpu).",
    ),
    "engines.context_narrow": Words(
        "[engines.{name}] promises {wanted} tokens of context for {model}, the server has {served}: long "
        "questions will fail.",
        "Promise what it has, or start it with more.",
    ),
    "engines.context_small": Words(
        "{model} on {name} has {served} tokens of context: a few pages of documents fill it.",
        "8192 is comfortable; start the engine with more.",
    ),
    "engines.outdated": Words(
        "{name} is {program} {version}; before {fixed} one request can crash it or read its memory "
        "({known}).",
        "Upgrade it.",
    ),
}
