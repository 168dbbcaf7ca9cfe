"""A way out of a line that takes too long: into a slot that is free at once elsewhere, or not at all.

The place in line is given up only for a slot, so whoever finds none elsewhere has lost nothing, and nobody ever waits
in two lines.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from appliance.errors import PartUnavailable, PromptTooLong
from appliance.fairness.admission import Answer, Ask, Gone, Place
from appliance.fairness.lease import REPORT_S, Request
from appliance.fairness.queue import operations
from appliance.fairness.queue.local_queue import LocalQueue
from appliance.fairness.queue.operations import Operation, unpack_answer
from appliance.fairness.queue.queue_calls import Reply
from appliance.fairness.rungs import Rung

FindsWay = Callable[[float], Awaitable[tuple[Rung, Ask] | None]]
"""Told how long the wait is or will be, in seconds; None: there is no other way, and will be none.

Raises PromptTooLong, which is the same."""


class Line(Protocol):
    """The queue that counts now; `leases.Leases` fulfils it."""

    async def look(
        self, operation: Operation, unpack: Callable[[Reply], Answer], alone: Callable[[LocalQueue], Answer]
    ) -> Answer:
        """Raises PartUnavailable."""
        ...


class Crossing:
    """One request's. after_s: how long a wait is borne, whether it was waited or is foretold. find: the other way,
    asked once. now: a monotonic clock, in seconds."""

    def __init__(
        self, line: Line, after_s: float, find: FindsWay, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.taken: Rung | None = None
        """The other way, where it was taken."""
        self._line = line
        self._now = now
        self._rung: Rung | None = None
        self._since_s: float | None = None
        self._after_s = after_s
        self._find = find
        self._ask: Ask | None = None
        self._is_over = False

    async def attempt(self, request: Request) -> float:
        """Cross, if it is time and there is a slot. Returns in how many seconds to look again.

        The request has a turn. Cancelling leaves it where it stands.
        """
        if self._since_s is None:
            self._since_s = self._now()
        waited_s = self._now() - self._since_s
        foretold_s = 0.0 if request.place is None or request.place.eta_s is None else request.place.eta_s
        if self._is_over and self._ask is None:
            return REPORT_S
        if max(waited_s, foretold_s) < self._after_s:
            return max(0.0, self._after_s - waited_s)
        ask = await self._found(request, max(waited_s, foretold_s))
        if ask is not None and request.engine is None:
            await self._cross(request, ask)
        return REPORT_S

    def settle(self, request: Request) -> bool:
        """It has a slot. Returns whether that is the one elsewhere; then it is what stands in the other line."""
        ask = self._ask
        if ask is None or all(one.engine != request.engine for one in ask.candidates):
            return False
        request.ask = replace(ask, id=request.ask.id, limits=request.ask.limits)
        self.taken = self._rung
        return True

    async def _found(self, request: Request, wait_s: float) -> Ask | None:
        """None too where the turn here comes first."""
        if self._ask is None:
            assert request.turn is not None
            finding = asyncio.ensure_future(self._find(wait_s))
            try:
                await asyncio.wait((request.turn, finding), return_when=asyncio.FIRST_COMPLETED)
                if finding.done():
                    self._is_over = True  # it is not asked twice
                    with suppress(PromptTooLong):
                        self._rung, self._ask = finding.result() or (None, None)
            finally:
                finding.cancel()
        return self._ask

    async def _cross(self, request: Request, ask: Ask) -> None:
        ask = replace(ask, id=request.ask.id, limits=request.ask.limits)
        with suppress(PartUnavailable):  # nobody knows then: the line tells where it stands when it is asked
            answer = await self._line.look(
                operations.cross(ask),
                lambda reply: unpack_answer(reply, ask.limits),
                lambda queue: queue.cross(ask),
            )
            if not isinstance(answer, Gone | Place):
                request.take(answer)
                self.settle(request)
