"""Which engines may answer a request, and which of them share one queue. Rebuilt when an engine comes, goes or changes.

Engines that serve a common model compete for the same requests, so they and all that are linked to them in this way
are one pool with one queue. Pure but for the snapshot it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from appliance.fairness.admission import Candidate
from inference.ports import ChatEngine
from inference.types import EngineState, ModelInfo


class Engines(Protocol):
    """Which engines serve a model; inference's roster fulfils it."""

    @property
    def version(self) -> int:
        """Changes with every change of an engine's health or models."""
        ...

    def resolve(self, model: str) -> Sequence[tuple[ChatEngine, str]]:
        """(engine, its own name for the model), best first. Raises ModelNotFound."""
        ...

    def models(self) -> list[ModelInfo]: ...

    def states(self) -> list[EngineState]: ...


@dataclass(frozen=True, slots=True)
class Routes:
    """Where a model can be answered. engines: by name, with their own name for the model. candidates: best first.

    context_tokens: what every one of them reads, prompt and answer; None: unknown.
    """

    pool: str
    engines: Mapping[str, tuple[ChatEngine, str]]
    candidates: tuple[Candidate, ...]
    context_tokens: int | None = None

    @property
    def own_name(self) -> str:
        """The engines' own name for the model."""
        return self.engines[self.candidates[0].engine][1]


def pools_of(states: Sequence[EngineState]) -> dict[str, str]:
    """Engine -> pool. A pool is named after the first of its engines by name, whether they are up or not. Pure."""
    pool = {state.name: state.name for state in states}
    first_with: dict[str, str] = {}
    for state in sorted(states, key=lambda state: state.name):
        for model in state.models:
            other = first_with.setdefault(model.id, state.name)
            joined, kept = sorted((pool[state.name], pool[other]), reverse=True)
            if joined != kept:
                pool = {name: kept if own == joined else own for name, own in pool.items()}
    return pool


class Routing:
    """The snapshot. slots: how many requests an engine may run, as far as this process knows; None: it does not."""

    def __init__(self, engines: Engines, slots: Callable[[str], int | None], default_slots: int) -> None:
        self._engines = engines
        self._slots = slots
        self._default_slots = default_slots
        self._version = -1
        self._routes: dict[str, Routes] = {}
        self._pools: dict[str, str] = {}

    def routes(self, model: str) -> Routes:
        """Engines that are down count only where all are. Raises ModelNotFound."""
        if self._engines.version != self._version:
            self._version = self._engines.version
            self._routes = {}
            self._pools = pools_of(self._engines.states())
        known = self._routes.get(model)
        if known is None:
            known = self._routes[model] = self._find(model)
        return known

    def forget(self) -> None:
        """Slots have changed."""
        self._version = -1

    def _find(self, model: str) -> Routes:
        by_name = {engine.name: (engine, own_name) for engine, own_name in self._engines.resolve(model)}
        states = {state.name: state for state in self._engines.states()}
        healthy = [name for name in by_name if name not in states or states[name].is_healthy]
        candidates = tuple(
            Candidate(
                name,
                self._slots(name) or _told_slots(states.get(name)) or self._default_slots,
                bool(getattr(by_name[name][0], "fallback_only", False)),
            )
            for name in healthy or by_name
        )
        first = candidates[0].engine
        contexts = [
            known.context_tokens
            for name in healthy or by_name
            for known in (states[name].models if name in states else ())
            if known.id == by_name[name][1] and known.context_tokens is not None
        ]
        return Routes(self._pools.get(first, first), by_name, candidates, min(contexts, default=None))


def _told_slots(state: EngineState | None) -> int | None:
    return state.load.slots if state is not None else None
