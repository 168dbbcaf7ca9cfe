"""Which engines there are, how they are, and who serves which model.

Asks every engine for its models every few seconds, in the background: a question never waits for that. No engine is
a normal state. An engine that is down keeps the models it had and says why it is down. A cloud is on the roster and
on none of the ordinary routes: who wants it asks for it. Knows nothing of users, slots or turns.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from inference.errors import EngineUnavailable, InferenceError, ModelNotFound
from inference.ports import ChatEngine
from inference.types import EngineLoad, EngineState, ModelInfo

logger = logging.getLogger(__name__)

REFRESH_S = 5.0


@dataclass(frozen=True, slots=True)
class Membership:
    """An engine on the roster. kind: the engine table's name for it; base_url is shown to people only.

    models: known before it was asked. asleep: says why it is not to be asked just now, because it is not in memory;
    None, or an empty text: ask it. is_cloud: it is elsewhere. stands_in_for: a model of this box -> the cloud's own
    name of the one that answers in its place.
    """

    engine: ChatEngine
    kind: str
    base_url: str = ""
    is_fallback: bool = False
    models: tuple[ModelInfo, ...] = ()
    asleep: Callable[[], str] | None = None
    is_cloud: bool = False
    stands_in_for: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a model can be asked for: an engine by name, and that engine's own name for the model."""

    engine_name: str
    model: str


def routes_for(
    model: str,
    states: Sequence[EngineState],
    aliases: Mapping[str, str],
    fallbacks: frozenset[str] = frozenset(),
) -> list[Route]:
    """Every engine of the box that serves a model or an alias, best first; never a cloud. Pure.

    Healthy ones before the others, those kept for fallback after their equals, otherwise as configured. An engine
    that is down stays in the list: it may be back before its next check. Raises ModelNotFound.
    """
    own_name = aliases.get(model, model)
    serving = [
        state
        for state in states
        if not state.is_cloud and any(known.id == own_name for known in state.models)
    ]
    if not serving:
        raise ModelNotFound(model, known_names(states, aliases))
    serving.sort(key=lambda state: (not state.is_healthy, state.name in fallbacks))
    return [Route(state.name, own_name) for state in serving]


def cloud_routes_for(
    model: str,
    states: Sequence[EngineState],
    aliases: Mapping[str, str],
    fallbacks: frozenset[str] = frozenset(),
) -> list[Route]:
    """Every cloud that stands in for a model of this box, or has one of that name itself, best first. Pure.

    An alias is followed first: a name that the box gives to its own model never leads out. Raises ModelNotFound.
    """
    own_name = aliases.get(model, model)
    found = [
        (state, theirs)
        for state in states
        if state.is_cloud and (theirs := _their_name(own_name, state)) is not None
    ]
    if not found:
        raise ModelNotFound(model, known_names(states, aliases))
    found.sort(key=lambda pair: (not pair[0].is_healthy, pair[0].name in fallbacks))
    return [Route(state.name, theirs) for state, theirs in found]


def _their_name(model: str, state: EngineState) -> str | None:
    own = model if any(known.id == model for known in state.models) else None
    return dict(state.stands_in_for).get(model, own)


def offered_models(
    states: Sequence[EngineState], aliases: Mapping[str, str], *, offers_cloud: bool = False
) -> list[ModelInfo]:
    """Every model once, in the engines' order, then the aliases that lead to one. Pure.

    A model on two engines has the smaller of their contexts: either may have to answer. offers_cloud: those of clouds
    as well, by their own names.
    """
    offered: dict[str, ModelInfo] = {}
    for state in sorted(states, key=lambda state: state.is_cloud):
        for model in state.models if offers_cloud or not state.is_cloud else ():
            if state.is_cloud and model.id in offered:
                continue
            known = offered.get(model.id)
            offered[model.id] = model if known is None else _narrower(known, model)
    for alias, target in aliases.items():
        if target in offered:
            offered[alias] = replace(offered[target], id=alias)
    return list(offered.values())


def known_names(states: Sequence[EngineState], aliases: Mapping[str, str]) -> list[str]:
    """The names a person may ask for. Pure."""
    return [model.id for model in offered_models(states, aliases)]


def _narrower(one: ModelInfo, other: ModelInfo) -> ModelInfo:
    sizes = [model.context_tokens for model in (one, other) if model.context_tokens is not None]
    return replace(one, context_tokens=min(sizes) if sizes else None)


class Roster:
    """The engines of this appliance. Call refresh() once, then run() as a background task."""

    def __init__(
        self,
        members: Sequence[Membership],
        aliases: Mapping[str, str] | None = None,
        *,
        refresh_s: float = REFRESH_S,
        on_change: Callable[[Sequence[EngineState]], None] | None = None,
        jitter: Callable[[], float] = random.random,
        offers_cloud: bool = False,
    ) -> None:
        """offers_cloud: whether models() lists those of clouds too, because somebody may be allowed to use them."""
        self._offers_cloud = offers_cloud
        self._members = {member.engine.name: member for member in members}
        self._aliases = dict(aliases or {})
        self._fallbacks = frozenset(name for name, member in self._members.items() if member.is_fallback)
        self._states = {name: _not_asked_yet(member) for name, member in self._members.items()}
        self._doubted: dict[str, asyncio.Task[None]] = {}
        self._refresh_s = refresh_s
        self._on_change = on_change
        self._jitter = jitter
        self.version = 0
        """Grows with every change of an engine's health or models."""

    def resolve(self, model: str) -> list[tuple[ChatEngine, str]]:
        """(engine, that engine's own name for the model), best first. Raises ModelNotFound."""
        return [
            (self._members[route.engine_name].engine, route.model)
            for route in routes_for(model, self.states(), self._aliases, self._fallbacks)
        ]

    def resolve_cloud(self, model: str) -> list[tuple[ChatEngine, str]]:
        """(cloud, its own name for what answers instead of this model), best first. Raises ModelNotFound.

        Also for a model that only a cloud has, by that cloud's own name.
        """
        return [
            (self._members[route.engine_name].engine, route.model)
            for route in cloud_routes_for(model, self.states(), self._aliases, self._fallbacks)
        ]

    def models(self) -> list[ModelInfo]:
        """Everything that can be asked for, aliases included."""
        return offered_models(self.states(), self._aliases, offers_cloud=self._offers_cloud)

    def context_tokens(self, model: str) -> int | None:
        """The context of a model or alias; None where no engine tells or has it."""
        return next((known.context_tokens for known in self.models() if known.id == model), None)

    def states(self) -> list[EngineState]:
        """How every engine is, in the order of the configuration."""
        return list(self._states.values())

    def engine(self, name: str) -> ChatEngine | None:
        """An engine by its name."""
        member = self._members.get(name)
        return member.engine if member else None

    def add(self, member: Membership) -> None:
        """Take another engine on, after the others; it is asked at the next refresh()."""
        name = member.engine.name
        self._members[name] = member
        self._states[name] = _not_asked_yet(member)
        if member.is_fallback:
            self._fallbacks |= {name}
        self.version += 1

    async def remove(self, name: str) -> None:
        """Let one go, and its connections with it. A name that is not there is nobody's."""
        member = self._members.pop(name, None)
        self._states.pop(name, None)
        self._fallbacks -= {name}
        self.version += 1
        if member is not None:
            await member.engine.close()

    async def refresh(self) -> None:
        """Ask all engines at once, and tell the callback if anything but their load changed."""
        asked = await asyncio.gather(*(self._ask(name, member) for name, member in self._members.items()))
        self._take(asked)

    def _take(self, asked: Sequence[EngineState]) -> None:
        before = _without_load(self.states())
        self._states.update({state.name: state for state in asked if state.name in self._members})
        if _without_load(self.states()) == before:
            return
        self.version += 1
        if self._on_change is not None:
            self._on_change(self.states())

    def doubt(self, name: str) -> None:
        """A request could not reach this engine: ask it at once, and not only at the next refresh. Does not wait."""
        member = self._members.get(name)
        if member is not None and (name not in self._doubted or self._doubted[name].done()):
            self._doubted[name] = asyncio.create_task(self._look_at(name, member), name=f"look at {name}")

    async def _look_at(self, name: str, member: Membership) -> None:
        state = await self._ask(name, member)
        if self._members.get(name) is member:
            self._take([state])

    async def run(self) -> None:
        """Refresh for ever. The pause varies by a fifth, so that many workers do not ask all at once."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._refresh_s * (0.9 + 0.2 * self._jitter()))

    async def close(self) -> None:
        """Close every engine."""
        for looking in self._doubted.values():
            looking.cancel()
        for member in self._members.values():
            await member.engine.close()

    async def _ask(self, name: str, member: Membership) -> EngineState:
        previous = self._states.get(name) or _not_asked_yet(member)
        why_asleep = member.asleep() if member.asleep is not None else ""
        if why_asleep:
            return replace(_not_asked_yet(member), reason=why_asleep, is_asleep=True)
        try:
            models = await member.engine.models()
        except InferenceError as error:
            return self._down(previous, error)
        if not previous.is_healthy:
            logger.info("engine %s answers: %s", name, ", ".join(model.id for model in models) or "no models")
        return EngineState(
            name=name,
            engine=member.kind,
            is_healthy=True,
            models=tuple(models),
            base_url=member.base_url,
            load=await self._load_of(member.engine),
            is_cloud=member.is_cloud,
            stands_in_for=tuple(member.stands_in_for.items()),
        )

    def _down(self, previous: EngineState, error: InferenceError) -> EngineState:
        if previous.is_healthy or previous.reason == NOT_ASKED_YET:
            logger.warning("engine %s is down: %s", previous.name, error)
        return replace(previous, is_healthy=False, is_asleep=False, reason=str(error), load=EngineLoad())

    async def _load_of(self, engine: ChatEngine) -> EngineLoad:
        try:
            return await engine.load()
        except EngineUnavailable:
            return EngineLoad()  # it serves, and does not say how busy it is


NOT_ASKED_YET = "It has not been asked yet."


def _not_asked_yet(member: Membership) -> EngineState:
    return EngineState(
        name=member.engine.name,
        engine=member.kind,
        is_healthy=False,
        reason=NOT_ASKED_YET,
        models=member.models,
        base_url=member.base_url,
        is_cloud=member.is_cloud,
        stands_in_for=tuple(member.stands_in_for.items()),
    )


def _without_load(states: Sequence[EngineState]) -> list[EngineState]:
    return [replace(state, load=EngineLoad()) for state in states]
