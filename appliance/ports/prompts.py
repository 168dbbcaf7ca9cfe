"""The words with which models are asked, as a catalogue with versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from appliance.domain.people import Language


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


class Prompts(Protocol):
    """Raises KeyError for a purpose that nobody declared."""

    async def in_force(self, purpose: str, language: Language) -> PromptInForce: ...
