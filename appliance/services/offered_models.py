"""Every name that can be asked for as a model: pipelines, what the engines serve, aliases, the embedded model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

from appliance.domain.people import Caller
from appliance.fairness.gate import Gate
from inference.errors import EmbedderUnavailable, InferenceError, ModelNotFound
from inference.ports import Embedder, Transcriber
from inference.types import ModelKind

OfferedState = Literal["ready", "asleep", "down"]


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """One name. owner: the engine that serves it, or `appliance`. context_tokens None: the engine does not tell.

    state: `asleep` is not in memory and is loaded when it is asked; `down` is an engine that does not answer.
    """

    id: str
    kind: ModelKind
    owner: str
    context_tokens: int | None = None
    state: OfferedState = "ready"


def embedded_names(model_id: str, aliases: Mapping[str, str]) -> list[str]:
    """The names under which the embedded model is asked for: its own without the build, with it, and aliases of either.

    model_id: `NAME@BUILD`, as it stands beside every vector.
    """
    own = [model_id.partition("@")[0], model_id]
    return [*own, *(alias for alias, target in aliases.items() if target in own)]


def own_names(model_id: str, aliases: Mapping[str, str]) -> list[str]:
    """The name of a model that the appliance serves itself, and its aliases."""
    return [model_id, *(alias for alias, target in aliases.items() if target == model_id)]


def _better(one: OfferedState | None, other: OfferedState) -> OfferedState:
    order: tuple[OfferedState, ...] = ("ready", "asleep", "down")
    return other if one is None else min(one, other, key=order.index)


class PipelinesNow(Protocol):
    """The ways to answer that there are just now; services.chat fulfils it."""

    @property
    def pipeline_names(self) -> Sequence[str]: ...

    def pipelines_for(self, caller: Caller) -> Sequence[str]:
        """Those that this person may ask."""
        ...


class OfferedModels:
    """pipelines: names, first in the list; or whoever knows which there are now. embedder None: engines alone embed.
    aliases: of the configuration.

    transcriber None: no recording is heard here. reranker: the cross-encoder's name; empty: there is none.
    """

    def __init__(
        self,
        gate: Gate,
        pipelines: Sequence[str] | PipelinesNow,
        embedder: Embedder | None,
        aliases: Mapping[str, str],
        transcriber: Transcriber | None = None,
        *,
        reranker: str = "",
    ) -> None:
        self._gate = gate
        self._pipelines = pipelines
        self._embedder = embedder
        self._aliases = aliases
        self._transcriber = transcriber
        self._reranker = reranker

    def all(self, caller: Caller) -> list[OfferedModel]:
        """What this caller may use, each name once."""
        known = self._pipelines
        pipelines = known if isinstance(known, Sequence) else known.pipelines_for(caller)
        offered = {model.id: model for model in self._everything(pipelines)}
        return [model for model in offered.values() if caller.scopes.allow_model(model.id)]

    def names(self) -> set[str]:
        """Every name that can be asked for by somebody."""
        known = self._pipelines
        pipelines = known if isinstance(known, Sequence) else known.pipeline_names
        return {model.id for model in self._everything(pipelines)}

    def one(self, caller: Caller, name: str) -> OfferedModel:
        """Raises ModelNotFound that lists what there is."""
        models = self.all(caller)
        for model in models:
            if model.id == name:
                return model
        raise ModelNotFound(name, [model.id for model in models])

    def _everything(self, pipelines: Sequence[str]) -> list[OfferedModel]:
        owners: dict[str, str] = {}
        states: dict[str, OfferedState] = {}
        for state in self._gate.engine_states():
            for served in state.models:
                seen: OfferedState = "ready" if state.is_healthy else "asleep" if state.is_asleep else "down"
                states[served.id] = _better(states.get(served.id), seen)
            for served in state.models:
                owners.setdefault(served.id, state.name)
        models = [OfferedModel(name, "chat", "appliance") for name in pipelines]
        models += [
            OfferedModel(
                model.id,
                model.kind,
                owners.get(self._aliases.get(model.id, model.id), "appliance"),
                model.context_tokens,
                states.get(self._aliases.get(model.id, model.id), "ready"),
            )
            for model in self._gate.models()
        ]
        with suppress(EmbedderUnavailable):  # it has not told its name yet
            models += self._embedded()
        if self._reranker:
            names = own_names(self._reranker, self._aliases)
            models += [OfferedModel(name, "reranker", "appliance") for name in names]
        if self._transcriber is not None:
            with suppress(InferenceError):  # none is installed
                names = own_names(self._transcriber.model_id, self._aliases)
                models += [OfferedModel(name, "transcription", "appliance") for name in names]
        return models

    def _embedded(self) -> list[OfferedModel]:
        if self._embedder is None:
            return []
        own = self._embedder.model_id
        names = [name for name in embedded_names(own, self._aliases) if name != own]
        return [
            OfferedModel(name, "embedding", "appliance", self._embedder.max_tokens or None) for name in names
        ]
