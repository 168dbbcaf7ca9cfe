"""The prompts in force as this process knows them: read at the start, and again every few seconds.

While PostgreSQL is away the last ones stay; until it was heard once, the shipped ones count.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from appliance.domain.people import Language
from appliance.domain.prompts import SHIPPED, PromptVersion, PromptWords, Purpose
from appliance.errors import PartUnavailable
from appliance.fairness.background import end, for_ever
from appliance.ports.prompts import PromptInForce
from appliance.services.prompts.ports import PromptRepository

logger = logging.getLogger(__name__)

_READ_EVERY_S = 2.0
_OTHER: Mapping[Language, Language] = {"en": "es", "es": "en"}


class FollowedPrompts:
    """Fulfils ports.prompts.Prompts. One a process: open() before use, close() at the end."""

    def __init__(
        self, purposes: Mapping[str, Purpose], repository: PromptRepository, *, every_s: float = _READ_EVERY_S
    ) -> None:
        self._purposes = purposes
        self._repository = repository
        self._every_s = every_s
        self._chosen: Mapping[str, PromptVersion | None] = {}
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read once, then follow."""
        try:
            await self.read()
        except PartUnavailable as error:
            logger.warning("The shipped prompts count until the catalogue can be read: %s", error)
        self._task = asyncio.create_task(for_ever(self._follow))

    async def close(self) -> None:
        """Stop following."""
        await end([self._task])

    async def read(self) -> None:
        """Take over what is in force now. Raises PartUnavailable."""
        self._chosen = await self._repository.in_force()

    async def in_force(self, purpose: str, language: Language) -> PromptInForce:
        """Raises KeyError for a purpose that is neither shipped nor has a version in force."""
        chosen = self._chosen.get(purpose)
        if chosen is None:
            return _in_force(purpose, SHIPPED, self._purposes[purpose].shipped, language)
        return _in_force(purpose, chosen.number, chosen.words, language)

    def number(self, purpose: str) -> int:
        """Which version is in force; SHIPPED where none of its own is."""
        chosen = self._chosen.get(purpose)
        return SHIPPED if chosen is None else chosen.number

    async def _follow(self) -> None:
        is_told = False
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.read()
                is_told = False
            except PartUnavailable as error:
                if not is_told:
                    logger.warning("The prompts stay as they were: %s", error)
                is_told = True


def _in_force(purpose: str, number: int, words: PromptWords, language: Language) -> PromptInForce:
    """In the language asked for, else in the other one."""
    known = language if words.texts.get(language) else _OTHER[language]
    return PromptInForce(
        purpose,
        language,
        words.texts[known],
        number,
        words.examples.get(known, ()),
        words.temperature,
        words.model,
    )
