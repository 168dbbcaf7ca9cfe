"""The next rung, found out while the engine of this one is still waited for.

Whether a request may go on is known only when it has been asked: a cloud may not be permitted to see it. So an engine
that is alone on its rung is given up for another rung only once that one is certain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from appliance.fairness.rungs import Climb, Rung


class Ahead:
    """Of one request. close() it at the end."""

    def __init__(self, climb: Climb) -> None:
        self._climb = climb
        self._looking: asyncio.Task[Rung | None] | None = None

    def look(self, failure: Exception, rung: Rung, tell: Callable[[], None]) -> None:
        """Look once; tell is called as soon as there is another rung, and not where there is none."""
        if self._looking is not None:
            return

        def told(task: asyncio.Task[Rung | None]) -> None:
            if not task.cancelled() and task.result() is not None:
                tell()

        self._looking = asyncio.create_task(self._find(failure, rung))
        self._looking.add_done_callback(told)

    async def next(self, failure: Exception | None, rung: Rung | None) -> Rung:
        """As Climb.next; what has been found comes first."""
        looking, self._looking = self._looking, None
        found = None if looking is None else await looking
        return await self._climb.next(failure, rung) if found is None else found

    def close(self) -> None:
        """Nobody goes on."""
        if self._looking is not None:
            self._looking.cancel()

    async def _find(self, failure: Exception, rung: Rung) -> Rung | None:
        try:
            return await self._climb.next(failure, rung)
        except Exception:  # whatever it is, the engine is still waited for
            return None
