"""Waiting for a turn: in one line until a slot is there, here or elsewhere, or until it has been long enough."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from appliance.domain.answers import Waiting
from appliance.errors import QueueFull
from appliance.fairness.lease import REPORT_S, OnWaiting, Request
from appliance.fairness.limits.refusals import come_back_s


class Crosses(Protocol):
    """`crossing.Crossing` fulfils it."""

    async def attempt(self, request: Request) -> float: ...

    def settle(self, request: Request) -> bool: ...


async def wait_for_turn(
    request: Request,
    on_waiting: OnWaiting | None,
    begin: Callable[[], None],
    started_s: float,
    max_wait_s: float,
    first_report_s: float,
    crossing: Crosses | None = None,
) -> None:
    """Return when it has a slot. begin: told that somebody waits. started_s: on the loop's clock. crossing: to a slot
    elsewhere.

    Raises QueueFull after max_wait_s, and whatever it is refused with.
    """
    loop, report_s = asyncio.get_running_loop(), first_report_s
    while request.engine is None:
        begin()
        if request.turn is None:
            request.turn = loop.create_future()
        if on_waiting is not None and request.place is not None:
            await on_waiting(Waiting(request.place.position, request.place.eta_s))
        left_s = started_s + max_wait_s - loop.time()
        if left_s <= 0:
            eta_s = request.place.eta_s if request.place else None
            raise QueueFull(f"This one waited {max_wait_s:.0f} s.", retry_after_s=come_back_s(eta_s))
        cross_s = left_s if crossing is None else await crossing.attempt(request)
        if request.engine is None:
            await asyncio.wait((request.turn,), timeout=min(report_s, left_s, cross_s))
        if request.turn.done():
            request.turn.result()
        report_s = REPORT_S
    if crossing is not None:
        crossing.settle(request)
