"""Models that are started here: which there are and how they stand, one more, one less. For administrators."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from appliance.domain.people import AccountEvent, Caller
from appliance.services.accounts.people import require_admin, require_reader
from inference.errors import ModelNotStarted
from inference.keeping.states import KeptModel

Wording = Literal["vllm", "compose", "ollama", "llama_cpp"]


class KeepsModels(Protocol):
    """`bootstrap.keeper.link.KeeperLink` fulfils it. Everything that asks raises PartUnavailable."""

    @property
    def models(self) -> Mapping[str, KeptModel]: ...

    @property
    def is_connected(self) -> bool: ...

    async def start(self, model: str, context_tokens: int | None, people: int | None) -> KeptModel: ...

    async def stop(self, model: str, *, now: bool = False) -> KeptModel: ...


class PutsIntoWords(Protocol):
    """How a model would be started, as text to be used elsewhere. Blocks; raises what a start refuses."""

    def __call__(
        self, model: str, context_tokens: int | None, people: int | None, wording: Wording
    ) -> str: ...


class RunningEvents(Protocol):
    """Where it is written down who did what. Raises PartUnavailable."""

    async def record(self, event: AccountEvent) -> None: ...


@dataclass(frozen=True, slots=True)
class RunningModel:
    """eta_s: seconds until it answers. lines: of its engine when it died; shown to administrators alone."""

    model: KeptModel
    eta_s: float | None
    lines: tuple[str, ...]


class RunningModels:
    """The use case behind `/api/models/running`."""

    def __init__(
        self,
        keeper: KeepsModels,
        words: PutsIntoWords,
        events: RunningEvents,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keeper, self._words, self._events, self._clock = keeper, words, events, clock

    @property
    def is_kept(self) -> bool:
        """Whether the process that keeps them answers."""
        return self._keeper.is_connected

    def all(self, caller: Caller) -> Sequence[RunningModel]:
        """By name. Raises NotPermitted for whoever neither administers nor audits."""
        require_reader(caller)
        return [self._seen(self._keeper.models[name]) for name in sorted(self._keeper.models)]

    def one(self, caller: Caller, name: str) -> RunningModel:
        """Raises NotPermitted, ModelNotStarted."""
        require_reader(caller)
        if name not in self._keeper.models:
            raise ModelNotStarted(f"Asked for: {name!r}.")
        return self._seen(self._keeper.models[name])

    async def start(
        self, caller: Caller, name: str, context_tokens: int | None, people: int | None
    ) -> RunningModel:
        """Begin to load it; `one` tells how far it is.

        Raises NotPermitted, PartUnavailable, and ModelNotInstalled, ModelDoesNotFit, ModelNeedsVllm, ModelNotStartable.
        """
        require_admin(caller)
        model = await self._keeper.start(name, context_tokens, people)
        await self._note(caller, "model.started", name=name, context_tokens=model.context_tokens)
        return self._seen(model)

    async def stop(self, caller: Caller, name: str, *, now: bool) -> RunningModel:
        """Returns when its answers have ended. Raises NotPermitted, PartUnavailable, ModelNotStarted."""
        require_admin(caller)
        model = await self._keeper.stop(name, now=now)
        await self._note(caller, "model.stopped", name=name)
        return self._seen(model)

    def in_words(
        self, caller: Caller, name: str, context_tokens: int | None, people: int | None, wording: Wording
    ) -> str:
        """The command or settings of a start. Blocks. Raises NotPermitted and what `start` raises."""
        require_reader(caller)
        return self._words(name, context_tokens, people, wording)

    def _seen(self, model: KeptModel) -> RunningModel:
        return RunningModel(model, model.eta_s(self._clock()), model.last_lines)

    async def _note(self, caller: Caller, action: str, **detail: Any) -> None:  # noqa: ANN401 - of an event
        await self._events.record(AccountEvent(action, caller.user_id, detail=detail))
