"""Texts of callers who ask at the same moment go through the model together, and nobody waits for that to happen.

While a batch is being computed whatever comes meanwhile gathers; the next one takes what is of like length with the
oldest of it. So a lone caller loses nothing, and a crowd fills the batches (continuous batching, without a timer).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.embedding.lanes import Lanes

Vectors = NDArray[np.float32]
_LOOKED_AT = 256  # of those that wait: more would not fill a batch better


class Joining:
    """run: a batch -> its vectors. plan: places of texts that go together. lanes: of work that is not urgent."""

    def __init__(
        self,
        run: Callable[[list[str]], Awaitable[Vectors]],
        plan: Callable[[Sequence[str]], list[list[int]]],
        lanes: Lanes,
    ) -> None:
        self._run, self._plan, self._lanes = run, plan, lanes
        self._waiting: list[_Item] = []
        self._pumps: set[asyncio.Task[None]] = set()
        self.batches = 0
        """Made so far."""

    async def vectors(self, texts: Sequence[str]) -> list[Vectors]:
        """One of each text. Whoever is cancelled takes along what has not begun. Raises what `run` raises."""
        loop = asyncio.get_running_loop()
        items = [_Item(text, loop.create_future()) for text in texts]
        self._waiting += items
        self._pump()
        try:
            return [await item.vector for item in items]
        finally:
            for item in items:
                item.vector.cancel()

    def _pump(self) -> None:
        """As many at work as there are places; each ends when nothing waits."""
        if len(self._pumps) < self._lanes.places:
            pump = asyncio.create_task(self._work())
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _work(self) -> None:
        while self._waiting:
            async with self._lanes.place(is_urgent=False):
                batch = self._take()
                if not batch:
                    continue
                self.batches += 1
                try:
                    found = await self._run([item.text for item in batch])
                except Exception as error:
                    for item in batch:
                        if not item.vector.done():
                            item.vector.set_exception(error)
                            item.vector.exception()  # whoever left does not ask for it
                    continue
                for item, vector in zip(batch, found, strict=True):
                    if not item.vector.done():
                        item.vector.set_result(vector)

    def _take(self) -> list[_Item]:
        """The batch of the oldest that waits."""
        self._waiting = [item for item in self._waiting if not item.vector.done()]
        if not self._waiting:
            return []
        seen = self._waiting[:_LOOKED_AT]
        places = next(batch for batch in self._plan([item.text for item in seen]) if 0 in batch)
        taken = {id(seen[place]) for place in places}
        self._waiting = [item for item in self._waiting if id(item) not in taken]
        return [seen[place] for place in places]


class _Item:
    """A text and who waits for its vector."""

    __slots__ = ("text", "vector")

    def __init__(self, text: str, vector: asyncio.Future[Vectors]) -> None:
        self.text, self.vector = text, vector
