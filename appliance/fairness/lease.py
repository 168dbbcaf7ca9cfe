"""A request of this process on its way through the queue, and the slot that it gets."""

from __future__ import annotations

import asyncio
from typing import Protocol

from appliance.fairness.admission import Ask, Candidate, Held, LimitState, Place, Spent

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
        return Held(self.ask, self.ticket, self.engine)


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
