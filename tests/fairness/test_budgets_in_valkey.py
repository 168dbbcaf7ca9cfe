"""budgets.lua in a real Valkey answers as counting.py does, whatever the history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from appliance.fairness.budgets.counting import Counting, Held, Unseeded, Wanted
from appliance.fairness.budgets.shared_counting import (
    Operation,
    read_renewed,
    read_reserved,
    read_states,
    renew,
    reserve,
    seed,
    settle,
    sync,
)
from tests.conftest import Servers

_PREFIXES = count()
NOON_MS = 1_772_366_400_000
END_MS = NOON_MS + 43_200_000
LEASE_MS = 15_000
NAMES = ("cloud:day:0:user:ana", "all:month:0:organisation:", "cloud:day:0:group:1")
WORKERS = ("one", "two", "three")


@pytest.fixture(scope="module")
def valkey_client(servers: Servers) -> Iterator[Redis]:
    """A plain client: hypothesis does not await."""
    with Redis.from_url(servers.valkey.url) as client:
        yield client


class BudgetsInValkey:
    """budgets.lua, asked by any worker at any time."""

    def __init__(self, valkey: Redis) -> None:
        lua = (resources.files("appliance.fairness.budgets") / "budgets.lua").read_text(encoding="utf-8")
        self._valkey = valkey
        self._script = valkey.register_script(lua)
        self.prefix = f"{{test}}:money{next(_PREFIXES)}:"

    def call(self, worker: str, now_ms: int, operation: Operation) -> list[str]:
        told = self._script(keys=[self.prefix], args=[worker, now_ms, LEASE_MS, operation])
        assert isinstance(told, list)
        return [word.decode() for word in told[1]]

    def life(self, worker: str, now_ms: int) -> str:
        told = self._script(keys=[self.prefix], args=[worker, now_ms, LEASE_MS])
        return str(told[0].decode())

    def keys(self) -> list[bytes]:
        found: Any = self._valkey.keys(self.prefix + "*")
        return list(found)

    def lifetimes(self) -> list[int]:
        return [int(self._valkey.pttl(key)) for key in self.keys()]

    def empty(self) -> None:
        keys = self.keys()
        if keys:
            self._valkey.delete(*keys)


@dataclass
class Twins:
    """Both, and what is held."""

    lua: BudgetsInValkey
    python: Counting = field(default_factory=lambda: Counting(LEASE_MS))
    now_ms: int = NOON_MS
    running: dict[str, tuple[str, int, list[Wanted]]] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=count)

    def reserve(self, worker: str, micros: int, wanted: list[Wanted]) -> None:
        id = str(next(self.ids))
        mine = self.python.reserve(worker, self.now_ms, id, micros, wanted)
        theirs = read_reserved(self.lua.call(worker, self.now_ms, reserve(id, micros, wanted)))
        assert theirs == mine
        if isinstance(mine, Unseeded):
            for name in mine.names:
                self.python.seed(name, micros)
                self.lua.call(worker, self.now_ms, seed(name, micros, END_MS))
        if isinstance(mine, Held):
            self.running[id] = (worker, micros, wanted)

    def settle(self, which: int, cost: int, is_twice: bool) -> None:
        if not self.running:
            return
        id = sorted(self.running)[which % len(self.running)]
        worker, _, wanted = self.running[id] if is_twice else self.running.pop(id)
        mine = self.python.settle(worker, self.now_ms, id, cost, wanted)
        assert read_states(self.lua.call(worker, self.now_ms, settle(id, cost, wanted))) == mine

    def renew(self, worker: str, has_heard: bool) -> None:
        done = [str(id) for id in range(50) if str(id) not in self.running] if has_heard else []
        mine = self.python.renew(worker, self.now_ms, done, NAMES)
        assert read_renewed(self.lua.call(worker, self.now_ms, renew(done, NAMES))) == mine

    def sync(self, worker: str, known: int) -> None:
        live = [
            (id, micros, tuple(one.name for one in wanted))
            for id, (whose, micros, wanted) in self.running.items()
            if whose == worker
        ]
        self.python.sync(worker, self.now_ms, live, [(NAMES[0], known)])
        self.lua.call(worker, self.now_ms, sync(live, [(NAMES[0], known, END_MS)]))

    def lose_everything(self) -> None:
        self.python = Counting(LEASE_MS)
        self.lua.empty()


amounts = st.one_of(st.integers(0, 30), st.integers(0, 10**9))
caps = st.one_of(st.integers(1, 60), st.sampled_from([999_999, 10**9, 10**15]))
wanted_windows = st.lists(
    st.builds(Wanted, st.sampled_from(NAMES), caps, st.just(END_MS)),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.name,
)
workers = st.sampled_from(WORKERS)
jumps_ms = st.sampled_from([0, 40, 2500, 6000, 20_000, 3_600_000, -3_600_000, 86_400_000, -86_400_000])
steps = st.one_of(
    st.tuples(st.just("reserve"), workers, amounts, wanted_windows),
    st.tuples(st.just("reserve"), workers, amounts, wanted_windows),
    st.tuples(st.just("settle"), st.integers(0, 9), amounts, st.booleans()),
    st.tuples(st.just("renew"), workers, st.booleans()),
    st.tuples(st.just("sync"), workers, amounts),
    st.tuples(st.just("jump"), jumps_ms),
    st.tuples(st.just("lose")),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(steps, max_size=25))
def test_lua_and_python_answer_alike(valkey_client: Redis, history: list[tuple[Any, ...]]) -> None:
    """Reservations, ends told twice, dead workers, jumping clocks, emptied memory: the same word to each question."""
    twins = Twins(BudgetsInValkey(valkey_client))
    for name, *values in history:
        match name:
            case "jump":
                twins.now_ms += values[0]
            case "lose":
                twins.lose_everything()
            case _:
                getattr(twins, name)(*values)
    assert all(0 < left <= 41 * 86_400_000 for left in twins.lua.lifetimes())
    twins.lua.empty()
