"""limits.lua in a real Valkey answers as limits.py does, whatever the history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from redis import Redis

from appliance.fairness.admission import AppliedLimit, LimitKind, LimitState
from appliance.fairness.limits.limits import BudgetWindow, Limits, window_of
from tests.conftest import Servers
from tests.limits_in_valkey import LimitsInValkey

KINDS: tuple[LimitKind, ...] = (
    "requests_per_minute",
    "tokens_per_minute",
    "tokens_per_day",
    "tokens_per_month",
    "concurrent_requests",
)
NOON_MS = 1_772_366_400_000  # 2026-03-01 12:00 UTC: an hour's jump back stays in March, a day's does not


@pytest.fixture(scope="module")
def valkey_client(servers: Servers) -> Iterator[Redis]:
    """A plain client: hypothesis does not await."""
    with Redis.from_url(servers.valkey.url) as client:
        yield client


limit_values = st.one_of(st.integers(1, 20), st.sampled_from([1000, 60_000, 1_000_000_000]))
applied = st.builds(
    AppliedLimit, st.sampled_from(["user:ana", "model:a b"]), st.sampled_from(KINDS), limit_values
)
sets_of_limits = st.lists(applied, min_size=1, max_size=5, unique_by=lambda limit: (limit.scope, limit.kind))
steps_ms = st.one_of(
    st.integers(0, 300),
    st.integers(1000, 70_000),
    st.sampled_from([3_600_000, -3_600_000, -5, 86_400_000, -86_400_000, 32 * 86_400_000]),
)
tokens_used = st.one_of(st.integers(0, 25), st.integers(0, 2_000_000))


@dataclass
class Twins:
    """Both, and what was taken."""

    lua: LimitsInValkey
    python: Limits = field(default_factory=Limits)
    now_ms: int = NOON_MS
    taken: list[tuple[list[AppliedLimit], int, int]] = field(default_factory=list)

    def take(self, limits: list[AppliedLimit], tokens: int) -> None:
        refused, states = self.python.take(self.now_ms, limits, tokens)
        lua_refused, lua_states = self.lua.take(self.now_ms, limits, tokens)
        assert lua_states == _rows(states)
        if refused is None:
            assert lua_refused == []
            self.taken.append((limits, tokens, self.now_ms))
        else:
            wait_ms = -1 if refused.retry_after_s is None else round(refused.retry_after_s * 1000)
            assert lua_refused == [limits.index(refused.limit) + 1, wait_ms]

    def settle(self, which: int, actual: int, is_over: bool, knows_when: bool) -> None:
        if not self.taken:
            return
        limits, charged, taken_ms = self.taken[which % len(self.taken)]
        when = taken_ms if knows_when else None
        self.python.settle(self.now_ms, limits, charged, actual, is_over=is_over, taken_ms=when)
        more = {"taken_ms": when} if knows_when else {}
        self.lua.settle(self.now_ms, limits, charged=charged, actual=actual, is_over=is_over, **more)
        self.look(limits)

    def look(self, limits: list[AppliedLimit]) -> None:
        assert self.lua.states(self.now_ms, limits) == _rows(self.python.states(self.now_ms, limits))

    def seed(self, tokens: int) -> None:
        unseeded = self.python.unseeded()
        members = {_member(window, since_ms): window for window, since_ms in unseeded.items()}
        noted = {_without_since(member): member for member in self.lua.unseeded()}
        assert set(noted) == set(map(_without_since, members))
        for member, window in ((noted[_without_since(name)], window) for name, window in members.items()):
            self.python.seed(window, tokens)
            self.lua.seed(member, tokens)
            self.lua.seed(member, tokens + 1)  # the first time counts

    def empty(self) -> None:
        """Everything is lost, while what was taken still runs."""
        self.python = Limits()
        self.lua.empty()

    def restore(self, limits: list[AppliedLimit]) -> None:
        self.python.restore(limits)
        self.lua.restore(limits)


operations = st.one_of(
    st.tuples(st.just("take"), st.tuples(sets_of_limits, tokens_used)),
    st.tuples(st.just("take"), st.tuples(sets_of_limits, tokens_used)),
    st.tuples(st.just("settle"), st.tuples(st.integers(0, 50), tokens_used, st.booleans(), st.booleans())),
    st.tuples(st.just("look"), st.tuples(sets_of_limits)),
    st.tuples(st.just("restore"), st.tuples(sets_of_limits)),
    st.tuples(st.just("seed"), st.tuples(tokens_used)),
    st.tuples(st.just("empty"), st.just(())),
)


A_DAY = [AppliedLimit("user:ana", "tokens_per_day", 100)]
LOST_WHILE_IT_RAN = [
    (0, ("take", (A_DAY, 20))),
    (1, ("empty", ())),
    (1, ("take", (A_DAY, 10))),
    (1, ("settle", (0, 30, True, True))),
    (1, ("seed", (7,))),
    (1, ("settle", (0, 30, False, True))),
    (1, ("settle", (0, 30, True, True))),
    (1, ("look", (A_DAY,))),
]


CLOCK_SET_BACK = [
    (0, ("take", (A_DAY, 20))),
    (0, ("seed", (7,))),
    (-3_600_000, ("take", (A_DAY, 10))),
    (1, ("settle", (1, 30, True, True))),
    (1, ("look", (A_DAY,))),
]


@settings(max_examples=150, deadline=None)
@example(history=LOST_WHILE_IT_RAN)
@example(history=CLOCK_SET_BACK)
@given(history=st.lists(st.tuples(steps_ms, operations), max_size=40))
def test_python_and_lua_give_the_same_answers(
    valkey_client: Redis, history: list[tuple[int, tuple[str, tuple[Any, ...]]]]
) -> None:
    """Any history of takes, settlements, looks, seeds, losses and clock jumps: the same states, refusals and waits."""
    twins = Twins(LimitsInValkey(valkey_client))

    for step_ms, (operation, values) in history:
        twins.now_ms += step_ms
        getattr(twins, operation)(*values)

    assert -1 not in twins.lua.lifetimes()


@settings(max_examples=300, deadline=None)
@given(now_ms=st.integers(0, 4_102_444_800_000), kind=st.sampled_from(["tokens_per_day", "tokens_per_month"]))
def test_both_calendars_agree(valkey_client: Redis, now_ms: int, kind: LimitKind) -> None:
    """From 1970 to 2100 a budget of the script is whole again when Python's calendar says so."""
    lua, limit = LimitsInValkey(valkey_client), AppliedLimit("user:ana", kind, 10)

    lua.take(now_ms, [limit], 1)

    window = window_of(limit, now_ms)
    assert lua.states(now_ms, [limit]) == [[9, window.end_ms - now_ms]]
    assert lua.unseeded() == {_member(window, now_ms)}


def _rows(states: Sequence[LimitState]) -> list[list[int]]:
    return [[state.remaining, round(state.reset_s * 1000)] for state in states]


def _without_since(member: str) -> tuple[str, str, str]:
    """The note keeps the first moment, also when the clock was set back afterwards."""
    kind, start, _, scope = member.split(" ", 3)
    return kind, start, scope


def _member(window: BudgetWindow, since_ms: int) -> str:
    return f"{window.kind} {window.start_ms} {since_ms} {window.scope}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_list", [False, True])
def test_a_counter_that_cannot_be_read_is_as_if_nothing_were_counted(
    valkey_client: Redis, kind: LimitKind, is_list: bool
) -> None:
    """Garbage in one counter, or in the list of budgets to complete, refuses nobody and fails nothing."""
    lua, limit = LimitsInValkey(valkey_client), AppliedLimit("user:ana", kind, 100)
    lua.take(NOON_MS, [limit], 10)
    for key in valkey_client.scan_iter(match=lua.prefix + "*"):
        if is_list:
            valkey_client.delete(key)
            valkey_client.rpush(key, "x")
        elif valkey_client.type(key) == b"string":
            valkey_client.set(key, "x")

    refused, states = lua.take(NOON_MS, [limit], 10)
    lua.settle(NOON_MS, [limit], charged=10, actual=5, is_over=True, taken_ms=NOON_MS)

    assert refused == [] and states[0][0] in (90, 99)
