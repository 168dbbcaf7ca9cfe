"""A driver that blocks, run in threads of its own; whoever stops waiting for it has its query stopped at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from querying.errors import SourceUnavailable
from querying.source_refusals import SourceBecause

T = TypeVar("T")

_ENDING_S = 5.0


class Threads:
    """size: how many calls may be under way at once."""

    def __init__(self, name: str, size: int) -> None:
        self._executor = ThreadPoolExecutor(size, thread_name_prefix=name)

    async def call(self, work: Callable[[], T], stop: Callable[[], None], cut_off: Callable[[], None]) -> T:
        """What work() returns or raises. stop: makes work() end soon, asked from another thread when the waiting task
        is cancelled; cut_off: ends it where stop() did not within seconds. Neither may raise.
        """
        try:
            future = self._executor.submit(work)
        except RuntimeError as error:  # it was closed
            raise SourceUnavailable(SourceBecause("db_closed"), "closed") from error
        waiting = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            waiting.add_done_callback(_looked_at)
            if not future.cancel():
                await asyncio.shield(_ended(waiting, stop, cut_off))
            raise

    def close(self) -> None:
        """Nothing new is begun; what runs ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)


async def _ended(waiting: asyncio.Future[T], stop: Callable[[], None], cut_off: Callable[[], None]) -> None:
    for end in (stop, cut_off):
        await asyncio.to_thread(end)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.wait([waiting])), _ENDING_S)
            return


def _looked_at(waiting: asyncio.Future[T]) -> None:
    """What it ended with is nobody's concern any more."""
    if not waiting.cancelled():
        waiting.exception()
