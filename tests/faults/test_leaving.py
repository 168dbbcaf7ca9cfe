"""Whoever leaves frees the engine, at every moment of a request, on every route, however the connection ends."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.fairness.settings import GateSettings
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from tests.api.test_fast_path_pipelines import CitedAnswer
from tests.conftest import ROLE_SECRET, Servers
from tests.faults.observing import metric, nothing_is_held, rows_of, until_metric
from tests.faults.raw_client import RawClient, events, get, post
from tests.gateway_harness import Gateway, engine_settings, running_gateway, until
from tests.llama_gateway import gateway_before_llama_cpp

MESSAGES = [{"role": "user", "content": "How are you?"}]


@dataclass(frozen=True)
class Call:
    """A way to ask."""

    name: str
    path: str
    payload: dict[str, Any]

    @property
    def is_stream(self) -> bool:
        return bool(self.payload.get("stream"))


CALLS = [
    Call("chat", "/v1/chat/completions", {"model": "fake", "messages": MESSAGES}),
    Call("chat_stream", "/v1/chat/completions", {"model": "fake", "messages": MESSAGES, "stream": True}),
    Call("completion", "/v1/completions", {"model": "fake", "prompt": "Once"}),
    Call("completion_stream", "/v1/completions", {"model": "fake", "prompt": "Once", "stream": True}),
    Call("embeddings", "/v1/embeddings", {"model": "fake", "input": "Once"}),
    Call("pipeline", "/v1/chat/completions", {"model": "cited", "messages": MESSAGES}),
    Call("pipeline_stream", "/v1/chat/completions", {"model": "cited", "messages": MESSAGES, "stream": True}),
]
STREAMS = [call for call in CALLS if call.is_stream]


def _names(call: Call) -> str:
    return call.name


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """More slots than the gate gives it."""
    async with FakeEngine(slots=8) as started:
        yield started


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """One slot, a pipeline, places shown soon."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, models=["fake"], max_running=1)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        settings=GateSettings(comment_after_s=0.1),
        pipelines={"cited": CitedAnswer()},
    ) as running:
        yield running


def port_of(gateway: Gateway) -> int:
    """Where it listens."""
    return int(gateway.base_url.rpartition(":")[2])


async def is_served(gateway: Gateway, engine: FakeEngine) -> bool:
    """Somebody else is answered at once."""
    engine.behaviour.pace_s = engine.behaviour.ttft_s = 0.0
    engine.behaviour.tokens = 2
    async with gateway.post("chat/completions", CALLS[0].payload, key="bea") as response:
        return response.status == 200


def told(what: str, started: float) -> None:
    """For whoever runs this with -s."""
    sys.stdout.write(f"\n  {what}: free after {(time.perf_counter() - started) * 1000:.0f} ms")


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("call", CALLS, ids=_names)
async def test_in_prefill(
    gateway: Gateway, engine: FakeEngine, database: Database, call: Call, reset: bool
) -> None:
    """The engine is silent, nothing has been sent: it is stopped all the same, and the slot serves the next."""
    engine.behaviour.ttft_s = 1000
    async with RawClient(port_of(gateway)) as client:
        await client.send(post(call.path, call.payload))
        await engine.until(lambda e: e.running == 1)
        started = time.perf_counter()

        client.leave(reset=reset)

        await engine.until(lambda e: e.running == 0)
        told(f"{call.name} in prefill", started)
    rows = await rows_of(database)
    assert {row["status"] for row in rows} == {"client_gone"}
    assert all(row["completion_tokens"] == 0 for row in rows)
    await nothing_is_held(gateway)
    assert await is_served(gateway, engine)


@pytest.mark.parametrize("call", CALLS, ids=_names)
async def test_while_queued(gateway: Gateway, engine: FakeEngine, database: Database, call: Call) -> None:
    """The place in line is gone, the engine never hears of it, nothing is billed."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.02, 5_000
    async with RawClient(port_of(gateway)) as holder, RawClient(port_of(gateway)) as client:
        await holder.send(post(STREAMS[0].path, STREAMS[0].payload, key="bea"))
        await engine.until(lambda e: e.running == 1)
        await client.send(post(call.path, call.payload))
        await until_metric(gateway, "appliance_waiting_requests", 1)
        started = time.perf_counter()

        client.leave()

        await until_metric(gateway, "appliance_waiting_requests", 0)
        told(f"{call.name} in line", started)
        rows = await rows_of(database)
        assert {row["status"] for row in rows} == {"client_gone"}
        assert all(row["engine"] is None and row["prompt_tokens"] == 0 for row in rows)
        assert len(engine.requests) == 1 and engine.running == 1
        holder.leave()
        await engine.until(lambda e: e.running == 0)


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("call", STREAMS, ids=_names)
async def test_in_the_middle_of_a_stream(
    gateway: Gateway, engine: FakeEngine, database: Database, call: Call, reset: bool
) -> None:
    """What was delivered is billed, give or take one frame."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.03, 5_000
    async with RawClient(port_of(gateway)) as client:
        await client.send(post(call.path, call.payload))
        await client.read_until(b"data: ", times=5)
        started = time.perf_counter()

        client.leave(reset=reset)

        await engine.until(lambda e: e.running == 0)
        told(f"{call.name} in mid-stream", started)
        delivered = len(events(client.seen))
    rows = await rows_of(database)
    assert {row["status"] for row in rows} == {"client_gone"}
    billed = max(row["completion_tokens"] for row in rows)
    assert abs(billed - delivered) <= 1
    await nothing_is_held(gateway)
    assert await is_served(gateway, engine)


@pytest.mark.parametrize(
    "call", [call for call in CALLS if not call.is_stream and call.name != "embeddings"], ids=_names
)
async def test_while_a_whole_answer_is_made(
    gateway: Gateway, engine: FakeEngine, database: Database, call: Call
) -> None:
    """Nothing has been sent to a call without streaming: the engine's tokens are for nobody, so it is stopped."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.03, 5_000
    async with RawClient(port_of(gateway)) as client:
        await client.send(post(call.path, call.payload))
        await engine.until(lambda e: e.running == 1)
        started = time.perf_counter()

        client.leave()

        await engine.until(lambda e: e.running == 0)
        told(f"{call.name} being made", started)
    assert {row["status"] for row in await rows_of(database)} == {"client_gone"}
    await nothing_is_held(gateway)


async def test_with_another_request_behind_it(gateway: Gateway, engine: FakeEngine) -> None:
    """Pipelining stops the reading of a connection; that its client left is noticed all the same."""
    engine.behaviour.ttft_s = 1000
    call = CALLS[0]
    async with RawClient(port_of(gateway)) as client:
        await client.send(post(call.path, call.payload))
        await engine.until(lambda e: e.running == 1)
        await client.send(get("/v1/models") * 3)
        started = time.perf_counter()

        client.leave()

        await engine.until(lambda e: e.running == 0)
        told("chat with pipelined requests", started)


async def test_a_crowd_that_leaves_at_once(gateway: Gateway, engine: FakeEngine, database: Database) -> None:
    """Sixty people, in line and being served, all gone in the same moment: nothing of them is left."""
    engine.behaviour.pace_s, engine.behaviour.tokens = 0.02, 5_000
    clients = [RawClient(port_of(gateway)) for _ in range(60)]
    for number, client in enumerate(clients):
        await client.__aenter__()
        call = CALLS[number % len(CALLS)]
        await client.send(post(call.path, call.payload))
    await engine.until(lambda e: e.running == 1)

    async def all_are_in() -> bool:
        return await metric(gateway, "appliance_waiting_requests") >= len(clients) - 1 - len(engine.requests)

    await until(all_are_in)
    started = time.perf_counter()

    for client in clients:
        client.leave(reset=True)

    await nothing_is_held(gateway)
    await engine.until(lambda e: e.running == 0)
    told("a crowd of sixty", started)
    rows = await rows_of(database, count=1)
    assert {row["status"] for row in rows} <= {"client_gone", "completed"}
    assert await is_served(gateway, engine)


# the real llama.cpp ---------------------------------------------------------------------------------------


@pytest.fixture
async def real_gateway(servers: Servers, valkey: Redis, owner_url: str) -> AsyncIterator[Gateway]:
    """In front of a llama.cpp with one slot."""
    async with gateway_before_llama_cpp(servers, owner_url, slots=1) as running:
        yield running


@pytest.mark.parametrize("moment", ["prefill", "mid_stream", "whole", "queued"])
async def test_the_real_engine_is_idle_again(real_gateway: Gateway, database: Database, moment: str) -> None:
    """llama.cpp itself says that nothing runs; the next one is served."""
    gateway = real_gateway
    endless = {"model": "tiny", "messages": MESSAGES, "max_tokens": 100_000, "ignore_eos": True}
    question = "How many legs has a spider? " * 100 if moment == "prefill" else "What is your name?"
    payload = {
        **endless,
        "messages": [{"role": "user", "content": question}],
        "stream": moment in ("mid_stream", "prefill"),
    }
    (real, _), *_ = gateway.roster.resolve("tiny")

    async def runs() -> bool:
        return (await real.load()).running > 0

    async def is_idle() -> bool:
        return not await runs()

    async with RawClient(port_of(gateway)) as holder, RawClient(port_of(gateway)) as client:
        if moment == "queued":
            await holder.send(post("/v1/chat/completions", {**endless, "stream": True}, key="bea"))
            await holder.read_until(b"data: ")
        await client.send(post("/v1/chat/completions", payload))
        if moment == "queued":
            await until_metric(gateway, "appliance_waiting_requests", 1)
        elif moment == "mid_stream":
            await client.read_until(b"data: ", times=5)
        else:
            await until_metric(gateway, "appliance_running_requests", 1)
            await until(runs)
        started = time.perf_counter()

        client.leave()
        if moment == "queued":
            await until_metric(gateway, "appliance_waiting_requests", 0)
            holder.leave()
        await until(is_idle)
        told(f"llama.cpp, {moment}", started)
    await nothing_is_held(gateway)
    (row,) = await rows_of(database)
    assert row["status"] == "client_gone"
    async with gateway.post("chat/completions", {"model": "tiny", "messages": MESSAGES}) as response:
        assert response.status == 200
