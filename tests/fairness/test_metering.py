"""Engine time and energy by request: shares that add up to what was used, whoever comes and goes."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from appliance.bootstrap.energy import EnergyMetrics, follow_energy, here
from appliance.fairness.accounting.metering import Meter, Metered
from inference.energy import EnergyCounter
from inference.testing.fake_nvml import FakeCard, FakeNvml
from inference.types import EngineState
from inference.watchdog.looking import PatientLook
from tests.waiting import until

HERE = frozenset({"llm", "other"})


@dataclass
class Written:
    """A stream that has so many pieces by now."""

    events: int = 0


@dataclass
class Clock:
    """Seconds that somebody moves."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def _begin(meter: Meter, engine: str = "llm") -> tuple[Metered, Written]:
    metered, scan = meter.begin(engine), Written()
    metered.scan = scan
    return metered, scan


def test_two_beside_each_other_share_each_second() -> None:
    """One for ten seconds, another beside it for the last four: eight and two, ten in all."""
    clock = Clock()
    meter = Meter(clock)
    long, _ = _begin(meter)
    clock.now_s += 6
    short, _ = _begin(meter)
    clock.now_s += 4
    meter.end(long)
    meter.end(short)

    assert (long.seconds, short.seconds) == (8.0, 2.0)


def test_requests_of_others_have_their_part() -> None:
    """Of another gateway process, or of somebody who asks the engine itself: its own count tells."""
    clock = Clock()
    meter = Meter(clock)
    one, _ = _begin(meter)
    meter.look({"llm": 3}, HERE)
    clock.now_s += 8
    meter.end(one)

    assert one.seconds == 2.0


def test_energy_goes_by_the_tokens_written_meanwhile() -> None:
    """Three quarters of them, three quarters of the joules; idle seconds are nobody's."""
    clock = Clock()
    meter = Meter(clock)
    meter.look({}, HERE)
    meter.count(0.0)
    clock.now_s += 10
    meter.count(500.0)
    (fast, fast_scan), (slow, slow_scan) = _begin(meter), _begin(meter)
    for counted_j in (1000.0, 1500.0):
        clock.now_s += 1
        fast_scan.events += 30
        slow_scan.events += 10
        meter.count(counted_j)
    meter.end(fast)
    meter.end(slow)

    assert (fast.joules, slow.joules) == (750.0, 250.0)
    assert (meter.energy.total, meter.energy.idle, meter.energy.given) == (1500.0, 500.0, 1000.0)


def test_one_that_tells_no_tokens_counts_like_the_average_of_those_who_do() -> None:
    """A prompt that is being read takes energy too."""
    clock = Clock()
    meter = Meter(clock)
    meter.look({}, HERE)
    meter.count(0.0)
    (writes, scan), reads = _begin(meter), meter.begin("llm")
    clock.now_s += 1
    scan.events += 30
    meter.count(600.0)
    meter.end(writes)
    meter.end(reads)

    assert writes.joules == reads.joules == 300.0


def test_what_nobody_measured_is_not_made_up() -> None:
    """No driver, an engine elsewhere, a counter that was set back: seconds, and no joules."""
    clock = Clock()
    meter = Meter(clock)
    meter.look({}, HERE)
    without = meter.begin("llm")
    meter.count(0.0)
    clock.now_s += 1
    cloud, turned_back = meter.begin("cloud"), meter.begin("llm")
    clock.now_s += 1
    meter.count(100.0)
    meter.count(5.0)
    for one in (without, cloud, turned_back):
        clock.now_s += 1
        meter.end(one)

    assert [one.joules for one in (without, cloud, turned_back)] == [None, None, None]
    assert min(one.seconds for one in (without, cloud, turned_back)) > 0


@given(st.integers(0, 100_000), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_shares_add_up_to_what_was_used(seed: int, with_others: bool) -> None:
    """Seconds to the time in which each engine was busy; joules, idle ones and those of others to the counter."""
    chance, clock = random.Random(seed), Clock()
    meter, counted_j = Meter(clock), 0.0
    meter.look({}, HERE)
    meter.count(counted_j)
    running: list[tuple[Metered, Written]] = []
    ended: list[Metered] = []
    busy_s = {"llm": 0.0, "other": 0.0}

    def advance(seconds: float) -> None:
        nonlocal counted_j
        clock.now_s += seconds
        counted_j += seconds * chance.uniform(50, 400)
        for engine in busy_s:
            busy_s[engine] += seconds * any(one.engine == engine for one, _ in running)
        for _, scan in running:
            scan.events += chance.randrange(40)

    for _ in range(60):
        advance(chance.uniform(0.01, 1))
        step = chance.random()
        if step < 0.4:
            running.append(_begin(meter, chance.choice(("llm", "other"))))
        elif step < 0.7 and running:
            one, _ = running.pop(chance.randrange(len(running)))
            meter.end(one)
            ended.append(one)
        else:
            meter.count(counted_j)
            if with_others:
                meter.look({"llm": chance.randrange(3)}, HERE)
    advance(0.5)
    meter.count(counted_j)
    # all that still runs ends at this very look: nothing is given in advance
    for one, _ in running:
        meter.end(one)
        ended.append(one)

    energy = meter.energy
    told_j = sum(one.joules or 0.0 for one in ended)
    unknown_j = energy.given - told_j  # of those that ended before a power was known
    assert unknown_j == pytest.approx(0, abs=1e-3)
    assert energy.total == pytest.approx(counted_j)
    assert energy.idle + energy.given + energy.others + energy.carried == pytest.approx(counted_j)
    assert min(energy.idle, energy.given, energy.others) > -1e-6
    if not with_others:
        for engine, seconds in busy_s.items():
            assert sum(one.seconds for one in ended if one.engine == engine) == pytest.approx(seconds)


def test_the_machine_s_counter_is_that_of_all_its_gpus() -> None:
    """In joules; nothing where one of them does not tell, and again when the driver is back."""
    driver = FakeNvml(FakeCard(energy_mj=5_000), FakeCard(energy_mj=1_500))
    counter = EnergyCounter(driver)
    assert counter.read() == 6.5
    driver.cards[1].energy_mj = None
    assert counter.read() is None and driver.open == 0
    driver.cards[1].energy_mj = 2_000
    assert counter.read() == 7.0 and counter.read() == 7.0
    assert driver.open == 1
    counter.close()
    assert driver.open == 0
    assert EnergyCounter(FakeNvml()).read() is None


async def test_the_counter_is_followed_and_told_to_prometheus() -> None:
    """Busy and idle apart, and a request's part of it."""
    driver, registry, meter = FakeNvml(FakeCard(energy_mj=0)), CollectorRegistry(), Meter()
    meter.look({}, HERE)

    def told(use: str) -> float:
        return registry.get_sample_value("appliance_gpu_energy_joules_total", {"use": use}) or 0.0

    look = PatientLook(EnergyCounter(driver).read, lambda _waited_s, _error: None, patience_s=60)
    following = asyncio.create_task(
        follow_energy(meter, EnergyMetrics(registry), lambda: True, look, every_s=0.01)
    )
    try:
        driver.cards[0].energy_mj = 5_000
        await until(lambda: meter._look is not None)
        driver.cards[0].energy_mj = 25_000
        await until(lambda: told("idle") > 0)
        running = meter.begin("llm")
        driver.cards[0].energy_mj = 90_000
        await until(lambda: told("busy") > 0)
        meter.end(running)
        assert running.joules is not None and running.joules > 0
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def test_engines_of_this_machine_are_told_from_those_elsewhere() -> None:
    """A socket of ours, the loopback address, the one beside us in the stack."""
    states = [
        EngineState(name, "vllm", True, base_url=url)
        for name, url in {
            "own": "unix:/run/x.sock",
            "loop": "http://127.0.0.1:8000/v1",
            "six": "http://[::1]:8000/v1",
            "stack": "http://engine:8000/v1",
            "rented": "https://api.example.com/v1",
        }.items()
    ]

    assert here(states) == {"own", "loop", "six", "stack"}
