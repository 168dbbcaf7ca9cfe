"""A few connections to one database, opened when they are needed and closed when nobody needs them for a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Generic, TypeVar

from querying.errors import SourceUnavailable
from querying.source_refusals import SourceBecause

T = TypeVar("T")

POOL_SIZE = 4
IDLE_S = 60.0


class Lent(Generic[T]):
    """One connection, as long as somebody has it. is_fresh: it was opened for this; else it may have died unnoticed."""

    def __init__(self, connection: T, *, is_fresh: bool) -> None:
        self.connection, self.is_fresh = connection, is_fresh
        self._is_sound = False

    def is_sound(self) -> None:
        """Nothing is under way on it: it may be lent again."""
        self._is_sound = True

    @property
    def may_be_kept(self) -> bool:
        return self._is_sound


class Pool(Generic[T]):
    """opened, closed: how a connection is made and ended; closing never raises, and may be asked for twice."""

    def __init__(
        self,
        opened: Callable[[], Awaitable[T]],
        closed: Callable[[T], Awaitable[None]],
        *,
        size: int = POOL_SIZE,
        idle_s: float = IDLE_S,
    ) -> None:
        self._opened, self._closed, self._idle_s = opened, closed, idle_s
        self._places = asyncio.Semaphore(size)
        self._idle: list[tuple[float, T]] = []
        self._sweeping: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def idle(self) -> int:
        """How many wait to be lent."""
        return len(self._idle)

    @asynccontextmanager
    async def lent(self, *, fresh: bool = False) -> AsyncIterator[Lent[T]]:
        """Kept afterwards only where is_sound() was said; else closed. fresh: none that lay idle."""
        async with self._places:
            if self._is_closed:
                raise SourceUnavailable(SourceBecause("db_closed"), "closed")
            one = await self._take(fresh=fresh)
            try:
                yield one
            finally:
                if one.may_be_kept and not self._is_closed:
                    self._idle.append((time.monotonic(), one.connection))
                    self._sweep_later()
                else:
                    await asyncio.shield(self._closed(one.connection))

    @asynccontextmanager
    async def begun(
        self, begin: Callable[[T], Awaitable[None]], dead: tuple[type[Exception], ...]
    ) -> AsyncIterator[Lent[T]]:
        """One on which begin() went well. One that died while it lay idle (begin() raises one of dead) is exchanged,
        once, before anything was asked of it.
        """
        async with self.lent() as one:
            try:
                await begin(one.connection)
            except dead:
                if one.is_fresh:
                    raise
            else:
                yield one
                return
        async with self.lent(fresh=True) as one:
            await begin(one.connection)
            yield one

    async def close(self) -> None:
        """Ends those that lie idle; lent ones end when they are given back."""
        self._is_closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeping
        while self._idle:
            await self._closed(self._idle.pop()[1])

    async def _take(self, *, fresh: bool) -> Lent[T]:
        if fresh:
            while self._idle:  # what lay beside a dead one is most likely dead as well
                await self._closed(self._idle.pop()[1])
        if self._idle:
            return Lent(self._idle.pop()[1], is_fresh=False)
        return Lent(await self._opened(), is_fresh=True)

    def _sweep_later(self) -> None:
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())

    async def _sweep(self) -> None:
        while self._idle:
            await asyncio.sleep(max(0.0, self._idle[0][0] + self._idle_s - time.monotonic()))
            while self._idle and self._idle[0][0] + self._idle_s <= time.monotonic():
                await self._closed(self._idle.pop(0)[1])
