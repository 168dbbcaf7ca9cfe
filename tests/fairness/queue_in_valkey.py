"""The queue in a real Valkey whose clock the test sets, asked as `FairQueue` is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count
from typing import Any

import orjson
from redis import Redis

from appliance.fairness.admission import (
    Answer,
    Ask,
    Candidate,
    Capacity,
    FairRules,
    Grant,
    Held,
    Leaving,
)
from appliance.fairness.queue import operations, script
from appliance.fairness.queue.survey import PoolState, Standings, unpack_pools, unpack_standings

_PREFIXES = count()
_CLOCK = "local clock = call('TIME')"
_CLOCK_OF_THE_TEST = "local clock = { 0, table.remove(arguments) }"
_PUBLISH = "call('PUBLISH', root .. 'worker:' .. worker, cjson.encode(granted))"
_KEEP = "call('RPUSH', root .. 'granted', cjson.encode({ worker, granted }))"


def library_with_a_clock() -> tuple[str, str]:
    """The product's text, but for two lines: the time is the last argument, and messages are kept in a list."""
    limits, queue = script.lua_texts()
    assert queue.count(_CLOCK) == 1 and queue.count(_PUBLISH) == 1
    return script.library_of(limits, queue.replace(_CLOCK, _CLOCK_OF_THE_TEST).replace(_PUBLISH, _KEEP))


class QueueInValkey:
    """One queue, several workers. valkey: a plain client."""

    def __init__(self, valkey: Redis, rules: FairRules) -> None:
        self._valkey = valkey
        self._rules = rules
        self._name, library = library_with_a_clock()
        valkey.function_load(library, replace=True)
        self.prefix = f"{{test}}:{next(_PREFIXES)}:"
        self._limits_of: dict[str, Ask] = {}
        self.is_audited = True
        """After every call the records must agree with each other."""

    def enter(self, ask: Ask, worker: str, now_us: int) -> Answer:
        self._limits_of[ask.id] = ask
        return operations.unpack_answer(self.call(worker, now_us, operations.enter(ask))[0], ask.limits)

    def leave(self, leaving: Leaving, worker: str, now_us: int) -> None:
        self.call(worker, now_us, operations.leave(leaving))

    def first_byte(self, id: str, worker: str, now_us: int) -> None:
        self.call(worker, now_us, operations.first_byte(id))

    def grew(self, id: str, completion_tokens: int, worker: str, now_us: int) -> None:
        self.call(worker, now_us, operations.grew(id, completion_tokens))

    def move(self, id: str, candidates: Sequence[Candidate], worker: str, now_us: int) -> Answer:
        (answer,) = self.call(worker, now_us, operations.move(id, candidates))
        ask = self._limits_of.get(id)
        return operations.unpack_answer(answer, ask.limits if ask else ())

    def cross(self, ask: Ask, worker: str, now_us: int) -> Answer:
        return operations.unpack_answer(self.call(worker, now_us, operations.cross(ask))[0], ask.limits)

    def learn(self, capacities: Sequence[Capacity], worker: str, now_us: int) -> None:
        self.call(worker, now_us, operations.learn(capacities))

    def keep(self, engines: Collection[str], worker: str, now_us: int) -> None:
        self.call(worker, now_us, operations.keep(engines))

    def renew(self, worker: str, now_us: int) -> int:
        return int(self.call(worker, now_us, operations.renew())[0][0])

    def known(self, worker: str, now_us: int) -> list[str]:
        return list(self.call(worker, now_us, operations.known())[0])

    def restore(self, worker: str, held: Sequence[Held], now_us: int) -> None:
        self.call(worker, now_us, operations.restore(held))

    def poke(self, worker: str, now_us: int) -> None:
        self.call(worker, now_us, operations.poke())

    def where(self, ids: Sequence[str], worker: str, now_us: int) -> list[Answer]:
        (answers,) = self.call(worker, now_us, operations.places(ids))
        return [
            operations.unpack_answer(answer, self._limits_of[id].limits)
            for id, answer in zip(ids, answers, strict=True)
        ]

    def survey(self, most: int, worker: str, now_us: int) -> tuple[PoolState, ...]:
        return unpack_pools(self.call(worker, now_us, operations.survey(most))[0])

    def standings(self, user: str, most: int, worker: str, now_us: int) -> Standings:
        return unpack_standings(self.call(worker, now_us, operations.standings(user, most))[0])

    def grants(self) -> list[Grant]:
        """Sorted: messages of several workers have no order."""
        key = self.prefix + "granted"
        kept: Any = self._valkey.lrange(key, 0, -1)
        self._valkey.delete(key)
        return sorted(
            (
                Grant(worker, id, engine)
                for row in kept
                for worker, rows in [orjson.loads(row)]
                for id, engine in rows
            ),
            key=lambda grant: grant.id,
        )

    def empty(self) -> None:
        """Valkey comes back without anything."""
        keys: Any = self._valkey.keys(self.prefix + "*")
        if keys:
            self._valkey.delete(*keys)

    def call(self, worker: str, now_us: int, *steps: operations.Operation) -> list[Any]:
        rules = script.packed_rules(worker, self._rules)
        words = (rules, *steps, *([operations.audit()] if self.is_audited else []), now_us)
        answers: Any = self._valkey.fcall(self._name, 1, self.prefix, *words)
        return [orjson.loads(answer) for answer in answers[: len(steps)]]
