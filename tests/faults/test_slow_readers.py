"""Clients that take their answers slowly or not at all: bounded memory, cut off by a stated rule, the slot is freed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis

from appliance.api.connections import Patience
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from tests.conftest import ROLE_SECRET, Servers
from tests.faults.cutting_proxy import CuttingProxy, Tcp
from tests.faults.observing import nothing_is_held, rows_of
from tests.faults.raw_client import RawClient, events, post
from tests.faults.scripted_engine import STREAM_HEAD, ScriptedEngine, chunk, frame
from tests.gateway_harness import Gateway, engine_settings, running_gateway, until

pytestmark = pytest.mark.slow

STREAM = {"model": "fake", "messages": [{"role": "user", "content": "go on"}], "stream": True}
READER_S = 2.0
SMALL = 4096
KEY = {"authorization": "Bearer bea"}


def _endless(engine: FakeEngine, frames: int) -> None:
    engine.behaviour.reply = "\n".join(["x" * 4000] * frames)
    engine.behaviour.pace_s = 0.0005


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """Answers of many large frames."""
    async with FakeEngine(slots=300) as started:
        _endless(started, 5000)
        yield started


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """Impatient: two seconds instead of thirty."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, max_running=250)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        patience=Patience(reader_s=READER_S),
    ) as running:
        yield running


def port_of(gateway: Gateway) -> int:
    """Where it listens."""
    return int(gateway.base_url.rpartition(":")[2])


def ask() -> bytes:
    """A streamed question."""
    return post("/v1/chat/completions", STREAM)


async def test_who_takes_nothing_is_cut_off(gateway: Gateway, engine: FakeEngine, database: Database) -> None:
    """The engine is stopped, the slot is free, the row says why, and what the client finds is no whole answer."""
    async with RawClient(port_of(gateway), receive_buffer=SMALL) as client:
        await client.send(ask())
        await engine.until(lambda e: e.running == 1)

        await engine.until(lambda e: e.running == 0, timeout_s=90)

        (row,) = await rows_of(database)
        found = await client.read_to_end()
    assert (row["status"], row["error_code"]) == ("client_gone", "slow_reader")
    assert b"[DONE]" not in found
    assert engine.aborted == 1
    await nothing_is_held(gateway)


async def test_a_byte_a_second_is_nothing(gateway: Gateway, engine: FakeEngine, database: Database) -> None:
    """Dripping does not keep a slot: the kernel opens its window no byte wider for it."""
    async with RawClient(port_of(gateway), receive_buffer=SMALL) as client:
        await client.send(ask())
        await engine.until(lambda e: e.running == 1)

        async def drip() -> None:
            while True:
                await client.read_some(1)
                await asyncio.sleep(0.5)

        dripping = asyncio.create_task(drip())
        await engine.until(lambda e: e.running == 0, timeout_s=90)
        dripping.cancel()
        (row,) = await rows_of(database)
    assert (row["status"], row["error_code"]) == ("client_gone", "slow_reader")


async def test_who_reads_slowly_but_keeps_the_pace_gets_everything(
    gateway: Gateway, engine: FakeEngine, database: Database
) -> None:
    """Well over the least pace, for much longer than the time a silent one has: the answer comes whole."""
    _endless(engine, 150)
    target = Tcp("127.0.0.1", port_of(gateway))
    async with CuttingProxy(target) as proxy:
        proxy.down.bytes_per_s = 100_000  # 600 KB: three times the patience
        async with RawClient(proxy.port) as client:
            await client.send(ask())
            await client.read_until(b"[DONE]")
            got = client.seen
    assert events(got)[-1] == "[DONE]" and len(got) > 500_000
    (row,) = await rows_of(database)
    assert row["status"] == "completed"


async def test_a_finished_answer_that_nobody_fetches_is_given_up_too(
    gateway: Gateway, engine: FakeEngine
) -> None:
    """A short answer lies in the buffers, its slot is long free; the connection does not stay for ever."""
    _endless(engine, 40)
    async with RawClient(port_of(gateway), receive_buffer=SMALL) as client:
        await client.send(ask())
        await engine.until(lambda e: e.finished == 1)
        server = gateway.servers[0].server_state

        await until(lambda: not server.connections, 90)

        assert b"[DONE]" not in await client.read_to_end()


async def test_two_hundred_of_them_hold_bounded_memory(
    servers: Servers, valkey: Redis, owner_url: str
) -> None:
    """Each holds a few buffers and no more, whatever its engine would go on to say; others are served meanwhile."""
    piece = chunk(frame("x" * 4000) * 4)

    async def talk_for_ever(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        while True:
            writer.write(piece)
            await writer.drain()

    async with (
        ScriptedEngine(talk_for_ever) as engine,
        running_gateway(
            {"local": engine_settings(engine.base_url, max_running=250)},
            valkey_url=servers.valkey.url,
            database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
            patience=Patience(reader_s=10.0),
        ) as gateway,
        AsyncExitStack() as stack,
    ):
        before = _rss_bytes()
        for _ in range(200):
            client = await stack.enter_async_context(RawClient(port_of(gateway), receive_buffer=SMALL))
            await client.send(ask())
        await until(lambda: engine.asked == 200, 240)
        async with gateway.session.get(f"{gateway.base_url}/v1/models", headers=KEY) as response:
            assert response.status == 200
        held = _rss_bytes() - before
        await until(lambda: engine.running == 0, 240)
        sys.stdout.write(
            f"\n  200 slow readers: {held / 200 / 1024:.0f} KiB each, their engine's side included"
        )
        assert held < 200 * 2 * 1024 * 1024
        await nothing_is_held(gateway)


def _rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
