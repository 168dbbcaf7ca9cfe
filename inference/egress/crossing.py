"""Connections to a server that the operator named and that may lie inside or outside: only the latter leaves.

What stays in the own network passes without a line; what leaves it goes through the door like everything else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from inference.egress.door import Egress
from inference.egress.neighbours import Neighbours
from inference.egress.recording import Passing
from inference.egress.switch import NEVER_STOPPED


class Crossing:
    """egress: for what leads out. neighbours: tell which does."""

    def __init__(self, egress: Egress, neighbours: Neighbours) -> None:
        self._egress, self._neighbours = egress, neighbours

    @contextmanager
    def watched(self, purpose: str, method: str, url: str, actor: str = "") -> Iterator[Passing]:
        """As Egress.beside, which raises. Blocks for the name service and the disk."""
        if not self._neighbours.leads_out(url):
            yield Passing(NEVER_STOPPED.stopped)
            return
        with self._egress.beside(purpose, method, url, actor) as passing:
            yield passing

    @asynccontextmanager
    async def around(self, purpose: str, method: str, url: str, actor: str = "") -> AsyncIterator[Passing]:
        """As Egress.around, which raises."""
        if not await asyncio.to_thread(self._neighbours.leads_out, url):
            yield Passing(NEVER_STOPPED.stopped)
            return
        async with self._egress.around(purpose, method, url, actor) as passing:
            yield passing
