"""The events of turns that this process writes, for the readers in it: they need no look into Valkey.

Told only what has reached Valkey, so that no reader sees a word that a killed process would take with it. Of a block
that was rendered many times only its last form is held, which is all that a page shows of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from appliance.domain.answers import TurnEvent, TurnEventKind


class TurnsWrittenHere:
    """Turn by turn, from the first event that was told until `forget`."""

    def __init__(self) -> None:
        self._turns: dict[UUID, _Turn] = {}

    def __contains__(self, turn_id: UUID) -> bool:
        return turn_id in self._turns

    def tell(self, turn_id: UUID, events: Sequence[TurnEvent]) -> None:
        """Hold them and wake who waits. Nothing is held behind a turn's last event: there Valkey is asked again."""
        turn = self._turns.get(turn_id)
        if turn is None:
            if not events or events[0].seq != 1:
                return  # what came before is not known here
            turn = self._turns[turn_id] = _Turn()
        turn.tell(events)
        if events and events[-1].is_end:
            self.forget(turn_id)

    def forget(self, turn_id: UUID) -> None:
        """The turn is over, or is written elsewhere from now on."""
        turn = self._turns.pop(turn_id, None)
        if turn is not None:
            turn.wake()

    async def read(self, turn_id: UUID, after: int, wait_s: float) -> list[TurnEvent]:
        """Events above `after`, in order; waits up to wait_s for the first one. KeyError: not written here."""
        turn = self._turns[turn_id]
        if turn.last <= after:
            await turn.news(wait_s)
        return turn.above(after)


class _Turn:
    """The last form of everything, in order of numbers."""

    __slots__ = ("_events", "_waiting", "last")

    def __init__(self) -> None:
        self._events: dict[tuple[TurnEventKind, int], TurnEvent] = {}
        self._waiting: set[asyncio.Future[None]] = set()
        self.last = 0

    def tell(self, events: Sequence[TurnEvent]) -> None:
        for event in events:
            # Messages replace each other on the screen too, but each may be of use: they are few.
            key = (event.kind, event.slot if event.kind == "block" else event.seq)
            self._events.pop(key, None)
            self._events[key] = event
            self.last = event.seq
        self.wake()

    def above(self, after: int) -> list[TurnEvent]:
        newer = []
        for event in reversed(self._events.values()):
            if event.seq <= after:
                break
            newer.append(event)
        return newer[::-1]

    async def news(self, wait_s: float) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(wait_s, _end, waiting)
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            timer.cancel()
            self._waiting.discard(waiting)

    def wake(self) -> None:
        for waiting in self._waiting:
            _end(waiting)


def _end(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
