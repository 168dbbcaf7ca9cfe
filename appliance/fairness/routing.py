"""Which engines may answer a request, and which of them share one queue. Rebuilt when an engine comes, goes or changes.

Engines that serve a common model compete for the same requests, so they and all that are linked to them in this way
are one pool with one queue. Pure but for the snapshot it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from appliance.fairness.admission import Candidate
from inference.errors import ModelNotFound
from inference.ports import ChatEngine
from inference.types import EngineLoad, EngineState, ModelInfo


class Engines(Protocol):
    """Which engines serve a model; inference's roster fulfils it."""

    @property
    def version(self) -> int:
        """Changes with every change of an engine's health or models."""
        ...

    def resolve(self, model: str) -> Sequence[tuple[ChatEngine, str]]:
        """(engine, its own name for the model), best first; none of a cloud. Raises ModelNotFound."""
        ...

    def resolve_cloud(self, model: str) -> Sequence[tuple[ChatEngine, str]]:
        """The same of clouds, for a model that is also served here or for their own. Raises ModelNotFound."""
        ...

    def doubt(self, engine: str) -> None:
        """A request could not reach it: look at it now. Does not wait."""
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
    """Engine -> pool. A pool is named after the first of its engines by name, whether they are up or not. Pure.

    A cloud never shares a queue with engines of this box: who may not leave would wait behind who may.
    """
    pool = {state.name: state.name for state in states}
    first_with: dict[tuple[str, bool], str] = {}
    for state in sorted(states, key=lambda state: state.name):
        for model in state.models:
            other = first_with.setdefault((model.id, state.is_cloud), state.name)
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
        self._routes: dict[tuple[str, bool], Routes] = {}
        self._pools: dict[str, str] = {}

    def routes(self, model: str) -> Routes:
        """On this box. Engines that are down count only where all are. Raises ModelNotFound."""
        return self._known(model, is_cloud=False)

    def cloud_routes(self, model: str) -> Routes:
        """Clouds that stand in for a model of this box, or have one of that name. Raises ModelNotFound."""
        return self._known(model, is_cloud=True)

    def anywhere(self, model: str) -> Routes:
        """On this box; else in a cloud that has a model of that name. Raises ModelNotFound."""
        try:
            return self.routes(model)
        except ModelNotFound:
            with suppress(ModelNotFound):
                return self.cloud_routes(model)
            raise

    def _known(self, model: str, *, is_cloud: bool) -> Routes:
        if self._engines.version != self._version:
            self._version = self._engines.version
            self._routes = {}
            self._pools = pools_of(self._engines.states())
        known = self._routes.get((model, is_cloud))
        if known is None:
            resolve = self._engines.resolve_cloud if is_cloud else self._engines.resolve
            known = self._routes[model, is_cloud] = self._find(resolve(model))
        return known

    def forget(self) -> None:
        """Slots have changed."""
        self._version = -1

    def _find(self, serving: Sequence[tuple[ChatEngine, str]]) -> Routes:
        by_name = {engine.name: (engine, own_name) for engine, own_name in serving}
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


def chat_model_of(
    engines: Engines, preferred: str, has_stand_in: Callable[[str], bool] = lambda _model: False
) -> str | None:
    """The preferred chat model, else the first one, of those with an engine that is up; None: no such model.

    One that would have to be loaded first is taken where it is preferred, or where no other is there; one that only a
    cloud has after all of this box. has_stand_in: whether somebody may answer for a model whose engines are down.
    """
    states = engines.states()
    up = {model.id for state in states if state.is_healthy for model in state.models}
    asleep = {model.id for state in states if state.is_asleep for model in state.models}
    chat = [model.id for model in engines.models() if model.kind == "chat"]
    own_names: dict[str, set[str]] = {}
    for model in chat:
        with suppress(ModelNotFound):
            own_names[model] = {own for _, own in engines.resolve(model)}
    serving = [model for model in own_names if own_names[model] & up]
    loadable = [model for model in own_names if own_names[model] & asleep]
    elsewhere = [model for model in chat if model not in own_names]
    if preferred in serving or preferred in loadable or preferred in elsewhere:
        return preferred
    if serving or loadable:
        return [*serving, *loadable][0]
    down = [model for model in own_names if has_stand_in(model)]
    return preferred if preferred in down else next(iter([*down, *elsewhere]), None)


def added_up(loads: Sequence[EngineLoad]) -> EngineLoad:
    """The load of several engines together. Pure."""
    uses = [load.kv_use for load in loads if load.kv_use is not None]
    slots = [load.slots for load in loads if load.slots is not None]
    return EngineLoad(
        running=sum(load.running for load in loads),
        waiting=sum(load.waiting for load in loads),
        kv_use=max(uses) if uses else None,
        slots=sum(slots) if slots else None,
    )


def _told_slots(state: EngineState | None) -> int | None:
    return state.load.slots if state is not None else None
