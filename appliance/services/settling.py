"""Turns whose writer is gone: whoever looks at one ends it, with every word that reached Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from appliance.domain.answers import Turn, TurnEvent
from appliance.domain.people import Viewer
from appliance.errors import PartUnavailable
from appliance.services.turn_ports import TurnLog, TurnRepository

LOOK_S = 1.0  # between two looks at a writer's lease


class Settling:
    """own: the turns that this process writes; of those it is known."""

    def __init__(self, repository: TurnRepository, log: TurnLog, own: Collection[UUID]) -> None:
        self._repository = repository
        self._log = log
        self._own = own

    async def is_leased(self, turn_id: UUID) -> bool:
        """Whether somebody writes it; taken for true while nobody can tell."""
        if turn_id in self._own:
            return True
        try:
            return await self._log.is_leased(turn_id)
        except PartUnavailable:
            return True

    async def settle_abandoned(self, viewer: Viewer, running: Sequence[UUID]) -> bool:
        """End those whose writer died and that nobody has followed since; True when there was one."""
        abandoned = [turn_id for turn_id in running if not await self.is_leased(turn_id)]
        if not abandoned:
            return False
        # A second look, because Valkey may have come back a moment before the writer renewed its lease.
        await asyncio.sleep(LOOK_S)
        for turn_id in abandoned:
            if not await self.is_leased(turn_id):
                await self.settle(viewer, turn_id)
        return True

    async def settle(self, viewer: Viewer, turn_id: UUID) -> Turn:
        """A running turn that nobody writes: unless it has just ended, it ends here.

        While Valkey cannot be read it stays as it is: ended now, the words that only Valkey has would be lost.
        """
        turn = await self._repository.turn(viewer, turn_id)
        if not turn.is_running:
            return turn
        saved: list[TurnEvent] = await self._repository.events(viewer, turn_id, 0)
        try:
            live = await self._log.read(turn_id, saved[-1].seq if saved else 0, 0.05)
            text = await self._log.text(turn_id)
        except PartUnavailable:
            return turn
        # The live series may be ahead of what was saved when the writer died, and so may its text.
        last = max([event.seq for event in [*saved, *live]], default=0)
        end = TurnEvent(last + 1, "error", 0, {"code": "turn_interrupted"})
        answer = text if len(text) > len(turn.answer) else None
        await self._repository.finish(viewer, turn_id, "interrupted", answer, [*live, end])
        return replace(turn, status="interrupted", answer=answer or turn.answer)
