"""The rule by which an engine's slots are found: never none, never too many, never fewer without a reason."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.fairness.admission import FairRules
from appliance.fairness.slots.slot_control import MOST_SLOTS, SlotControl, first_slots, next_slots
from inference.types import EngineLoad

DEFAULT = 8
IDLE = EngineLoad(slots=16, is_measured=True, steps=0, preemptions=0)


def look(state: SlotControl, load: EngineLoad | None, now_s: float, held: int = 0) -> SlotControl:
    """The next state."""
    return next_slots(state, load, now_s, default_slots=DEFAULT, held=held)


def after(state: SlotControl, *loads: EngineLoad | None, since_s: float = 0.0) -> list[SlotControl]:
    """States after one look a second."""
    states = [state]
    for number, load in enumerate(loads, 1):
        states.append(look(states[-1], load, since_s + number))
    return states[1:]


def backlogged(state: SlotControl, real: int, cap: int | None, looks: int) -> list[tuple[int, int]]:
    """(slots, waiting in the engine) look by look: an engine of so many real slots gets as many as it is given."""
    found = []
    for number in range(1, looks + 1):
        running = min(state.slots, real)
        load = EngineLoad(running, state.slots - running, slots=cap, steps=number, is_measured=True)
        state = look(state, load, float(number))
        found.append((state.slots, load.waiting))
    return found


counts = st.integers(-3, 400)
shares = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 1))
loads = st.builds(
    EngineLoad,
    running=counts,
    waiting=counts,
    kv_use=shares,
    slots=st.one_of(st.none(), st.integers(-2, 300)),
    preemptions=st.one_of(st.none(), st.integers(-5, 50)),
    steps=st.one_of(st.none(), st.integers(0, 5)),
    is_measured=st.booleans(),
)
histories = st.lists(
    st.tuples(st.one_of(st.none(), loads), st.floats(-30, 30), st.integers(0, 20)), min_size=1, max_size=60
)


@given(histories)
def test_slots_are_never_below_one_and_never_above_the_cap(
    history: list[tuple[EngineLoad | None, float, int]],
) -> None:
    """Whatever an engine says, also what makes no sense, and whatever the clock does."""
    state, now_s = first_slots(EngineLoad(), 0.0, DEFAULT), 0.0
    for load, passed_s, held in history:
        now_s += passed_s
        state = look(state, load, now_s, held)

        assert state.slots >= 1
        makes_sense = load is not None and load.running >= 0 and load.waiting >= 0
        if load is not None and makes_sense and load.slots is not None and load.slots >= 1:
            is_blind = load.is_measured and state.seen_at_s != now_s
            assert state.slots <= load.slots or is_blind
        assert state.slots <= max(MOST_SLOTS, 300)


@given(histories)
def test_slots_never_fall_without_a_reason(history: list[tuple[EngineLoad | None, float, int]]) -> None:
    """Two looks with more than one waiting, a full KV cache, a preemption, a smaller cap, or blindness."""
    state, now_s, waited = first_slots(EngineLoad(slots=64), 0.0, DEFAULT), 0.0, 0
    for load, passed_s, held in history:
        before, now_s = state, now_s + passed_s
        state = look(before, load, now_s, held)
        waited = waited + 1 if load is not None and load.waiting > 1 else 0
        if state.slots >= before.slots:
            continue

        reasons = {
            "blind": now_s - before.seen_at_s > 15 and state.is_halved and not before.is_halved,
            "waiting": waited >= 1 and before.looks_waiting >= 1,
            "cap": load is not None and (load.slots or DEFAULT) < before.slots,
            "unbounded": before.slots > MOST_SLOTS,
            "memory": load is not None and load.kv_use is not None and load.kv_use > 0.9,
            "preempted": load is not None and (load.preemptions or 0) > (before.preemptions or 0),
        }
        assert any(reasons.values()), (before, load)


@given(st.integers(1, 300), st.integers(1, 64))
def test_it_recovers_to_the_cap_once_the_engine_is_well(cap: int, slots: int) -> None:
    """With demand and nothing waiting it climbs by one a look."""
    state = SlotControl(min(slots, cap), 0.0, looks_free=1)

    climbed = [slots for slots, _ in backlogged(state, real=10_000, cap=cap, looks=cap)]

    assert climbed[-1] == cap
    assert all(later - earlier in (0, 1) for earlier, later in pairwise(climbed))


@given(st.integers(1, 40), st.integers(1, 200), st.integers(0, 5))
def test_the_engine_s_own_queue_stays_near_zero(real: int, configured: int, spare: int) -> None:
    """However wrong the configured number is, under a steady backlog at most one waits there in the end."""
    settled = backlogged(SlotControl(configured, 0.0), real, configured + spare, looks=200)[100:]

    assert sum(waiting <= 1 for _, waiting in settled) == len(settled)
    assert all(slots >= min(real, configured) for slots, _ in settled)


def test_it_comes_down_to_what_the_engine_has_and_follows_when_it_grows() -> None:
    """Sixteen were promised, four are there; later eight are."""
    down = backlogged(SlotControl(16, 0.0), real=4, cap=16, looks=15)
    up = backlogged(SlotControl(down[-1][0], 0.0), real=8, cap=16, looks=10)

    assert [slots for slots, _ in down][:4] == [16, 14, 12, 10] and down[-1] == (5, 1)
    assert up[-1] == (9, 1)


def test_what_was_sent_before_a_cut_does_not_bring_the_slots_to_nothing() -> None:
    """Answers take minutes: twelve go on waiting while four run, and four it stays."""
    jammed = [EngineLoad(4, 12, slots=16, steps=number, is_measured=True) for number in range(1, 60)]

    assert after(SlotControl(16, 0.0), *jammed)[-1].slots == 4


def test_one_look_with_a_queue_is_no_reason() -> None:
    """A burst that is gone at the next look costs nothing."""
    busy = replace(IDLE, running=16, waiting=5, steps=1)

    states = after(SlotControl(16, 0.0), busy, replace(busy, waiting=1, steps=2), replace(busy, steps=3))

    assert [state.slots for state in states] == [16, 16, 16]


def test_a_full_cache_cuts_and_waits_for_the_effect() -> None:
    """A tenth at once; the next tenth when what runs has come down, or five looks later."""
    full = [replace(IDLE, running=16, kv_use=0.97, steps=number) for number in range(1, 9)]
    drained = replace(full[0], running=14, steps=9)

    slots = [state.slots for state in after(SlotControl(16, 0.0), *full, drained)]

    assert slots[:7] == [14, 14, 14, 14, 14, 12, 12]
    assert after(SlotControl(14, 0.0, looks_since_cut=0), drained)[-1].slots == 12


@pytest.mark.parametrize(
    "kv_use, slots", [(0.79, 9), (0.80, 8), (0.90, 8), (0.91, 7), (math.nan, 9), (-1, 9)]
)
def test_between_roomy_and_full_nothing_changes(kv_use: float, slots: int) -> None:
    """And what is no share is as good as not told."""
    load = replace(IDLE, running=8, kv_use=kv_use, steps=1)

    assert look(SlotControl(8, 0.0, looks_free=1), load, 1.0).slots == slots


def test_a_preemption_cuts_and_a_restarted_counter_does_not() -> None:
    """The engine threw a request back; later it is started anew and counts from zero."""
    thrown = [
        replace(IDLE, running=10, slots=10, preemptions=count, steps=count + 7) for count in (5, 6, 0, 1)
    ]

    slots = [state.slots for state in after(SlotControl(10, 0.0, preemptions=5), *thrown)]

    assert slots == [10, 9, 10, 9]


def test_one_look_without_the_one_that_waits_is_no_room() -> None:
    """It is missing while a slot changes hands."""
    waits = [1, 0, 1, 1, 0, 1, 0, 1, 1]
    busy = [replace(IDLE, running=4, waiting=count, steps=step) for step, count in enumerate(waits, 1)]

    assert {state.slots for state in after(SlotControl(4, 0.0), *busy)} == {4}


@given(st.integers(1, 100))
def test_batch_requests_alone_bring_the_slots_back(cap: int) -> None:
    """The queue lets them have three quarters; after a bad hour a night of batch work is not held down."""
    rules, state = FairRules(), SlotControl(min(8, cap), 0.0)
    for step in range(1, 200):
        running = rules.batch_slots_of(state.slots)
        state = look(state, EngineLoad(running, 0, slots=cap, steps=step, is_measured=True), float(step))

    assert state.slots == cap


def test_slots_nobody_uses_do_not_grow() -> None:
    """What was learned under load is not forgotten in a quiet hour."""
    quiet = [replace(IDLE, running=2, steps=number) for number in range(1, 100)]

    assert after(SlotControl(6, 0.0), *quiet)[-1].slots == 6


def test_without_an_answer_slots_freeze_then_halve_once_then_recover() -> None:
    """Never to zero; and when the numbers are back they grow again by one a look, in use or not."""
    blind = after(SlotControl(16, 0.0), *[None] * 60)
    well = after(blind[-1], *[replace(IDLE, steps=1)] * 10, since_s=60.0)

    assert [state.slots for state in blind[:15]] == [16] * 15
    assert {state.slots for state in blind[15:]} == {8}
    assert [state.slots for state in well] == [9, 10, 11, 12, 13, 14, 15, 16, 16, 16]
    assert after(SlotControl(1, 0.0), *[None] * 60)[-1].slots == 1


def test_a_page_that_stands_still_while_requests_run_is_no_news() -> None:
    """Its last numbers count for five seconds, then they are as good as none."""
    frozen = replace(IDLE, running=16, waiting=9, steps=7, slots=40)

    slots = [state.slots for state in after(SlotControl(20, 0.0, steps=7), *[frozen] * 20)]

    assert slots[1] < slots[0] and len(set(slots[4:15])) == 1
    assert slots[16] == slots[14] // 2


def test_a_page_that_calls_a_busy_engine_idle_is_no_news() -> None:
    """It froze in a quiet moment: this process knows that its own requests run there."""
    state = SlotControl(16, 0.0)
    for number in range(1, 30):
        state = look(state, IDLE, float(number), held=3)

    assert state.slots == 8
    assert look(state, IDLE, 30.0, held=0).slots == 9


def test_engines_without_metrics_keep_the_configured_number() -> None:
    """A cloud or a plain OpenAI server tells nothing: what it is given is what the operator says, else the default."""
    told = EngineLoad(running=400, slots=5)

    assert {state.slots for state in after(first_slots(told, 0.0, DEFAULT), *[told] * 30)} == {5}
    assert {state.slots for state in after(SlotControl(3, 0.0), *[EngineLoad(running=9)] * 9)} == {DEFAULT}


def test_without_a_cap_it_climbs_from_the_default_to_the_bound() -> None:
    """vLLM does not tell --max-num-seqs."""
    load = EngineLoad(is_measured=True)

    climbed = backlogged(first_slots(load, 0.0, DEFAULT), real=10_000, cap=None, looks=400)

    assert climbed[1][0] == DEFAULT + 1
    assert climbed[-1][0] == MOST_SLOTS


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 100))
def test_another_process_goes_on_with_the_same_age(there_s: float, here_s: float, age_s: float) -> None:
    """Clocks of two processes need not agree."""
    state = SlotControl(7, there_s - age_s, looks_waiting=1, recover_to=9, preemptions=3, steps=11)

    taken = SlotControl.unpacked(state.packed(there_s), here_s)

    assert here_s - taken.seen_at_s == pytest.approx(age_s, abs=1e-6)
    assert replace(taken, seen_at_s=0.0) == replace(state, seen_at_s=0.0)
