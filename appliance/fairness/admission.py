"""What is asked of the queue and what it answers. Values only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

LimitKind = Literal[
    "requests_per_minute", "tokens_per_minute", "tokens_per_day", "tokens_per_month", "concurrent_requests"
]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that could answer. slots: how many requests it may run, as far as this process knows."""

    engine: str
    slots: int
    is_fallback: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """One level of the tree in which turns are shared: a group, or at the end the person. weight > 0."""

    id: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ValueError(f"the weight of {self.id} is {self.weight}; it must be above 0")


@dataclass(frozen=True, slots=True)
class AppliedLimit:
    """A limit that counts for a request. scope names what is counted: `user:ID`, `group:ID`, `key:ID`, `model:NAME`.

    most: tokens or requests in the kind's window, > 0.
    """

    scope: str
    kind: LimitKind
    most: int


@dataclass(frozen=True, slots=True)
class Ask:
    """One request that wants a slot on one of its candidates.

    id: unique for ever. pool: the engines that share one queue. shares: from the outermost group to the person, never
    empty. prompt_tokens: estimated. max_tokens: what the answer may have at most, where the request says so.
    is_batch: may wait until nobody interactive does. request_id: the caller's name for it. conversation: the same for
    all turns of one, so that they meet the engine that has read the earlier ones; empty: it belongs to none.
    """

    id: str
    pool: str
    model: str
    shares: tuple[Share, ...]
    candidates: tuple[Candidate, ...]
    prompt_tokens: int = 0
    max_tokens: int | None = None
    is_batch: bool = False
    limits: tuple[AppliedLimit, ...] = ()
    request_id: str = ""
    conversation: str = ""

    @property
    def user(self) -> str:
        return self.shares[-1].id


@dataclass(frozen=True, slots=True)
class LimitState:
    """How a limit stands, for the x-ratelimit headers: what is left of it and when it is whole again."""

    limit: AppliedLimit
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Slot:
    """The turn has come: this engine holds a slot for the request."""

    engine: str
    limits: tuple[LimitState, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Still in line; position counts from 1. ticket orders arrivals, in microseconds."""

    position: int
    eta_s: float | None
    ticket: int
    limits: tuple[LimitState, ...] = ()


@dataclass(frozen=True, slots=True)
class Full:
    """No room to wait. eta_s: when the newcomer would have been served, None while no rate is known."""

    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Refused:
    """A limit is used up. retry_after_s: when the request would fit; None: never, it is larger than the limit."""

    limit: AppliedLimit
    retry_after_s: float | None
    states: tuple[LimitState, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """The queue does not know this request (it was emptied, or gave the request up)."""


Answer = Slot | Place | Full | Refused | Gone


@dataclass(frozen=True, slots=True)
class Spent:
    """What a request used, as it is charged: tokens by the engine's count where it told one.

    completion_tokens None: nobody knows, as when somebody leaves before an answer that comes whole; its charge stands.

    prefill_ms: from the slot to the first byte; None where there was none, or the answer came whole.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int | None = 0
    prefill_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Leaving:
    """A request that ended or gave up. spent None: it used nothing (refused, failed before the engine began)."""

    id: str
    spent: Spent | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A request as its worker sees it: waiting (engine None) or running."""

    ask: Ask
    ticket: int
    engine: str | None


@dataclass(frozen=True, slots=True)
class Capacity:
    """What an engine can bear: requests at once, and tokens of KV cache (None: not known)."""

    engine: str
    slots: int
    kv_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A slot that came free for a request of this worker."""

    worker: str
    id: str
    engine: str


@dataclass(frozen=True, slots=True)
class FairRules:
    """The constants of the queue; `settings.GateSettings` explains them.

    reserved None: one slot in sixteen, at least one, none below eight slots. prefill_tokens: prompts being read by an
    engine at once; a person who holds no slot may go to twice that. spread: of the mean time between two turns of a
    crowded engine without a reserve, the part that must pass before somebody who holds a slot gets the next; 0: none.
    """

    max_queue: int = 1000
    max_queue_per_user: int = 200
    reserved: int | None = None
    prefill_tokens: int = 4096
    prompt_weight: float = 1.0
    completion_weight: float = 2.0
    cached_weight: float = 0.1
    max_running_per_user: int | None = None
    batch_promoted_after_s: float = 900.0
    default_completion_tokens: int = 256
    lease_s: float = 15.0
    spread: float = 0.75

    def reserved_of(self, slots: int) -> int:
        """Slots of an engine that only people who hold none may take; one is always left to everybody."""
        if self.reserved is not None:
            return min(self.reserved, slots - 1)
        return max(1, slots // 16) if slots >= 8 else 0

    def batch_slots_of(self, slots: int) -> int:
        """Slots that batch requests may fill together: three quarters, so that others need not wait for them."""
        return max(1, slots - max(self.reserved_of(slots), slots // 4))


@dataclass(frozen=True, slots=True)
class Use:
    """How busy an engine is, in proportion to its slots. tokens: of prompts and answers that are outstanding."""

    tokens: float
    requests: float


SPARE = 0.125
"""Below this part of its slots an engine is as good as idle."""
NEAR = 1.25
"""The bound of consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, SODA 2018)."""


def choose_engine(candidates: Sequence[Candidate], uses: Sequence[Use | None], home: str = "") -> int | None:
    """Index of the free engine with the fewest outstanding tokens (None: full); fallbacks only when no other is free.

    home: where the conversation was; it stays there unless that is far busier than the others.
    """
    free = [
        (candidate.is_fallback, use.tokens, use.requests, index)
        for index, (candidate, use) in enumerate(zip(candidates, uses, strict=True))
        if use is not None
    ]
    if not free:
        return None
    best = min(free)
    equals = [one for one in free if one[0] == best[0]]
    total = 0.0
    for _, tokens, _, _ in equals:  # step by step, as the script does: sum() rounds less
        total += tokens
    for _, tokens, requests, index in equals:
        if candidates[index].engine == home and (requests < SPARE or tokens * len(equals) <= NEAR * total):
            return index
    return best[3]
