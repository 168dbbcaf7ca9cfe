"""Histories that hypothesis draws for circuit breakers: what happens to a circuit, when, and how clocks jump."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from inference.breaker.circuit import Cause
from inference.breaker.operations import (
    Claimed,
    Failed,
    Freed,
    Hastened,
    Looked,
    Operation,
    PutBack,
    Served,
)
from inference.breaker.rules import CLOUD, LOCAL, BreakerRules
from inference.failover.outcomes import Outcome

NOON_MS = 1_772_366_400_000
HOUR_MS = 3_600_000
FAILURES = [outcome for outcome in Outcome if outcome.is_failure]

rules: st.SearchStrategy[BreakerRules] = st.sampled_from(
    [LOCAL, CLOUD, replace(CLOUD, probes=3, torn=5, silent=4, in_a_row=8, least_calls=6, claim_ms=5_000)]
)
steps_ms: st.SearchStrategy[int] = st.one_of(
    st.integers(0, 40),
    st.integers(0, 20_000),
    st.integers(0, 400_000),
    st.sampled_from([HOUR_MS, -HOUR_MS, -1, -7_000]),  # a clock that is set
)
ages_ms = st.one_of(st.just(0), st.integers(0, 60_000))
configs = st.sampled_from(["", "one", "other"])
operations: st.SearchStrategy[Operation] = st.one_of(
    st.builds(
        Served,
        calls=st.integers(1, 30),
        slow=st.integers(0, 1),
        age_ms=ages_ms,
        is_probe=st.booleans(),
    ),
    st.builds(
        Failed,
        outcome=st.sampled_from(FAILURES),
        age_ms=ages_ms,
        retry_after_ms=st.one_of(st.just(-1), st.integers(0, 10_000_000)),
        is_probe=st.booleans(),
        chance=st.integers(0, 999),
        config=configs,
    ),
    st.builds(Failed, outcome=st.sampled_from([Outcome.FAILED, Outcome.BROKEN])),
    st.builds(Claimed, config=configs),
    st.sampled_from([Freed(), Hastened(), Looked()]),
    st.builds(
        PutBack,
        cause=st.sampled_from(Cause),
        outcome=st.sampled_from(FAILURES),
        count=st.integers(1, 9),
        calls=st.integers(1, 9),
        wait_ms=st.integers(-1, 100_000),
        pause_ms=st.integers(0, 100_000),
        left_wall_ms=st.integers(NOON_MS - HOUR_MS, NOON_MS),
        config=configs,
    ),
)
_next_moment = st.sampled_from([0, 0, 1, 10])
# What follows a fault, and what leads out of it: by chance alone the ways beyond these are hardly taken.
_torn: st.SearchStrategy[list[tuple[int, Operation]]] = st.sampled_from(
    [
        [(0, Failed(Outcome.BROKEN))] * 5,
        [(70_000, Looked()), *[(0, Failed(Outcome.BROKEN))] * 5],
        [(0, Failed(Outcome.REJECTED, config="one")), (1, Claimed("one"))],
        [(400_000, Served(calls=10)), (0, Served(calls=10, slow=10))],
    ]
)
_asked: st.SearchStrategy[list[tuple[int, Operation]]] = st.builds(
    lambda pause_ms, config: [(pause_ms, Claimed(config)), (0, Claimed(config))],
    st.sampled_from([1_500, 40_000, 400_000]),
    configs,
)
_well: st.SearchStrategy[list[tuple[int, Operation]]] = st.sampled_from(
    [
        [(0, Served(is_probe=True))] * 3,
        [(0, Served(is_probe=True)), (0, Claimed()), (0, Claimed()), (0, Claimed())],
        [(0, Freed()), (0, Claimed()), (0, Failed(Outcome.FAILED, is_probe=True))],
    ]
)
_soon: st.SearchStrategy[tuple[int, Operation]] = st.tuples(
    _next_moment,
    st.one_of(
        st.builds(Served, age_ms=st.sampled_from([0, 0, 5, 30_000])),
        st.builds(Failed, outcome=st.sampled_from(FAILURES), age_ms=st.sampled_from([0, 0, 5, 30_000])),
    ),
)
_bouts = st.one_of(
    st.tuples(steps_ms, operations).map(lambda one: [one]),
    _soon.map(lambda one: [one]),
    st.lists(_soon, min_size=3, max_size=8),
    _torn,
    _asked,
    st.tuples(_torn, _asked, _well, st.lists(_soon, max_size=3)).map(
        lambda parts: [step for part in parts for step in part]
    ),
)
histories: st.SearchStrategy[list[tuple[int, Operation]]] = st.lists(_bouts, max_size=14).map(
    lambda bouts: [step for bout in bouts for step in bout][:60]
)
