"""What a model is told of the conversation so far: the turns on the way to the one that is asked after.

Each turn has a memory of its own, because a conversation is a tree. Held for the newest in Valkey; PostgreSQL has all.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import UUID

from appliance.domain.conversations import Remembered
from appliance.domain.origins import Origins
from appliance.domain.people import Viewer
from appliance.errors import PartUnavailable
from appliance.services.turn_ports import TurnLog, TurnRepository
from inference.types import ChatMessage

logger = logging.getLogger(__name__)

MOST_TURNS = 200
MOST_CHARACTERS = 1_000_000  # more than any model's context that is served here holds


class PromptMemory:
    """Reads and keeps what was said."""

    def __init__(self, log: TurnLog, repository: TurnRepository) -> None:
        self._log = log
        self._repository = repository

    async def of(self, viewer: Viewer, head: UUID | None) -> Remembered:
        """Everything up to that turn, itself included; None: nothing has been said. Raises PartUnavailable."""
        if head is None:
            return Remembered()
        try:
            held = await self._log.recall(viewer.user_id, head)
        except PartUnavailable:
            held = None
        if held is not None:
            return held
        said, omitted, origins = await self._repository.said(viewer, head, MOST_TURNS)
        messages: list[ChatMessage] = []
        for question, answer in said:
            if answer.strip():
                messages += [ChatMessage("user", question), ChatMessage("assistant", answer)]
        return _bounded(messages, omitted, origins)

    async def keep(
        self,
        viewer: Viewer,
        turn_id: UUID,
        previous_id: UUID | None,
        before: Remembered,
        said: Sequence[str],
        origins: Origins,
    ) -> None:
        """said: the turn's question and its answer, after what was said before it. origins: of all up to here."""
        question, answer = said
        messages = [*before.messages, ChatMessage("user", question), ChatMessage("assistant", answer)]
        now = _bounded(messages, before.omitted_turns, origins)
        try:
            await self._log.remember(viewer.user_id, turn_id, now, instead_of=previous_id)
        except PartUnavailable:
            logger.warning("the memory of turn %s is not held in Valkey", turn_id)


def _bounded(messages: Sequence[ChatMessage], omitted_turns: int, origins: Origins) -> Remembered:
    """The last turns only, each a question and its answer."""
    left, kept = MOST_CHARACTERS, 0
    while kept + 2 <= min(len(messages), 2 * MOST_TURNS):
        answer, question = messages[-kept - 1], messages[-kept - 2]
        left -= len(question.content) + len(answer.content)
        if left < 0 and kept:
            break
        kept += 2
    omitted_turns += (len(messages) - kept) // 2
    return Remembered(tuple(messages[len(messages) - kept :]), omitted_turns, origins)
