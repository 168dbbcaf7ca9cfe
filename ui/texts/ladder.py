"""By which way an answer came, what is tried while somebody waits, and when somebody will answer again."""

from __future__ import annotations

from ui.texts.sentence import Sentence

LADDER = {
    "kind_cloud": Sentence("Answered by a cloud: {name}", "Respondió una nube: {name}"),
    "rung_elsewhere": Sentence(
        "On a second engine, the first one failed", "En un segundo motor: el primero falló"
    ),
    "rung_smaller": Sentence(
        "Answered by a smaller model: {name}", "Respondió un modelo más pequeño: {name}"
    ),
    "rung_quoted": Sentence(
        "Quoted from your documents; no language model answers just now",
        "Citas de tus documentos; ningún modelo de lenguaje responde ahora",
    ),
    "fact_way": Sentence("Way", "Camino"),
    "trying_same": Sentence(
        "The engine failed; trying it once more…", "El motor falló; se intenta otra vez…"
    ),
    "trying_elsewhere": Sentence(
        "The engine failed; trying the second one…", "El motor falló; se prueba con el segundo…"
    ),
    "trying_smaller": Sentence(
        "No engine of this model answers; trying a smaller model…",
        "Ningún motor de este modelo responde; se prueba uno más pequeño…",
    ),
    "trying_cloud": Sentence(
        "This box cannot answer now; asking the cloud…",
        "El servidor no puede responder ahora; se pregunta a la nube…",
    ),
    "trying_quoted": Sentence(
        "No model answers; quoting from your documents…",
        "Ningún modelo responde; se citan tus documentos…",
    ),
    "offer_quotes": Sentence("Show what your documents say", "Ver qué dicen tus documentos"),
}
LADDER_ERRORS = {
    "engine_back_soon": Sentence(
        "The language model does not answer just now, and is expected back soon.",
        "El modelo de lenguaje no responde ahora, pero se espera que vuelva pronto.",
    ),
    "stays_on_box": Sentence(
        "That model is a cloud’s, and this request may not leave the box. Choose a model of this box.",
        "Ese modelo es de una nube y esta petición no puede salir del servidor. Elige un modelo de aquí.",
    ),
}
LADDER_REFUSALS = {
    "expected_in": Sentence("Expected in {seconds} s.", "Se espera dentro de {seconds} s."),
}
