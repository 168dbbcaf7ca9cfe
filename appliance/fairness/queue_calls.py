"""Everything that is asked of the shared queue within one turn of the event loop goes out as one call of its script.

So an admission costs one round trip, and a busy process far less than one call a request. Operations are carried out
in the order in which they were asked. Knows nothing of what they mean.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from appliance.errors import PartUnavailable

logger = logging.getLogger(__name__)

_MOST_A_CALL = 200  # Valkey does nothing else meanwhile: some 10 ms

Reply = Any  # unpacked JSON
Operation = bytes


class Steps(Protocol):
    """`shared_queue.SharedQueue` fulfils it."""

    async def step(self, operations: Sequence[Operation]) -> list[Reply]:
        """Carry these out in order; one answer each. Raises PartUnavailable."""
        ...


class QueueCalls:
    """One a process. on_failure: told once for every call that failed, before those who asked are."""

    def __init__(self, queue: Steps, on_failure: Callable[[PartUnavailable], None]) -> None:
        self._queue = queue
        self._on_failure = on_failure
        self._asked: list[tuple[Operation, asyncio.Future[Reply]]] = []
        self._calls: set[asyncio.Task[None]] = set()

    def ask(self, operation: Operation) -> asyncio.Future[Reply]:
        """Its answer to come; it fails with PartUnavailable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._asked.append((operation, future))
        if len(self._asked) == 1:
            loop.call_soon(self._send)
        return future

    async def close(self, patience_s: float) -> None:
        """Wait for what is under way, but not for ever."""
        self._send()
        if self._calls:
            await asyncio.wait(self._calls, timeout=patience_s)
        for task in self._calls:
            task.cancel()

    def _send(self) -> None:
        asked, self._asked = self._asked, []
        for first in range(0, len(asked), _MOST_A_CALL):
            call = asyncio.get_running_loop().create_task(self._call(asked[first : first + _MOST_A_CALL]))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _call(self, asked: Sequence[tuple[Operation, asyncio.Future[Reply]]]) -> None:
        try:
            answers = await self._queue.step([operation for operation, _ in asked])
        except PartUnavailable as error:
            self._fail(asked, error)
            return
        except Exception:
            logger.exception("a call of the queue failed")
            self._fail(asked, PartUnavailable("The queue failed."))
            return
        for (_, future), answer in zip(asked, answers, strict=True):  # as many: `step` sees to it
            if not future.done():
                future.set_result(answer)

    def _fail(self, asked: Sequence[tuple[Operation, asyncio.Future[Reply]]], error: PartUnavailable) -> None:
        self._on_failure(error)
        for _, future in asked:
            if not future.done():
                future.set_exception(error)
                future.exception()  # not everybody waits for the answer
