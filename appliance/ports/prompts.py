"""The words with which models are asked, as a catalogue with versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from appliance.domain.people import Language

_EXAMPLES: dict[Language, str] = {
    "en": "Examples of how to answer. They show the form; what they say is not about this question.",
    "es": "Ejemplos de cómo responder. Muestran la forma; lo que dicen no trata de esta pregunta.",
}
_SAID: dict[Language, tuple[str, str]] = {"en": ("Question", "Answer"), "es": ("Pregunta", "Respuesta")}


@dataclass(frozen=True, slots=True)
class PromptInForce:
    """purpose: such as `answer-with-sources`. version 0: as shipped. examples: (asked, answered).

    temperature, model: None and empty leave them to the request.
    """

    purpose: str
    language: Language
    text: str
    version: int = 0
    examples: tuple[tuple[str, str], ...] = ()
    temperature: float | None = None
    model: str = ""

    @property
    def used(self) -> str:
        """As an answer and the ledger tell which words it was written with: `answer-with-sources@3`."""
        return f"{self.purpose}@{self.version}"

    @property
    def instructions(self) -> str:
        """The text with its examples behind it."""
        if not self.examples:
            return self.text
        question, answer = _SAID[self.language]
        shown = [f"{question}: {asked}\n{answer}: {answered}" for asked, answered in self.examples]
        return "\n\n".join([self.text, _EXAMPLES[self.language], *shown])


class Prompts(Protocol):
    """Raises KeyError for a purpose that nobody declared."""

    async def in_force(self, purpose: str, language: Language) -> PromptInForce: ...
