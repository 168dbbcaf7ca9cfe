"""Ends the work of a task for a stated reason, for certain."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

_AGAIN_S = 0.5


class Interruption:
    """Made by the task that is to be ended; `with` it around the work, `now` from anywhere in the same event loop.

    A cancellation can be lost inside asyncio.wait_for (CPython issue 81839, until Python 3.12), which libraries use:
    it is repeated until the work has ended. Leaving the block takes back what was asked of the task.
    """

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.reason: str | None = None
        """Why, once it was asked for; also the message of the CancelledError."""
        self._task = task
        self._cancels = 0
        self._is_inside = False
        self._again: asyncio.TimerHandle | None = None

    def now(self, reason: str) -> None:
        """End the work; the first reason counts."""
        if self.reason is None:
            self.reason = reason
            if self._is_inside:
                self._cancel()

    def __enter__(self) -> Self:
        self._is_inside = True
        if self.reason is not None:
            self._cancel()  # the first await of the work ends it
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_inside = False
        if self._again is not None:
            self._again.cancel()
        while self._cancels:
            self._cancels -= 1
            self._task.uncancel()

    def _cancel(self) -> None:
        self._cancels += 1
        self._task.cancel(self.reason)
        self._again = asyncio.get_running_loop().call_later(_AGAIN_S, self._cancel)
