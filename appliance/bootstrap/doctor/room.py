"""The doctor of a running box: a gateway looks at the box that it is part of."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from fastapi import APIRouter

from appliance.api.doctor import doctor_routes
from appliance.api.identity import Identity
from appliance.bootstrap.box import Box
from appliance.bootstrap.doctor.place import Live, look_at
from appliance.domain.people import Caller
from appliance.errors import PartUnavailable
from appliance.services.doctor.findings import Finding
from appliance.services.doctor.room import DoctorRoom
from appliance.services.doctor.use import Line
from appliance.services.queue_overview import PersonOverview, PoolOverview, QueueOverview


def build_doctor_routes(box: Box, queue: QueueOverview, identity: Identity) -> APIRouter:
    """queue: as administrators see it."""

    # The checks bring in cryptography and the like, a quarter of a second that a gateway's start can do without.
    def names_of_checks() -> Collection[str]:
        from appliance.bootstrap.doctor.table import CHECKS

        return CHECKS

    def examined(live: Live, names: Sequence[str]) -> Sequence[Finding]:
        from appliance.bootstrap.doctor.examination import examine

        return examine(look_at(box.data, box=box, live=live), names)

    async def look(caller: Caller, names: Sequence[str]) -> Sequence[Finding]:
        live = await _live(queue, caller)
        return await asyncio.to_thread(examined, live, names)

    return doctor_routes(DoctorRoom(look, names_of_checks, lambda: datetime.now(UTC)), identity)


async def _live(queue: QueueOverview, caller: Caller) -> Live:
    try:
        pools, people = await queue.pools(), await queue.people(caller)
    except PartUnavailable as error:
        return Live(problem=error.detail or str(error))
    return Live(tuple(_line(pool, people) for pool in pools))


def _line(pool: PoolOverview, people: Sequence[PersonOverview]) -> Line:
    """Who waits is known of all pools together; most boxes have one."""
    waiting = sorted(
        ((person.email or "–", person.waiting) for person in people if person.waiting),
        key=lambda one: -one[1],
    )
    return Line(pool.state.name, pool.state.running, pool.state.waiting, tuple(waiting))
