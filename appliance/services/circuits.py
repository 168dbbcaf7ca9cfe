"""Engines that are out of rotation: why, since when, what was before; and having one asked now. For administrators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from appliance.domain.people import AccountEvent, Caller
from appliance.errors import NotFound
from appliance.fairness.breakers.wire import Transition
from appliance.services.accounts.people import require_admin, require_reader
from inference.breaker.circuit import CircuitState


class KeepsCircuits(Protocol):
    """`fairness.breakers.circuit_breakers.CircuitBreakers` fulfils it."""

    def states(self) -> Sequence[CircuitState]: ...

    async def history(self, engine: str) -> Sequence[Transition]:
        """Raises PartUnavailable."""
        ...

    async def hasten(self, engine: str, model: str) -> None: ...


class CircuitEvents(Protocol):
    """Where it is written down who did what. Raises PartUnavailable."""

    async def record(self, event: AccountEvent) -> None: ...


class Circuits:
    """The use case behind `/api/engines/breakers`. is_there: whether an engine is on the roster."""

    def __init__(self, kept: KeepsCircuits, is_there: Callable[[str], bool], events: CircuitEvents) -> None:
        self._kept, self._is_there, self._events = kept, is_there, events

    def all(self, caller: Caller) -> Sequence[CircuitState]:
        """Of engines that are there. Raises NotPermitted for whoever neither administers nor audits."""
        require_reader(caller)
        return self._seen()

    async def history(self, caller: Caller, engine: str) -> Sequence[Transition]:
        """The last hundred changes, newest first. Raises NotPermitted, NotFound, PartUnavailable."""
        require_reader(caller)
        if not self._is_there(engine):
            raise NotFound
        return await self._kept.history(engine)

    async def try_now(self, caller: Caller, engine: str, model: str) -> CircuitState:
        """Have it asked at once. Raises NotPermitted, NotFound, PartUnavailable."""
        require_admin(caller)
        self._one(engine, model)
        await self._events.record(
            AccountEvent("engine.asked", caller.user_id, detail={"engine": engine, "name": model})
        )
        await self._kept.hasten(engine, model)
        return self._one(engine, model)

    def _one(self, engine: str, model: str) -> CircuitState:
        for state in self._seen():
            if (state.engine, state.model) == (engine, model):
                return state
        raise NotFound

    def _seen(self) -> list[CircuitState]:
        return [state for state in self._kept.states() if self._is_there(state.engine)]
