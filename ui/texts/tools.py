"""Tools of others: what is said when one cannot be called, the page on which they are approved, and asking for consent."""

from __future__ import annotations

from ui.texts.sentence import Sentence

TOOL_ERRORS = {
    "tool_needs_consent": Sentence(
        "Nobody agreed to that tool being called.", "Nadie dio permiso para usar esa herramienta."
    ),
    "tool_declined": Sentence(
        "You said that this tool may not be called. You can change that under Account › Tools.",
        "Dijiste que esta herramienta no se use. Puedes cambiarlo en Cuenta › Herramientas.",
    ),
    "tool_stays": Sentence(
        "The tool's server would be told what has to stay here, so it was not called.",
        "El servidor de la herramienta se enteraría de algo que debe quedarse aquí, así que no se usó.",
    ),
    "tool_server_unavailable": Sentence(
        "The tool's server does not answer. Try again in a moment.",
        "El servidor de la herramienta no responde. Prueba dentro de un momento.",
    ),
    "tool_server_broken": Sentence(
        "The tool's server answered with something that cannot be used. Tell an administrator.",
        "El servidor de la herramienta respondió algo que no se puede usar. Avisa a un administrador.",
    ),
}
