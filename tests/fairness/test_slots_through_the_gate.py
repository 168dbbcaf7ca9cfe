"""The whole way: clients, gate, queue, and an engine that can bear a quarter of what was promised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from statistics import median

import pytest
from redis.asyncio import Redis

from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.answers import filler
from inference.testing.fake_engine import Behaviour, FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, running_gateway, until

pytestmark = pytest.mark.slow

PEOPLE = ("ana", "ben", "eva", "ida", "leo", "mia")
STREAM = {"model": "fake", "messages": [{"role": "user", "content": "Hello."}], "stream": True}


@asynccontextmanager
async def backlog(gateway: Gateway, each: int) -> AsyncIterator[list[int]]:
    """Everybody has so many requests open, always; yields the statuses so far."""
    statuses: list[int] = []

    async def keep_asking(key: str) -> None:
        while True:
            async with gateway.post("chat/completions", STREAM, key) as response:
                await response.read()
                statuses.append(response.status)

    asking = [asyncio.create_task(keep_asking(key)) for key in PEOPLE for _ in range(each)]
    try:
        yield statuses
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def waiting_at_looks(gateway: Gateway, server: FakeEngine, looks: int) -> list[int]:
    """Requests that wait inside the engine, as it says itself, at so many of the watcher's looks."""
    found = []
    for _ in range(looks):
        seen = server.metrics.scrapes
        await until(lambda seen=seen: server.metrics.scrapes > seen)  # type: ignore[misc]
        found.append(server.waiting)
    return found


async def test_the_engine_s_own_queue_stays_near_zero(
    servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """Sixteen slots were configured, four are there: the gate finds out; nobody is refused, the engine never idles."""
    lengths = cycle((20, 44, 31, 57, 25, 38, 50))  # else all would end together
    behaviour = Behaviour(reply=lambda _payload: filler(next(lengths)), pace_s=0.01)
    async with (
        FakeEngine(slots=4, behaviour=behaviour) as server,
        running_gateway(
            {"local": engine_settings(server.base_url, kind="vllm", max_running=16)},
            valkey_url=servers.valkey.url,
            database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        ) as gateway,
    ):
        loads = gateway.room.gate.loads
        async with backlog(gateway, each=4) as statuses:
            await server.until(lambda now: now.waiting >= 8)
            await until(lambda: (loads.slots("local") or 16) <= 7, timeout_s=40)
            await server.until(lambda now: now.waiting <= 1)
            waiting = await waiting_at_looks(gateway, server, looks=10)

    # The control feels its way, a slot up and a few down: now and then a few more wait for a moment.
    assert median(waiting) <= 1 and max(waiting) < 8
    assert set(statuses) == {200}
    assert server.peak_running == 4
