"""fair_queue.lua in a real Valkey answers as fair_queue.py does, whatever the history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from appliance.fairness.admission import (
    Answer,
    AppliedLimit,
    Ask,
    Candidate,
    Capacity,
    FairRules,
    Full,
    Held,
    Leaving,
    Place,
    Share,
    Slot,
    Spent,
)
from appliance.fairness.limits.limits import Limits
from appliance.fairness.queue.fair_queue import FairQueue
from appliance.fairness.queue.survey import PoolState, Standings
from tests.conftest import Servers
from tests.fairness.queue_in_valkey import QueueInValkey

NOON_US = 1_772_366_400_000_000
WORKERS = ("w1", "w2")
ENGINES = ("a", "b", "c")
HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Redis]:
    """A plain client of the run's Valkey."""
    with Redis.from_url(servers.valkey.url) as opened:
        yield opened


@dataclass
class Both:
    """The same operations on both queues; every difference fails. live: request -> (its ask, its worker, ticket)."""

    local: FairQueue
    shared: QueueInValkey
    now_us: int = NOON_US
    entered: int = 0
    live: dict[str, tuple[Ask, str]] = field(default_factory=dict)

    def enter(self, ask: Ask, worker: str) -> None:
        self.entered += 1
        expected = self.local.enter(ask, worker, self.now_us)
        _agree(expected, self.shared.enter(ask, worker, self.now_us))
        if isinstance(expected, Slot | Place):
            self.live[ask.id] = (ask, worker)

    def leave(self, id: str, spent: Spent | None) -> None:
        _, worker = self.live.pop(id)
        self._as(worker)
        self.local.leave(Leaving(id, spent), self.now_us)
        self.shared.leave(Leaving(id, spent), worker, self.now_us)

    def move(self, id: str, candidates: tuple[Candidate, ...]) -> None:
        ask, worker = self.live[id]
        self._as(worker)
        expected = self.local.move(id, candidates, self.now_us)
        _agree(expected, self.shared.move(id, candidates, worker, self.now_us))
        self.live[id] = (replace(ask, candidates=candidates), worker)

    def cross(self, id: str, wanted: Ask) -> None:
        """As its worker would: the same request with the limits that it has taken."""
        ask, worker = self.live[id]
        self._as(worker)
        other = replace(
            wanted,
            id=id,
            shares=ask.shares,
            is_batch=ask.is_batch,
            limits=ask.limits,
            request_id=ask.request_id,
        )
        waited = isinstance(self.local.where(id, self.now_us), Place)
        expected = self.local.cross(other, self.now_us)
        _agree(expected, self.shared.cross(other, worker, self.now_us))
        if waited and isinstance(expected, Slot):
            self.live[id] = (other, worker)

    def lose_everything(self) -> None:
        """Valkey comes back empty, and every worker tells what it holds."""
        held = {worker: self._held(worker) for worker in WORKERS}
        self.local = FairQueue(self.local.rules, Limits())
        self.shared.empty()
        for worker in WORKERS:
            self.local.restore(worker, held[worker], self.now_us)
            self.shared.restore(worker, held[worker], self.now_us)

    def _held(self, worker: str) -> list[Held]:
        held = []
        for id, (ask, owner) in self.live.items():
            answer = self.local.where(id, self.now_us)
            if owner == worker and isinstance(answer, Slot):
                held.append(Held(ask, self.now_us, answer.engine))
            elif owner == worker and isinstance(answer, Place):
                held.append(Held(ask, answer.ticket, None))
        return held

    def _as(self, worker: str) -> None:
        self.local.renew(worker, self.now_us)  # every call of a worker shows that it lives

    def look(self) -> None:
        """Both gave the same slots to others, and everybody stands at the same place."""
        assert sorted(self.local.grants(), key=lambda grant: grant.id) == self.shared.grants()
        for worker in WORKERS:
            self._as(worker)
            assert self.local.known(worker) == self.shared.known(worker, self.now_us)
            ids = [id for id, (_, owner) in self.live.items() if owner == worker]
            for id, answer in zip(ids, self.shared.where(ids, worker, self.now_us), strict=True):
                _agree(self.local.where(id, self.now_us), answer)
        self._as("w1")
        _agree_on_pools(
            self.local.survey(4, self.now_us), self.shared.survey(4, worker="w1", now_us=self.now_us)
        )
        for user in ("ana", "g"):
            _agree_on_standings(
                self.local.standings(user, 3, self.now_us),
                self.shared.standings(user, 3, worker="w1", now_us=self.now_us),
            )


def _agree(expected: Answer, found: Answer) -> None:
    """The same, seconds to a millisecond."""
    if isinstance(expected, Place | Full) and isinstance(found, Place | Full) and expected.eta_s is not None:
        assert found.eta_s == pytest.approx(expected.eta_s, abs=0.002, rel=1e-6)
        found = replace(found, eta_s=expected.eta_s)
    assert found == expected


def _agree_on_pools(expected: Sequence[PoolState], found: Sequence[PoolState]) -> None:
    """The same, but for the last digits of tokens and seconds."""
    assert [_counts(pool) for pool in found] == [_counts(pool) for pool in expected]
    for one, other in zip(expected, found, strict=True):
        assert _nearly(one.tokens_per_s, other.tokens_per_s) and _nearly(one.held_s, other.held_s)
        assert [node.served for node in other.nodes] == pytest.approx(
            [node.served for node in one.nodes], rel=1e-9
        )


def _nearly(expected: float | None, found: float | None) -> bool:
    return expected == found if expected is None else found == pytest.approx(expected, abs=0.002, rel=1e-6)


def _counts(pool: PoolState) -> PoolState:
    nodes = tuple(replace(node, served=0.0) for node in pool.nodes)
    return replace(pool, tokens_per_s=None, held_s=None, nodes=nodes)


def _agree_on_standings(expected: Standings, found: Standings) -> None:
    assert found.total == expected.total
    for one, other in zip(expected.requests, found.requests, strict=True):
        assert _nearly(one.eta_s, other.eta_s)
        assert replace(other, eta_s=one.eta_s) == one


RULES = st.builds(
    FairRules,
    max_queue=st.sampled_from([3, 1000]),
    max_queue_per_user=st.sampled_from([2, 200]),
    reserved=st.sampled_from([None, 0, 1, 2]),
    prefill_tokens=st.sampled_from([300, 4096]),
    max_running_per_user=st.sampled_from([None, 2]),
    batch_promoted_after_s=st.just(60.0),
    spread=st.sampled_from([0.0, 0.75]),
)
CANDIDATES = st.lists(
    st.tuples(st.sampled_from(ENGINES), st.sampled_from([1, 2, 8]), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda row: row[0],
).map(lambda rows: tuple(Candidate(*row) for row in rows))
SHARES = st.builds(
    lambda groups, person: (*groups, person),
    st.sampled_from([(), (Share("g"),), (Share("h", 3.0),), (Share("g"), Share("k", 0.5))]),
    st.builds(Share, st.sampled_from(["ana", "bob", "eva", "g"]), st.sampled_from([1.0, 2.0, 4.0])),
)
LIMITS = st.sampled_from(
    [
        (),
        (),
        (AppliedLimit("user:ana", "concurrent_requests", 2),),
        (AppliedLimit("key:k", "tokens_per_minute", 5000), AppliedLimit("group:g", "requests_per_minute", 6)),
        (AppliedLimit("group:g", "tokens_per_day", 90_000),),
    ]
)
ASKS = st.builds(
    Ask,
    id=st.just(""),
    pool=st.sampled_from(["pool", "pool", "other"]),
    model=st.sampled_from(["m", "m", "n"]),
    shares=SHARES,
    candidates=CANDIDATES,
    prompt_tokens=st.sampled_from([0, 10, 100, 2000]),
    max_tokens=st.sampled_from([None, 50]),
    is_batch=st.sampled_from([False, False, True]),
    limits=LIMITS,
    request_id=st.sampled_from(["", "req_1", "a:b.c-2"]),
    conversation=st.sampled_from(["", "", "talk", "a1b2"]),
)
SPENT = st.none() | st.builds(
    Spent,
    prompt_tokens=st.sampled_from([0, 10, 2000]),
    cached_tokens=st.sampled_from([0, 5, 3000]),
    completion_tokens=st.sampled_from([0, 1, 700]),
    prefill_ms=st.sampled_from([None, 0.5, 80.0]),
)
WHICH = st.integers(0, 1000)
EVENTS = st.one_of(
    st.tuples(st.just("enter"), ASKS, st.sampled_from(WORKERS)),
    st.tuples(st.just("enter"), ASKS, st.sampled_from(WORKERS)),
    st.tuples(st.just("leave"), WHICH, SPENT),
    st.tuples(st.just("pass"), st.sampled_from([0, 1, 999, 250_000, 5_000_000, 70_000_000]), st.none()),
    st.tuples(st.just("first_byte"), WHICH, st.none()),
    st.tuples(st.just("grew"), WHICH, st.sampled_from([10, 300, 5000])),
    st.tuples(st.just("move"), WHICH, CANDIDATES),
    st.tuples(st.just("cross"), WHICH, ASKS),
    st.tuples(
        st.just("learn"),
        st.sampled_from(ENGINES),
        st.sampled_from([(1, None), (3, 2500), (20, None), (0, None)]),
    ),
    st.tuples(st.just("keep"), st.sampled_from([(), ("a",), ("a", "c"), ENGINES]), st.none()),
    st.tuples(st.just("poke"), st.none(), st.none()),
    st.tuples(st.just("die"), st.sampled_from([6_500_000, HOUR_US, -HOUR_US]), st.sampled_from(WORKERS)),
    st.tuples(st.just("empty"), st.none(), st.none()),
)


@given(rules=RULES, events=st.lists(EVENTS, max_size=60))
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_queue_in_valkey_is_the_queue_in_python(
    client: Redis, rules: FairRules, events: list[tuple[str, object, object]]
) -> None:
    """After every event: the same answers, grants, places and (to a millisecond) the same waits."""
    both = Both(FairQueue(rules, Limits()), QueueInValkey(client, rules))

    for event in events:
        _happen(both, event)
        both.look()
    both.shared.empty()


def _happen(both: Both, event: tuple[str, object, object]) -> None:
    match event:
        case ("enter", Ask() as ask, str() as worker):
            both.enter(replace(ask, id=f"r{both.entered}"), worker)
        case ("pass", int() as us, _):
            both.now_us += us
        case ("learn", str() as name, (int() as slots, kv)):
            capacity = Capacity(name, slots, kv)
            both.local.renew("w1", both.now_us)
            both.local.learn([capacity], both.now_us)
            both.shared.learn([capacity], "w1", both.now_us)
        case ("keep", tuple() as names, _):
            both.local.renew("w1", both.now_us)
            both.local.keep(names)
            both.shared.keep(names, "w1", both.now_us)
        case ("poke", _, _):
            both.local.renew("w2", both.now_us)
            both.local.poke(both.now_us)
            both.shared.poke("w2", both.now_us)
        case ("die", int() as us, str() as alive):
            # The other one is silent while this one looks three times.
            for _ in range(3):
                both.now_us += us
                both.local.renew(alive, both.now_us)
                both.local.poke(both.now_us)
                both.shared.poke(alive, both.now_us)
        case ("empty", _, _):
            both.lose_everything()
        case (operation, int() as which, value) if both.live:
            id = list(both.live)[which % len(both.live)]
            worker = both.live[id][1]
            both.local.renew(worker, both.now_us)
            if operation == "leave":
                both.leave(id, value if isinstance(value, Spent) else None)
            elif operation == "first_byte":
                both.local.first_byte(id, both.now_us)
                both.shared.first_byte(id, worker, both.now_us)
            elif operation == "grew" and isinstance(value, int):
                both.local.grew(id, value)
                both.shared.grew(id, value, worker, both.now_us)
            elif operation == "move" and isinstance(value, tuple):
                both.move(id, value)
            elif operation == "cross" and isinstance(value, Ask):
                both.cross(id, value)
