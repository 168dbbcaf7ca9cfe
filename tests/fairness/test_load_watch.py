"""Who asks the engines, what the queue is told, and what a backlog does to an engine with fewer slots than promised."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.errors import PartUnavailable
from appliance.fairness.admission import Capacity
from appliance.fairness.slots.load_watch import LoadWatch
from inference.engines.connections import Connections
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.engines.vllm import VllmEngine
from inference.ports import ChatEngine
from inference.settings import OpenAiCompatibleSettings, VllmSettings
from inference.testing.answers import filler
from inference.testing.fake_engine import Behaviour, FakeEngine, MetricsFault
from inference.types import EngineRequest


@dataclass
class Queue:
    """Remembers what it was told last, engine by engine."""

    learned: dict[str, Capacity] = field(default_factory=dict)

    async def learn(self, capacities: Sequence[Capacity]) -> None:
        """Keeps them."""
        self.learned.update({capacity.engine: capacity for capacity in capacities})


@dataclass
class Clock:
    """Seconds, as the test says."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


class World:
    """Watchers on one Valkey, engines at stand-ins, one clock."""

    def __init__(self, valkey: Redis, stack: AsyncExitStack) -> None:
        self.valkey = valkey
        self.clock = Clock()
        self.queue = Queue()
        self.engines: list[ChatEngine] = []
        self.held: dict[str, int] = {}
        self._stack = stack
        self.connections = Connections()
        stack.push_async_callback(self.connections.close)

    async def serve(self, name: str, *, configured: int | None = None, **options: Any) -> FakeEngine:
        """A stand-in, spoken to as a vLLM of that name."""
        server = await self._stack.enter_async_context(FakeEngine(**options))
        settings = VllmSettings(engine="vllm", base_url=server.base_url, max_running=configured)
        self.engines.append(VllmEngine(name, settings, self.connections))
        return server

    def watch(self, worker: str, valkey: Any = None, clock: Clock | None = None) -> LoadWatch:
        """A watcher of that process."""
        watch = LoadWatch(
            valkey or self.valkey.execute_command,
            self.queue,
            lambda: self.engines,
            worker,
            default_slots=8,
            held=lambda: self.held,
            clock=clock or self.clock,
            every_s=0.4,
        )
        self._stack.push_async_callback(watch.close)
        return watch

    async def looks(self, watch: LoadWatch, count: int) -> None:
        """So many, a second apart."""
        for _ in range(count):
            self.clock.now_s += 1
            await watch.look()


@pytest.fixture
async def world(valkey: Redis) -> AsyncIterator[World]:
    """An empty one."""
    async with AsyncExitStack() as stack:
        yield World(valkey, stack)


async def test_one_process_asks_and_the_others_read(world: World) -> None:
    """The engine sees one scrape a look; every process knows the same."""
    server = await world.serve("a", configured=12)
    first, second = world.watch("w1"), world.watch("w2")

    for _ in range(3):
        await first.look()
        await second.look()

    assert server.metrics.scrapes == 3
    assert first.slots("a") == second.slots("a") == 12
    assert first.load("a") == second.load("a")
    assert world.queue.learned == {"a": Capacity("a", 12, 4096 * 16)} == {"a": second.capacity("a")}
    assert second.capacity("b") is None and second.slots("b") is None


async def test_who_takes_over_goes_on_from_where_the_other_stood(world: World) -> None:
    """The watcher dies in the middle of learning: slots are not thrown back to the configured number."""
    server = await world.serve("a", configured=16)
    first = world.watch("w1")
    server.metrics.running, server.metrics.kv_use = 10, 0.95
    await world.looks(first, 8)
    learned = first.slots("a")
    await world.valkey.delete("{gate}:watcher")  # as when its lease runs out
    second = world.watch("w2", clock=Clock(5.0))

    await second.look()

    assert learned is not None and learned < 14
    assert second.slots("a") in (learned, learned - learned // 10 - 1)
    assert server.metrics.scrapes == 9


async def test_an_engine_that_hangs_delays_no_other(world: World) -> None:
    """The other's numbers are fresh at every look; a late answer is read at a later one."""
    hanging, well = await world.serve("hanging"), await world.serve("well")
    watch = world.watch("w1")
    await watch.look()
    hanging.metrics.fault = MetricsFault.HANG
    for kv_use in (0.1, 0.2, 0.3):
        well.metrics.kv_use = kv_use
        await world.looks(watch, 1)

        load = watch.load("well")
        assert load is not None and load.kv_use == kv_use

    assert hanging.metrics.scrapes == 2  # asked once more, and not again while that is open
    assert watch.slots("hanging") == 8


@pytest.mark.parametrize("fault", [MetricsFault.FAILING, MetricsFault.HANG, MetricsFault.FROZEN])
async def test_blind_slots_freeze_then_halve_then_recover(world: World, fault: MetricsFault) -> None:
    """Answers go on while the page does not: eight once, four after fifteen seconds, eight again."""
    server = await world.serve("a", configured=8)
    watch = world.watch("w1")
    await watch.look()
    server.metrics.fault, world.held = fault, {"a": 1}

    for _ in range(5):
        world.clock.now_s += 2.9
        await watch.look()
    before = watch.slots("a")
    for _ in range(5):
        world.clock.now_s += 4
        await watch.look()
    blind = watch.slots("a")
    server.metrics.fault, world.held = MetricsFault.NONE, {}
    for _ in range(12):
        world.clock.now_s += 1
        await watch.look()

    assert (before, blind) == (8, 4)
    assert world.queue.learned["a"].slots == watch.slots("a") == 8


async def test_without_valkey_each_process_asks_for_itself(world: World) -> None:
    """And goes on adapting."""

    async def away(*_words: object) -> None:
        raise PartUnavailable("Valkey does not answer.")

    server = await world.serve("a", configured=8)
    watch = world.watch("w1", away)
    await watch.look()
    server.metrics.running, server.metrics.kv_use = 8, 0.99

    await world.looks(watch, 1)

    assert watch.slots("a") == 7
    assert world.queue.learned == {}


async def test_an_engine_without_metrics_keeps_what_it_was_given(world: World) -> None:
    """A plain server that speaks OpenAI's API, flooded."""
    server = await world.serve("a")
    settings = OpenAiCompatibleSettings(engine="openai_compatible", base_url=server.base_url, max_running=3)
    world.engines = [OpenAiCompatibleEngine("plain", settings, world.connections)]
    watch = world.watch("w1")
    server.metrics.waiting = 50

    await world.looks(watch, 20)

    assert watch.slots("plain") == 3


async def test_what_another_version_wrote_is_replaced(world: World) -> None:
    """During an upgrade two versions share one Valkey."""
    await world.serve("a", configured=5)
    await world.valkey.set("{gate}:loads", json.dumps({"a": {"running": 1}}))
    watch = world.watch("w1")

    await watch.look()

    assert watch.slots("a") == 5


@asynccontextmanager
async def steady_backlog(world: World, watch: LoadWatch, server: FakeEngine) -> AsyncIterator[None]:
    """As the queue would under a backlog: as many requests are at the engine as it has slots, always."""
    engine = world.engines[0]
    request = EngineRequest("chat/completions", {"model": "fake", "messages": [], "stream": True})
    running: set[asyncio.Task[None]] = set()

    async def ask() -> None:
        async with engine.relay(request) as response:
            async for _ in response.frames:
                pass

    async def fill() -> None:
        while True:
            running.difference_update([task for task in running if task.done()])
            while len(running) < (watch.slots("a") or 0):
                running.add(asyncio.create_task(ask()))
            await asyncio.wait(running, timeout=0.005, return_when=asyncio.FIRST_COMPLETED)

    filling = asyncio.create_task(fill())
    try:
        await server.until(lambda now: now.running == now.slots)
        yield
    finally:
        for task in (filling, *running):
            task.cancel()
        await asyncio.gather(filling, *running, return_exceptions=True)


async def test_slots_come_down_to_what_the_engine_has_and_climb_when_it_grows(world: World) -> None:
    """Sixteen are configured, four are there: under a backlog the engine's own queue goes to one, and stays there."""
    lengths = cycle((10, 24, 17, 30, 13, 21, 27))  # else all would end together
    behaviour = Behaviour(reply=lambda _payload: filler(next(lengths)), pace_s=0.01)
    server = await world.serve("a", configured=16, slots=4, behaviour=behaviour)
    watch = world.watch("w1")
    await watch.look()

    async with steady_backlog(world, watch, server):
        found = await _watched(world, watch, server, looks=26)
        server.add_slots(4)
        grown = await _watched(world, watch, server, looks=18)

    settled = found[12:]
    assert sum(waiting <= 1 for _, waiting in settled) >= 0.8 * len(settled)
    assert {slots for slots, _ in settled} <= {4, 5, 6, 7}  # more than five where hands change slowly
    assert grown[-1][0] >= 8


async def _arrivals(server: FakeEngine, count: int) -> None:
    """So many more have come: then the places of those that ended are taken again."""
    enough = len(server.requests) + count
    await server.until(lambda now: len(now.requests) >= enough)


async def _watched(world: World, watch: LoadWatch, server: FakeEngine, looks: int) -> list[tuple[int, int]]:
    """(slots, waiting in the engine) at each look; some answers end between two looks."""
    found = []
    for _ in range(looks):
        await _arrivals(server, 3)
        await world.looks(watch, 1)
        load = watch.load("a")
        assert load is not None
        found.append((watch.slots("a") or 0, load.waiting))
    return found
