"""What the watchdog makes of a box that is well, and of every way in which it can be unwell. No clock, no process."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.gpu_health import Card, GpuHealth
from inference.watchdog.baseline import SAMPLES_NEEDED
from inference.watchdog.findings import Finding, Remedy
from inference.watchdog.readings import ChildReading, DiskReading, EngineReading, Reading
from inference.watchdog.restarting import HOPELESS_S, Restarts, next_step, restartable
from inference.watchdog.vigil import HOLDS, NOTICED_WITHIN_S, Vigil, look

CARDS = (
    Card(0, "L40S", uncorrected=0, computing=frozenset({100})),
    Card(1, "L40S", uncorrected=0, computing=frozenset({100})),
)
GPUS = GpuHealth("answers", driver="580", counted=2, cards=CARDS, plugged=2, has_devices=True)
ENGINE = EngineReading("llm", "llama_cpp", True, is_ours=True, running=2, decoding=2, progress=0, pid=100)
CHILD = ChildReading("engine-llm", 1, engine="llm")
DISK = DiskReading(1000 << 30, 400 << 30)
RATE = 50
Fault = Callable[[Reading, float], Reading]
"""A reading of a box that is well, and for how many seconds it has not been: what is read instead."""


def well(at_s: float) -> Reading:
    """Two GPUs and an engine that writes two answers at its usual pace."""
    return Reading(at_s, GPUS, (replace(ENGINE, progress=int(at_s * RATE)),), (CHILD,), DISK)


def _card(reading: Reading, **changed: object) -> Reading:
    first, second = CARDS
    return replace(reading, gpus=replace(GPUS, cards=(replace(first, **changed), second)))  # type: ignore[arg-type]


def _engine(reading: Reading, **changed: object) -> Reading:
    return replace(reading, engines=(replace(reading.engines[0], **changed),))  # type: ignore[arg-type]


def _stands_still(reading: Reading, past_s: float) -> Reading:
    return _engine(reading, progress=int((reading.at_s - past_s) * RATE))


def _crawls(reading: Reading, past_s: float) -> Reading:
    return _engine(reading, progress=int((reading.at_s - past_s * 0.9) * RATE))


FAULTS: dict[str, tuple[Fault, str, str]] = {
    "a card fell off the bus": (
        lambda one, _: replace(one, gpus=replace(GPUS, cards=CARDS[:1])),
        "gpu_lost",
        "gpu",
    ),
    "the driver counts one less": (
        lambda one, _: replace(one, gpus=replace(GPUS, counted=1, cards=CARDS[:1])),
        "gpu_lost",
        "gpu",
    ),
    "a container lost its devices": (
        lambda one, _: replace(one, gpus=GpuHealth("unknown_error", "Unknown Error"), is_contained=True),
        "gpu_lost",
        "gpu",
    ),
    "the driver hangs": (lambda one, _: replace(one, gpus=GpuHealth("silent")), "gpu_lost", "gpu"),
    "a card slows down by heat": (lambda one, _: _card(one, slowed_by=("heat",)), "gpu_throttled", "gpu 0"),
    "memory errors": (lambda one, _: _card(one, uncorrected=2), "gpu_memory", "gpu 0"),
    "a worn card": (lambda one, _: _card(one, repairs="failed"), "gpu_memory", "gpu 0"),
    "the process has no memory on a GPU any more": (
        lambda one, _: _engine(
            replace(one, gpus=replace(GPUS, cards=tuple(replace(c, computing=frozenset()) for c in CARDS))),
            pid=200,
        ),
        "engine_on_cpu",
        "llm",
    ),
    "Ollama says that half of it is on the processor": (
        lambda one, _: _engine(one, gpu_share=0.4),
        "engine_on_cpu",
        "llm",
    ),
    "it makes no step": (_stands_still, "engine_hung", "llm"),
    "it writes at a tenth of its pace": (_crawls, "engine_slow", "llm"),
    "its process dies again and again": (
        lambda one, past_s: replace(one, children=(replace(CHILD, restarts=1 + int(past_s / 4)),)),
        "restart_loop",
        "engine-llm",
    ),
    "the disk fills": (
        lambda one, past_s: replace(one, disk=replace(DISK, free_bytes=1 << 30)),
        "disk_filling",
        "models",
    ),
}


def _moments(seed: int, spacing_s: float, until_s: float) -> Iterator[float]:
    """Looks that far apart, a tenth earlier or later."""
    chance, at_s = random.Random(seed), 1_000_000.0
    end_s = at_s + until_s
    while at_s < end_s:
        yield at_s
        at_s += min(10.0, spacing_s * chance.uniform(0.9, 1.1))


def _findings(vigil: Vigil) -> set[tuple[str, str]]:
    return {finding.key for finding in vigil.told}


@given(st.integers(0, 10_000), st.floats(1, 10))
@settings(max_examples=15, deadline=None)
def test_nothing_is_found_of_a_box_that_is_well(seed: int, spacing_s: float) -> None:
    """However often it is looked at; busy or idle, prompts being read, a blip of heat, two restarts."""
    chance, vigil = random.Random(seed), Vigil()
    progress, last_s, restarts = 0, None, 0
    for at_s in _moments(seed, spacing_s, 400):
        past_s = 0.0 if last_s is None else at_s - last_s
        running = chance.choice((0, 1, 2, 2, 2, 5))
        # while prompts are read beside, it makes fewer steps: a quarter, or for some seconds none
        is_reading = chance.random() < 0.3
        progress += int(past_s * RATE * (0.1 if is_reading else chance.uniform(0.5, 1.2))) + 1
        restarts += chance.random() < 0.005
        reading = well(at_s)
        reading = _engine(reading, running=running, decoding=max(0, running - is_reading), progress=progress)
        reading = replace(reading, children=(replace(CHILD, restarts=min(2, restarts)),))
        is_blip = chance.random() < 0.05 and "gpu_throttled" not in str(vigil.seen)
        vigil = look(vigil, _card(reading, slowed_by=("heat",)) if is_blip else reading)
        last_s = at_s

        assert not vigil.findings


@pytest.mark.parametrize("name", FAULTS)
@given(st.integers(0, 10_000), st.floats(1, 10))
@settings(max_examples=5, deadline=None)
def test_every_trouble_is_told_within_thirty_seconds(name: str, seed: int, spacing_s: float) -> None:
    """Whichever of the looks comes first after it began; with its subject, and since about when."""
    fault, kind, subject = FAULTS[name]
    begins_s = 1_000_000.0 + SAMPLES_NEEDED * 12 + random.Random(seed).uniform(0, 20)
    vigil, told_s, began_s = Vigil(), None, None
    for at_s in _moments(seed, spacing_s, SAMPLES_NEEDED * 12 + 60):
        is_faulty = at_s > begins_s
        began_s = at_s if is_faulty and began_s is None else began_s
        vigil = look(vigil, fault(well(at_s), at_s - begins_s) if is_faulty else well(at_s))
        if not is_faulty:
            assert not vigil.findings
        elif (kind, subject) in _findings(vigil):
            told_s = at_s
            break

    assert told_s is not None and told_s - begins_s <= NOTICED_WITHIN_S + 0.001
    finding = vigil.findings[kind, subject]  # type: ignore[index]
    assert began_s is not None and finding.since_s <= told_s


@given(st.lists(st.booleans(), min_size=20, max_size=200), st.floats(1, 10))
@settings(max_examples=40, deadline=None)
def test_what_comes_and_goes_does_not_flicker(heat: list[bool], spacing_s: float) -> None:
    """Whatever the pattern: once told it is told for a minute at least, and nothing is told of a look by itself."""
    vigil, changes, was_told = Vigil(), [], False
    for number, is_hot in enumerate(heat):
        at_s = 1_000_000 + number * spacing_s
        vigil = look(vigil, _card(well(at_s), slowed_by=("heat",) if is_hot else ()))
        is_told = ("gpu_throttled", "gpu 0") in vigil.findings
        if is_told != was_told:
            changes.append((at_s, is_told))
            was_told = is_told

    hold = HOLDS["gpu_throttled"]
    for (began_s, is_told), (ended_s, _) in pairwise(changes):
        if is_told:
            assert ended_s - began_s >= hold.clear_s
    if not any(one and two for one, two in pairwise(heat)) and spacing_s > 1:
        assert not changes


def _after(fault: Fault, seconds: float, *, then: Fault = lambda one, _: one) -> Vigil:
    vigil = Vigil()
    for step in range(70):
        vigil = look(vigil, then(well(1_000_000 + step * 5), 0))
    for step in range(1, int(seconds / 5) + 1):
        reading = well(1_000_000 + 69 * 5 + step * 5)
        vigil = look(vigil, fault(then(reading, 0), step * 5))
    return vigil


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_well_again_is_no_longer_told(name: str) -> None:
    """After its hold, and without a word in between."""
    fault, kind, subject = FAULTS[name]
    vigil = _after(fault, 40)
    assert (kind, subject) in _findings(vigil)
    last = vigil.history[-1]

    for step in range(1, 40):
        reading = well(last.at_s + step * 5)
        reading = replace(reading, children=last.children)
        vigil = look(vigil, reading)

    assert not vigil.findings


def test_a_consequence_is_not_told_beside_its_cause() -> None:
    """A card that slows down makes slow answers: one sentence, not two."""
    vigil = _after(lambda one, past_s: _card(_crawls(one, past_s), slowed_by=("heat",)), 40)

    assert {key[0] for key in vigil.findings} == {"gpu_throttled", "engine_slow"}
    assert _findings(vigil) == {("gpu_throttled", "gpu 0")}


def test_an_engine_on_the_processor_by_choice_is_no_trouble() -> None:
    """A machine without a GPU, an Ollama there, and a llama.cpp that never had one."""
    nothing = GpuHealth("no_library")

    def plain(one: Reading, _: float) -> Reading:
        return replace(_engine(one, gpu_share=0.0), gpus=nothing)

    assert not _after(plain, 60, then=plain).findings
    without = replace(GPUS, cards=tuple(replace(card, computing=frozenset[int]()) for card in CARDS))
    assert not _after(lambda one, _: one, 60, then=lambda one, _: replace(one, gpus=without)).findings


def test_a_long_prompt_on_a_slow_machine_is_known_the_second_time() -> None:
    """Who stood still for 25 s and went on is not called hung at 25 s again."""
    vigil, progress = Vigil(), 0
    told: list[bool] = []
    for step in range(120):
        progress += 0 if 20 <= step % 60 < 25 else 100
        vigil = look(vigil, _engine(well(1_000_000 + step * 5), progress=progress, decoding=1))
        told.append(("engine_hung", "llm") in vigil.findings)

    assert any(told[:60]) and not any(told[60:])


def test_an_engine_of_somebody_else_that_dies_again_and_again_is_told() -> None:
    """Its container comes back each time; nobody's supervisor tells us."""
    vigil = Vigil()
    for step in range(40):
        reading = replace(well(1_000_000 + step * 5), children=())
        vigil = look(vigil, _engine(reading, is_ours=False, is_healthy=step % 10 < 7))

    assert vigil.findings["restart_loop", "llm"].values["times"] == 4


def test_a_machine_that_slept_is_judged_anew() -> None:
    """An hour without a look is no standstill of an hour."""
    vigil = _after(lambda one, _: one, 5)

    vigil = look(vigil, replace(vigil.history[-1], at_s=vigil.history[-1].at_s + 3600))

    assert not vigil.findings and len(vigil.history) == 1


# restarts -----------------------------------------------------------------------------------------------


def _hung(seconds: float) -> Finding:
    return Finding("engine_hung", "llm", "error", Remedy.RESTART, 0.0, {"seconds": seconds})


def test_only_our_own_engine_is_started_again_and_only_when_it_harms_nobody() -> None:
    """A hung one when there is no more hope; one on the processor while nobody runs, with the GPU there."""
    reading = well(1_000_000)
    on_cpu = Finding("engine_on_cpu", "llm", "error", Remedy.RESTART, 0.0)
    idle = _engine(reading, running=0)

    assert restartable([_hung(HOPELESS_S)], reading) and not restartable([_hung(HOPELESS_S - 1)], reading)
    assert restartable([on_cpu], idle) and not restartable([on_cpu], reading)
    assert not restartable([on_cpu], replace(idle, gpus=GpuHealth("silent")))
    assert not restartable([on_cpu, _hung(HOPELESS_S)], _engine(idle, is_ours=False))


@given(st.lists(st.floats(0, 20_000), min_size=1, max_size=200), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_never_more_restarts_an_hour_than_allowed(moments: list[float], most: int) -> None:
    """Whenever it is asked; and never two within two minutes."""
    restarts, done = Restarts(), []
    for now_s in sorted(moments):
        if next_step("llm", restarts, now_s, most) == "restart":
            restarts = restarts.with_one("llm", now_s)
            done.append(now_s)

    assert all(sum(1 for at in done if now_s - 3600 < at <= now_s) <= most for now_s in done)
    assert all(second - first >= 120 for first, second in pairwise(done))


def test_after_as_many_as_allowed_it_stays_and_says_so() -> None:
    """Until the first of them is an hour old."""
    restarts = Restarts().with_one("llm", 0).with_one("llm", 120).with_one("llm", 720)

    assert next_step("llm", restarts, 3000, 3) == "give_up"
    assert next_step("llm", restarts, 3601, 3) == "restart"
    assert next_step("llm", restarts, 730, 4) == "wait"
