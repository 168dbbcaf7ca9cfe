"""A request of this process on its way through the queue, and the slot that it gets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from appliance.domain.answers import Waiting
from appliance.errors import QueueFull
from appliance.fairness.admission import (
    Answer,
    Ask,
    Candidate,
    Full,
    Held,
    LimitState,
    Place,
    Refused,
    Slot,
    Spent,
)
from appliance.fairness.limits.refusals import come_back_s, refusal
from appliance.fairness.queue import operations
from appliance.fairness.queue.operations import Operation

OnWaiting = Callable[[Waiting], Awaitable[None]]

REPORT_S = 1.0
"""Who waits is told its place so often."""
_HELD_AT_ONCE = 100
_GREW_TOKENS = 256


class Request:
    """One request of this process, from its first ask to its release.

    is_admitted: a queue has taken it. is_told: somebody wants to know its place. turn: done when it has a slot.
    """

    __slots__ = (
        "ask",
        "completion_tokens",
        "engine",
        "has_begun",
        "is_admitted",
        "is_told",
        "limits",
        "place",
        "ticket",
        "turn",
    )

    def __init__(self, ask: Ask, ticket: int) -> None:
        self.ask = ask
        self.ticket = ticket
        self.place: Place | None = None
        self.engine: str | None = None
        self.limits: tuple[LimitState, ...] = ()
        self.turn: asyncio.Future[None] | None = None
        self.is_admitted = False
        self.is_told = False
        self.has_begun = False
        self.completion_tokens = 0

    @property
    def held(self) -> Held:
        """As it is put back into a queue that has lost it."""
        return Held(self.ask, self.ticket, self.engine)

    def take(self, answer: Answer) -> None:
        """What a queue says. Raises QueueFull, RateLimited, QuotaExceeded and LargerThanLimit."""
        if isinstance(answer, Slot):
            self.limits = answer.limits or self.limits
            self.grant(answer.engine)
        elif isinstance(answer, Place):
            self.is_admitted = True
            self.limits = answer.limits or self.limits
            if self.engine is None:  # else it was given a slot while the answer travelled
                self.place, self.ticket = answer, answer.ticket
        elif isinstance(answer, Full):
            raise QueueFull(retry_after_s=come_back_s(answer.eta_s))
        elif isinstance(answer, Refused):
            raise refusal(answer)

    def refuse(self, error: Exception) -> None:
        """It waits in vain: `turn` raises the error."""
        if self.engine is not None:
            return
        if self.turn is None or self.turn.done():
            self.turn = asyncio.get_running_loop().create_future()
        self.turn.set_exception(error)
        self.turn.exception()  # whoever leaves meanwhile need not hear of it

    def grant(self, engine: str) -> None:
        """It has a slot; a second one is not taken."""
        if self.engine is not None:
            return
        self.engine, self.place, self.is_admitted = engine, None, True
        if self.turn is not None and not self.turn.done():
            self.turn.set_result(None)


class Requests(dict[str, Request]):
    """All of this process, by id."""

    @property
    def running(self) -> Counter[str]:
        """How many, by the engine they run on."""
        return Counter(request.engine for request in self.values() if request.engine)

    @property
    def writing(self) -> Counter[str]:
        """How many of these have begun to be answered, piece by piece."""
        return Counter(one.engine for one in self.values() if one.engine and one.has_begun)

    @property
    def waiting(self) -> int:
        """How many are in line."""
        return len(self.in_line())

    @property
    def waiting_in(self) -> Counter[tuple[str, str]]:
        """How many are in line, by (pool, interactive or batch)."""
        return Counter(
            (request.ask.pool, "batch" if request.ask.is_batch else "interactive")
            for request in self.in_line()
        )

    def in_line(self) -> list[Request]:
        """Those without a slot."""
        return [request for request in self.values() if request.engine is None]

    def refuse_waiting(self, engine: str, error: Exception) -> None:
        """Nobody need wait for this engine any more; who could be answered by another one goes on waiting."""
        for request in self.in_line():
            if {candidate.engine for candidate in request.ask.candidates} == {engine}:
                request.refuse(error)

    def admitted(self) -> list[Request]:
        """Those that a queue has taken."""
        return [request for request in self.values() if request.is_admitted]


def restoring(requests: Sequence[Request]) -> list[Operation]:
    """The operations that put these back into the shared queue, as far as they have come."""
    steps = [
        operations.restore([request.held for request in requests[first : first + _HELD_AT_ONCE]])
        for first in range(0, len(requests), _HELD_AT_ONCE)
    ]
    steps += [operations.first_byte(request.ask.id) for request in requests if request.has_begun]
    grown = (request for request in requests if request.completion_tokens)
    return steps + [operations.grew(request.ask.id, request.completion_tokens) for request in grown]


class KeepsSlots(Protocol):
    """`leases.Leases` fulfils it."""

    def first_byte(self, request: Request) -> None: ...

    def grew(self, request: Request, completion_tokens: int) -> None: ...

    async def move(self, request: Request, candidates: tuple[Candidate, ...]) -> float: ...

    def release(self, request: Request, spent: Spent | None) -> None: ...


class Lease:
    """A slot on an engine; release() it once, whatever happens."""

    __slots__ = ("_leases", "_request", "wait_s")

    def __init__(self, leases: KeepsSlots, request: Request, wait_s: float) -> None:
        self._leases = leases
        self._request = request
        self.wait_s = wait_s

    @property
    def engine(self) -> str:
        """The engine that holds the slot."""
        assert self._request.engine is not None
        return self._request.engine

    @property
    def limits(self) -> tuple[LimitState, ...]:
        """How the limits stood when the request was let in."""
        return self._request.limits

    def first_byte(self) -> None:
        """The answer begins: the prompt has been read."""
        self._leases.first_byte(self._request)

    def grew(self, completion_tokens: int) -> None:
        """The answer has so many tokens by now; may be told as often as one likes."""
        if completion_tokens >= self._request.completion_tokens + _GREW_TOKENS:
            self._leases.grew(self._request, completion_tokens)

    async def move(self, candidates: tuple[Candidate, ...]) -> str:
        """Leave an engine that failed for one of these, at once or before everybody who waits. Returns its name.

        Raises QueueFull when none came free in time.
        """
        self.wait_s += await self._leases.move(self._request, candidates)
        return self.engine

    def release(self, spent: Spent | None = None) -> None:
        """Give the slot back. spent: None where the engine did nothing for it."""
        self._leases.release(self._request, spent)
