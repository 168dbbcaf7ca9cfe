"""Everything that is asked of the shared queue within one turn of the event loop goes out as one call of its script.

So an admission costs one round trip, and a busy process far less than one call a request. Operations are carried out
in the order in which they were asked. Knows nothing of what they mean.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Protocol

from appliance.errors import PartUnavailable

logger = logging.getLogger(__name__)

_MOST_A_CALL = 200  # Valkey does nothing else meanwhile: some 10 ms
_COMPANY_S = 0.001

Reply = Any  # unpacked JSON
Operation = bytes
_Asked = Sequence[tuple[Operation, asyncio.Future[Reply]]]


class Steps(Protocol):
    """`shared_queue.SharedQueue` fulfils it. Operations are carried out in order; one answer each."""

    def send(self, operations: Sequence[Operation]) -> asyncio.Future[list[bytes]]:
        """What Valkey will answer. Raises PartUnavailable."""
        ...

    def answers(
        self, sent: asyncio.Future[list[bytes]], operations: Sequence[Operation]
    ) -> list[Reply] | None:
        """What it means; None: nothing was done, take a step. Raises PartUnavailable."""
        ...

    async def step(self, operations: Sequence[Operation]) -> list[Reply]:
        """Both, with whatever must be put right before. Raises PartUnavailable."""
        ...


class QueueCalls:
    """One a process. on_failure: told once for every call that failed, before those who asked are."""

    def __init__(self, queue: Steps, on_failure: Callable[[PartUnavailable], None]) -> None:
        self._queue = queue
        self._on_failure = on_failure
        self._asked: list[tuple[Operation, asyncio.Future[Reply]]] = []
        self._is_called = False
        self._later: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Future[Any]] = set()

    def ask(self, operation: Operation, *, may_wait: bool = False) -> asyncio.Future[Reply]:
        """Its answer to come; it fails with PartUnavailable.

        may_wait: for a millisecond, for others to go along; Valkey needs two thirds less time for two in one call.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        self._asked.append((operation, future))
        if may_wait:
            if self._later is None and not self._is_called:
                self._later = loop.call_later(_COMPANY_S, self._send)
        elif not self._is_called:
            self._is_called = True
            loop.call_soon(self._send)
        return future

    async def close(self, patience_s: float) -> None:
        """Wait for what is under way, but not for ever."""
        self._send()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=patience_s)
        for call in self._under_way:
            call.cancel()

    def _send(self) -> None:
        if self._later is not None:
            self._later.cancel()
        self._later, self._is_called = None, False
        asked, self._asked = self._asked, []
        for first in range(0, len(asked), _MOST_A_CALL):
            self._call(asked[first : first + _MOST_A_CALL])

    def _call(self, asked: _Asked) -> None:
        try:
            sent = self._queue.send([operation for operation, _ in asked])
        except PartUnavailable as error:
            self._fail(asked, error)
            return
        self._under_way.add(sent)
        sent.add_done_callback(partial(self._answered, asked))

    def _answered(self, asked: _Asked, sent: asyncio.Future[list[bytes]]) -> None:
        self._under_way.discard(sent)
        if sent.cancelled():
            return
        try:
            answers = self._queue.answers(sent, [operation for operation, _ in asked])
        except PartUnavailable as error:
            self._fail(asked, error)
        except Exception:
            logger.exception("a call of the queue failed")
            self._fail(asked, PartUnavailable("The queue failed."))
        else:
            if answers is None:
                self._keep(self._call_again(asked))
            else:
                _give(asked, answers)

    def _keep(self, call: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(call)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _call_again(self, asked: _Asked) -> None:
        try:
            answers = await self._queue.step([operation for operation, _ in asked])
        except PartUnavailable as error:
            self._fail(asked, error)
        except Exception:
            logger.exception("a call of the queue failed")
            self._fail(asked, PartUnavailable("The queue failed."))
        else:
            _give(asked, answers)

    def _fail(self, asked: _Asked, error: PartUnavailable) -> None:
        self._on_failure(error)
        for _, future in asked:
            if not future.done():
                future.set_exception(error)
                future.exception()  # not everybody waits for the answer


def _give(asked: _Asked, answers: Sequence[Reply]) -> None:
    for (_, future), answer in zip(asked, answers, strict=True):  # as many: `answers` sees to it
        if not future.done():
            future.set_result(answer)
