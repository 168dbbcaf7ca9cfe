"""The queue of this process alone, while Valkey is away: the same rules with a small share of slots and limits.

Limits per minute and of concurrent requests go on, with this process's share; those per day and month are not enforced
meanwhile, because nobody knows what the other processes spend. Knows nothing of Valkey or the event loop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from appliance.fairness.admission import (
    Answer,
    AppliedLimit,
    Ask,
    Candidate,
    Capacity,
    FairRules,
    Grant,
    Held,
    Leaving,
    LimitState,
    Place,
    Refused,
    Slot,
)
from appliance.fairness.limits.limits import BUDGETS, COUNTS_REQUESTS, Limits
from appliance.fairness.queue.fair_queue import FairQueue
from appliance.fairness.queue.survey import PoolState, Standings

_A = TypeVar("_A", bound=Slot | Place | Refused)
_RETRY_S = 15.0  # for what is larger than our share of a limit, but not than the limit


class QueueClock:
    """Microseconds of Valkey's clock as last heard, going on by our own: tickets of both queues can be compared.

    It goes backwards by nothing but what is heard; a local queue hears nothing.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time
    ) -> None:
        self._monotonic = monotonic
        self._ahead_us = int((now() - monotonic()) * 1e6)

    def now_us(self) -> int:
        return int(self._monotonic() * 1e6) + self._ahead_us

    def heard(self, ticket: int) -> None:
        """A ticket that Valkey has just given."""
        self._ahead_us = ticket - int(self._monotonic() * 1e6)


class LocalQueue:
    """slots_share, limits_share: this process's part of every engine's slots (at least one) and of every limit."""

    def __init__(
        self, rules: FairRules, worker: str, clock: QueueClock, *, slots_share: float, limits_share: float
    ) -> None:
        self._worker = worker
        self._clock = clock
        self._slots_share = slots_share
        self._limits_share = limits_share
        self._default_completion_tokens = rules.default_completion_tokens
        self._queue = FairQueue(_narrowed(rules, slots_share), Limits())

    def enter(self, ask: Ask) -> Answer:
        """As FairQueue.enter."""
        answer = self._queue.enter(self._own(ask), self._worker, self._clock.now_us())
        return _of_whole_limits(answer, ask.limits) if isinstance(answer, Slot | Place | Refused) else answer

    def leave(self, leaving: Leaving) -> None:
        """As FairQueue.leave."""
        self._queue.leave(leaving, self._clock.now_us())

    def first_byte(self, id: str) -> None:
        """As FairQueue.first_byte."""
        self._queue.first_byte(id, self._clock.now_us())

    def grew(self, id: str, completion_tokens: int) -> None:
        """As FairQueue.grew."""
        self._queue.grew(id, completion_tokens)

    def move(self, ask: Ask) -> Answer:
        """As FairQueue.move."""
        return self._queue.move(ask.id, self._own(ask).candidates, self._clock.now_us())

    def cross(self, ask: Ask) -> Answer:
        """As FairQueue.cross."""
        return self._queue.cross(self._own(ask), self._clock.now_us())

    def restore(self, held: Sequence[Held]) -> None:
        """What this process held in the shared queue. What runs counts, also beyond our share."""
        self._queue.restore(
            self._worker, [replace(one, ask=self._own(one.ask)) for one in held], self._clock.now_us()
        )

    def learn(self, capacities: Sequence[Capacity]) -> None:
        """As FairQueue.learn, with our share of the slots; none stays none."""
        share = self._slots_share
        own = [replace(one, slots=one.slots and max(1, int(one.slots * share))) for one in capacities]
        self._queue.learn(own, self._clock.now_us())

    def poke(self) -> None:
        """As FairQueue.poke; this process lives."""
        self._queue.renew(self._worker, self._clock.now_us())
        self._queue.poke(self._clock.now_us())

    def place(self, id: str) -> Answer:
        """Where it stands."""
        return self._queue.where(id, self._clock.now_us())

    def survey(self, most: int) -> tuple[PoolState, ...]:
        """As FairQueue.survey."""
        return self._queue.survey(most, self._clock.now_us())

    def standings(self, user: str, most: int) -> Standings:
        """As FairQueue.standings."""
        return self._queue.standings(user, most, self._clock.now_us())

    def grants(self) -> list[Grant]:
        """Slots given since the last call to requests other than the one that asked."""
        return self._queue.grants()

    def _own(self, ask: Ask) -> Ask:
        candidates = own_share(ask.candidates, self._slots_share)
        tokens = ask.prompt_tokens + max(ask.max_tokens or 0, self._default_completion_tokens)
        limits = own_limits(ask.limits, self._limits_share, tokens)
        return replace(ask, candidates=candidates, limits=limits)


def own_share(candidates: Sequence[Candidate], share: float) -> tuple[Candidate, ...]:
    """The same engines with the part of their slots that one process may fill by itself, at least one. Pure."""
    return tuple(replace(one, slots=max(1, int(one.slots * share))) for one in candidates)


def own_limits(limits: Sequence[AppliedLimit], share: float, tokens: int) -> tuple[AppliedLimit, ...]:
    """This process's part of them, without budgets; what fits a whole limit fits the part, one at a time. Pure.

    tokens: what the request may take.
    """
    return tuple(
        replace(
            limit,
            most=max(
                math.ceil(limit.most * share),
                min(limit.most, 1 if limit.kind in COUNTS_REQUESTS else tokens),
            ),
        )
        for limit in limits
        if limit.kind not in BUDGETS
    )


def _narrowed(rules: FairRules, share: float) -> FairRules:
    most = rules.max_running_per_user
    return replace(
        rules,
        prefill_tokens=max(1, int(rules.prefill_tokens * share)),
        max_running_per_user=None if most is None else max(1, int(most * share)),
    )


def _of_whole_limits(answer: _A, limits: Sequence[AppliedLimit]) -> _A:
    """The answer in terms of the limits that the operator set."""
    whole = {(limit.kind, limit.scope): limit for limit in limits}

    def states(own: Sequence[LimitState]) -> tuple[LimitState, ...]:
        return tuple(replace(one, limit=whole[one.limit.kind, one.limit.scope]) for one in own)

    if not isinstance(answer, Refused):
        return replace(answer, limits=states(answer.limits))
    limit = whole[answer.limit.kind, answer.limit.scope]
    retry_after_s = answer.retry_after_s
    if retry_after_s is None and answer.limit.most < limit.most:
        retry_after_s = _RETRY_S
    return replace(answer, limit=limit, retry_after_s=retry_after_s, states=states(answer.states))
