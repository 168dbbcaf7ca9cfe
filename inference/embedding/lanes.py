"""Two lanes before a fixed number of places: whoever is urgent goes before everybody who waits.

Knows nothing of what is done in a place. Work under way is never interrupted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Lanes:
    """place(is_urgent=…) waits for a free place and gives it back on leaving. First come, first served in a lane."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._free = places
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._ordinary: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def place(self, *, is_urgent: bool) -> AsyncIterator[None]:
        await self._take(self._urgent if is_urgent else self._ordinary)
        try:
            yield
        finally:
            self._give_back()

    @property
    def waiting(self) -> int:
        return len(self._urgent) + len(self._ordinary)

    async def _take(self, lane: deque[asyncio.Future[None]]) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        lane.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()  # the place came together with the cancellation
            elif turn in lane:
                lane.remove(turn)
            raise

    def _give_back(self) -> None:
        for lane in (self._urgent, self._ordinary):
            while lane:
                turn = lane.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
