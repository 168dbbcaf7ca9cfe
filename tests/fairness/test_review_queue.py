"""Ways around the queue, and ways to be forgotten by it; its rules in Python and in Valkey alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pytest
from redis import Redis

from appliance.fairness.admission import (
    Answer,
    AppliedLimit,
    Ask,
    Candidate,
    Capacity,
    FairRules,
    Grant,
    Leaving,
    Place,
    Share,
    Slot,
    Spent,
)
from appliance.fairness.limits.limits import Limits
from appliance.fairness.queue.fair_queue import FairQueue
from tests.conftest import Servers
from tests.fairness.queue_in_valkey import QueueInValkey
from tests.own_valkey import own_valkey

NOON_US, SECOND_US = 1_772_366_400_000_000, 1_000_000
RULES = FairRules(reserved=0)
A, B = Candidate("a", 1), Candidate("b", 1)


class Queue(Protocol):
    """One worker's queue at one moment, in either language."""

    def enter(self, ask: Ask) -> Answer: ...

    def leave(self, id: str, spent: Spent | None = None) -> None: ...

    def learn(self, *capacities: Capacity) -> None: ...

    def grants(self) -> Sequence[Grant]: ...


@dataclass
class InPython:
    """fair_queue.py."""

    queue: FairQueue
    now_us: int = NOON_US

    def enter(self, ask: Ask) -> Answer:
        self.now_us += 1
        return self.queue.enter(ask, "w", self.now_us)

    def leave(self, id: str, spent: Spent | None = None) -> None:
        self.queue.leave(Leaving(id, spent), self.now_us)

    def learn(self, *capacities: Capacity) -> None:
        self.queue.learn(capacities, self.now_us)

    def grants(self) -> Sequence[Grant]:
        return self.queue.grants()


@dataclass
class InValkey:
    """fair_queue.lua."""

    queue: QueueInValkey
    now_us: int = NOON_US

    def enter(self, ask: Ask) -> Answer:
        self.now_us += 1
        return self.queue.enter(ask, "w", self.now_us)

    def leave(self, id: str, spent: Spent | None = None) -> None:
        self.queue.leave(Leaving(id, spent), "w", self.now_us)

    def learn(self, *capacities: Capacity) -> None:
        self.queue.learn(capacities, "w", self.now_us)

    def grants(self) -> Sequence[Grant]:
        return self.queue.grants()


@pytest.fixture(params=["python", "valkey"])
def queue(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Queue]:
    """An empty one."""
    if request.param == "python":
        yield InPython(FairQueue(RULES, Limits()))
        return
    with Redis.from_url(servers.valkey.url) as client:
        yield InValkey(QueueInValkey(client, RULES))


def ask(id: str, user: str, *candidates: Candidate, pool: str = "pool", **more: object) -> Ask:
    """A request for model m."""
    values: dict[str, object] = {"prompt_tokens": 10, **more}
    return Ask(id, pool, "m", (Share(user),), candidates or (A,), **values)  # type: ignore[arg-type]


def order(queue: Queue, running: str, count: int) -> list[str]:
    """Who comes next, one after the other; each is done without a token more."""
    order = []
    for _ in range(count):
        queue.leave(running, Spent(10, 0, 0))
        (granted,) = queue.grants()
        running = granted.id
        order.append(running)
    return order


def test_leaving_before_the_answer_is_whole_is_not_free(queue: Queue) -> None:
    """Whoever asks for whole answers and always leaves just before the end pays for what was being made."""
    queue.enter(ask("holder", "eva"))
    for number in range(4):
        queue.enter(ask(f"cheat{number}", "cheat"))
        queue.enter(ask(f"polite{number}", "polite"))
    queue.leave("holder", Spent(10, 0, 256))

    served, running = [], queue.grants()[0].id
    for _ in range(7):
        served.append(running)
        is_cheat = running.startswith("cheat")
        queue.leave(running, Spent(10, 0, None) if is_cheat else Spent(10, 0, 250))
        running = queue.grants()[0].id

    assert sum(id.startswith("polite") for id in served) >= 3


def test_what_is_not_known_stays_counted_by_limits(queue: Queue) -> None:
    """A limit on tokens cannot be stepped around by leaving early."""
    limit = AppliedLimit("user:cheat", "tokens_per_minute", 600)
    for number in range(2):
        answer = queue.enter(ask(f"r{number}", "cheat", limits=(limit,)))
        assert isinstance(answer, Slot)
        queue.leave(f"r{number}", Spent(10, 0, None))

    refused = queue.enter(ask("r3", "cheat", limits=(limit,)))

    assert not isinstance(refused, Slot | Place)


def test_a_prompt_that_no_cache_holds_empties_no_engine(queue: Queue) -> None:
    """The engine refuses it at once; nobody waits until everything else has ended, and nobody behind it either."""
    big = Candidate("a", 8)
    queue.learn(Capacity("a", 8, 10_000))
    queue.enter(ask("first", "ana", big, prompt_tokens=0))

    huge = queue.enter(ask("huge", "bea", big, prompt_tokens=2_000_000))
    queue.leave("huge")
    behind = queue.enter(ask("behind", "eva", big))

    assert isinstance(huge, Slot)
    assert isinstance(behind, Slot)


def test_who_waited_when_pools_changed_is_not_forgotten(queue: Queue) -> None:
    """An engine's list of models changes, so it has another pool; its old line goes first, however many come anew."""
    queue.enter(ask("runs", "ana", B, pool="new"))
    queue.enter(ask("old", "bea", B, pool="old"))
    for number in range(20):
        queue.enter(ask(f"new{number}", f"user{number}", B, pool="new"))

    assert order(queue, "runs", 2)[0] == "old"


async def test_a_crowd_for_a_full_engine_costs_nothing_while_another_is_free() -> None:
    """One step looks at a few of 400 people in line, not at each."""
    async with own_valkey() as server:
        with Redis(unix_socket_path=str(server.socket_path), password=server.password) as client:
            queue = InValkey(QueueInValkey(client, RULES))
            queue.enter(ask("runs", "ana"))
            for number in range(400):
                queue.enter(ask(f"r{number}", f"user{number}"))
            queue.enter(Ask("other", "pool", "another model", (Share("bea"),), (B,), 10))
            queue.leave("other")
            client.config_resetstat()

            queue.queue.is_audited = False
            queue.queue.poke("w", queue.now_us)

            stats = client.info("commandstats")
            assert sum(row["calls"] for row in stats.values()) < 40
