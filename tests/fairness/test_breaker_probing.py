"""Engines on the box are asked by the appliance whether they are well again: by one process, and so that it counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from redis.asyncio import Redis

from appliance.fairness.breakers.circuit_breakers import Terms
from appliance.fairness.breakers.probing import Asked, Prober
from inference.breaker.probe import ask
from inference.breaker.rules import LOCAL
from inference.engines.connections import Connections
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.failover.outcomes import Outcome, Report
from inference.ports import ChatEngine
from inference.settings import OpenAiCompatibleSettings
from inference.testing.behaviour import Behaviour, Fault
from inference.testing.fake_engine import FakeEngine
from inference.types import EngineRequest, EngineResponse, ModelInfo, ModelKind
from tests.breaker_workers import QUICK_TO_RETURN, SLOW_TO_RETURN, Company, Worker, workers
from tests.conftest import Servers
from tests.waiting import until


@dataclass
class Room:
    """An engine, the processes that use it, and who of them asks it. up: whether it is known to be up."""

    server: FakeEngine
    office: Sequence[Worker]
    probes: list[Report] = field(default_factory=list)
    up: set[str] = field(default_factory=set)

    @property
    def worker(self) -> Worker:
        return self.office[0]


@asynccontextmanager
async def asked(url: str, count: int, rules: object, behaviour: Behaviour) -> AsyncIterator[Room]:
    """So many processes, each with a prober."""
    company = Company(Terms(rules))  # type: ignore[arg-type]
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(FakeEngine(["llama"], behaviour=behaviour))
        connections = Connections()
        stack.push_async_callback(connections.close)
        settings = OpenAiCompatibleSettings(engine="openai_compatible", base_url=server.base_url)
        engine = OpenAiCompatibleEngine("gpu", settings, connections)
        office = await stack.enter_async_context(workers(url, count, company))
        room = Room(server, office)
        whom = Asked(engine, ModelInfo("llama"))
        for worker in office:
            prober = Prober(
                worker.breakers,
                lambda _engine, _model: whom,
                lambda: room.up,
                patience_s=60.0,
                on_probe=room.probes.append,
            )
            await prober.open()
            stack.push_async_callback(prober.close)
        yield room


async def test_a_healed_engine_is_back_after_one_probe(servers: Servers, valkey: Redis) -> None:
    """Three processes look, one asks, once, and all know."""
    async with asked(servers.valkey.url, 3, QUICK_TO_RETURN, Behaviour()) as room:
        room.worker.fails(Outcome.UNREACHABLE, 5)

        await until(lambda: bool(room.worker.told) and len(room.probes) > 0)
        await until(lambda: all(worker.is_closed() for worker in room.office))

        assert [report.outcome for report in room.probes] == [Outcome.SERVED]
        assert [request.payload["max_tokens"] for request in room.server.requests] == [1]


async def test_an_engine_that_breaks_off_is_asked_for_more_than_a_token(
    servers: Servers, valkey: Redis
) -> None:
    """One token would come: it stays out until whole answers do, and then comes back."""
    behaviour = Behaviour(tokens=64, fault=Fault.DIE, fault_after_tokens=8)
    async with asked(servers.valkey.url, 1, QUICK_TO_RETURN, behaviour) as room:
        room.worker.fails(Outcome.BROKEN, 3)
        await until(lambda: len(room.probes) >= 3)
        was_closed = room.worker.is_closed()

        room.server.behaviour.fault = Fault.NONE

        await until(room.worker.is_closed)
        assert not was_closed
        assert {report.outcome for report in room.probes[:3]} == {Outcome.BROKEN}


async def test_an_engine_that_comes_up_is_asked_at_once(servers: Servers, valkey: Redis) -> None:
    """Its pause would be an hour."""
    async with asked(servers.valkey.url, 1, SLOW_TO_RETURN, Behaviour()) as room:
        room.worker.fails(Outcome.UNREACHABLE, 5)
        await until(lambda: not room.worker.is_closed())
        assert room.probes == []

        room.up.add("gpu")

        await until(room.worker.is_closed)
        assert len(room.probes) == 1


async def test_a_probe_that_is_broken_off_leaves_its_claim(servers: Servers, valkey: Redis) -> None:
    """The process that asks stops; another one asks in its place."""
    hanging = Behaviour(fault=Fault.HANG, fault_times=1)
    async with AsyncExitStack() as stack:
        rules = replace(LOCAL, first_pause_ms=1, longest_pause_ms=1)
        room = await stack.enter_async_context(asked(servers.valkey.url, 1, rules, hanging))
        room.worker.fails(Outcome.FAILED, 5)
        await until(lambda: room.server.running == 1)

    async with asked(servers.valkey.url, 1, QUICK_TO_RETURN, Behaviour()) as later:
        await until(lambda: bool(later.probes))
        await until(later.worker.is_closed)

    assert later.probes[-1].outcome is Outcome.SERVED


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.NONE, Outcome.SERVED),
        (Fault.HTTP_500, Outcome.FAILED),
        (Fault.HTTP_429, Outcome.RATE_LIMITED),
        (Fault.DIE, Outcome.BROKEN),
        (Fault.ERROR_EVENT, Outcome.BROKEN),
        (Fault.NO_DONE, Outcome.BROKEN),
    ],
)
async def test_a_probe_says_what_a_person_would_have_met_with(fault: Fault, outcome: Outcome) -> None:
    """A health page says nothing of this."""
    report = await _ask(Behaviour(tokens=32, fault=fault, fault_after_tokens=8), patience_s=60.0)

    assert (report.outcome, report.is_probe) == (outcome, True)


class Stuck:
    """An engine that says so much and then nothing more: no clock but its caller's has a part in it."""

    name = "gpu"

    def __init__(self, *frames: bytes) -> None:
        self._frames = frames

    @asynccontextmanager
    async def relay(self, _request: EngineRequest) -> AsyncIterator[EngineResponse]:
        """Never ends."""

        async def said() -> AsyncIterator[bytes]:
            for frame in self._frames:
                yield frame
            await asyncio.Event().wait()

        yield EngineResponse(200, "text/event-stream", said(), "local:gpu")


@pytest.mark.parametrize(
    ("frames", "outcome"),
    [
        ([], Outcome.SILENT),
        ([b'data: {"choices":[{"index":0,"delta":{"content":"1"}}]}\n\n'], Outcome.BROKEN),
    ],
    ids=["silent", "stalled"],
)
async def test_a_probe_does_not_wait_for_ever(frames: list[bytes], outcome: Outcome) -> None:
    """Nothing came, or it stopped in the middle."""
    clock = asyncio.get_running_loop().time
    engine = cast(ChatEngine, Stuck(*frames))

    report = await ask(engine, ModelInfo("llama"), tokens=32, patience_s=0.05, clock=clock)

    assert report.outcome is outcome


@pytest.mark.parametrize("kind", ["embedding", "reranker"])
async def test_other_models_are_asked_in_their_own_way(kind: ModelKind) -> None:
    """Vectors and scores instead of tokens."""
    report = await _ask(Behaviour(), patience_s=60.0, kind=kind)

    assert report.outcome is Outcome.SERVED


async def _ask(behaviour: Behaviour, *, patience_s: float, kind: ModelKind = "chat") -> Report:
    connections = Connections()
    try:
        async with FakeEngine(["llama"], behaviour=behaviour) as server:
            settings = OpenAiCompatibleSettings(engine="openai_compatible", base_url=server.base_url)
            engine = OpenAiCompatibleEngine("gpu", settings, connections)
            return await ask(
                engine,
                ModelInfo("llama", kind),
                tokens=32,
                patience_s=patience_s,
                clock=asyncio.get_running_loop().time,
            )
    finally:
        await connections.close()
