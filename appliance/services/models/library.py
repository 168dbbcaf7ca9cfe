"""The models on this box's disk as administrators see them: which are there, which come, and which goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from appliance.domain.people import AccountEvent, Caller
from appliance.domain.refusals import Told
from appliance.errors import Conflict, NotFound
from appliance.services.accounts.people import require_admin, require_reader
from inference.errors import ModelInUse, ModelNotInstalled, ModelSourceUnknown
from inference.getting.desk import Order, Pull, PullDesk
from inference.getting.sources import FolderSource, default_name, parse_source, with_quantisation
from inference.library import InstalledModel, ModelLibrary, check_name
from inference.types import ModelKind


@dataclass(frozen=True, slots=True)
class CatalogueSource:
    """Where a card's model comes from, as inference.getting.sources writes it."""

    source: str
    kind: ModelKind
    licence: str


class LibraryEvents(Protocol):
    """Who asked for what."""

    async def record(self, event: AccountEvent) -> None: ...


class SearchChoice(Protocol):
    """Which model the index is made with. Everything blocks."""

    def chosen(self) -> str:
        """A model of the library; empty: the settings' one."""
        ...

    def choose(self, name: str) -> bool:
        """From now on; empty: the settings' one again. False: the settings name one, which counts."""
        ...

    def in_use(self, folder: Path) -> bool:
        """Whether vectors of the model in that folder are still searched with, or made."""
        ...


@dataclass(frozen=True, slots=True)
class LibraryOverview:
    """searched_with: the model's name; empty: none of the library."""

    models: tuple[InstalledModel, ...]
    pulls: tuple[Pull, ...]
    searched_with: str = ""


class ModelShelf:
    """The use case behind `/api/models/library`.

    catalogue: where a bare name's model comes from, None where the name stands in no card. runs: whether an engine
    has the model, by name.
    """

    def __init__(
        self,
        library: ModelLibrary,
        desk: PullDesk,
        search: SearchChoice,
        events: LibraryEvents,
        catalogue: Callable[[str], CatalogueSource | None],
        runs: Callable[[str], Awaitable[bool]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._library, self._desk, self._search, self._events = library, desk, search, events
        self._catalogue, self._runs, self._now = catalogue, runs, now

    async def overview(self, caller: Caller) -> LibraryOverview:
        """Raises NotPermitted for whoever neither administers nor audits."""
        require_reader(caller)
        return await asyncio.to_thread(self._overview)

    async def pull(
        self,
        caller: Caller,
        source: str,
        *,
        name: str = "",
        quantisation: str = "",
        for_search: bool = False,
    ) -> Pull:
        """The worker begins within seconds; who asks for the same again gets the one that runs.

        Raises NotPermitted, ModelSourceUnknown, UnusableModelName, Conflict.
        """
        require_admin(caller)
        order = replace(
            self._order(source, name, quantisation),
            actor=caller.email,
            asked_at=self._now().isoformat(),
            for_search=for_search,
        )
        if not await asyncio.to_thread(self._desk.ask, order):
            running = await self.progress(caller, order.name)
            if running.order.source != order.source:
                raise Conflict(Told("model_name_taken", name=order.name, source=running.order.source))
            return running
        await self._note(caller, "model.pulled", name=order.name, source=order.source)
        return await self.progress(caller, order.name)

    async def progress(self, caller: Caller, name: str) -> Pull:
        """Raises NotPermitted, NotFound."""
        require_reader(caller)
        pull = await asyncio.to_thread(self._desk.find, check_name(name))
        if pull is None:
            raise NotFound(Told("model_not_pulled", name=name))
        return pull

    async def cancel(self, caller: Caller, name: str) -> Pull:
        """What has come of it goes away; an installed model stays. Raises NotPermitted, NotFound."""
        require_admin(caller)
        pull = await self.progress(caller, name)
        await asyncio.to_thread(self._desk.cancel, name)
        await self._note(caller, "model.pull_cancelled", name=name)
        return replace(pull, state="ending")

    async def remove(self, caller: Caller, name: str) -> None:
        """Raises NotPermitted, ModelNotInstalled, ModelInUse."""
        require_admin(caller)
        model = await asyncio.to_thread(self._library.find, name)
        if model is None:
            raise ModelNotInstalled(f"Asked for: {name!r}.")
        if await self._runs(name):
            raise ModelInUse(f"{name} runs: `appliance model stop {name}`.")
        if await asyncio.to_thread(self._search.in_use, self._library.folder / name):
            raise ModelInUse(
                f"The index has vectors of {name}: `appliance index use built-in`, and wait for it."
            )
        await asyncio.to_thread(self._library.remove, name)
        await asyncio.to_thread(self._desk.forget, name)
        await self._note(caller, "model.removed", name=name)

    async def use_for_search(self, caller: Caller, name: str) -> LibraryOverview:
        """The index goes over to that embedding model, while search goes on; empty: to the settings' one again.

        Raises NotPermitted, ModelNotInstalled, Conflict.
        """
        require_admin(caller)
        if name:
            model = await asyncio.to_thread(self._library.find, name)
            if model is None:
                raise ModelNotInstalled(f"Asked for: {name!r}.")
            if model.kind != "embedding" or model.format != "onnx":
                raise Conflict(Told("model_not_for_search", name=name))
        if not await asyncio.to_thread(self._search.choose, name):
            raise Conflict(Told("search_model_set"))
        await self._note(caller, "model.search", name=name or "built-in")
        return await asyncio.to_thread(self._overview)

    def _overview(self) -> LibraryOverview:
        pulls = [pull for pull in self._desk.pulls() if pull.state != "done"]
        return LibraryOverview(tuple(self._library.installed()), tuple(pulls), self._search.chosen())

    def _order(self, text: str, name: str, quantisation: str) -> Order:
        source = parse_source(text)
        kind: ModelKind | None = None
        licence, own = "", ""
        if source is None:
            card, colon, wanted = text.partition(":")
            found = self._catalogue(card)
            if found is None:
                raise ModelSourceUnknown(
                    f"{text!r} is in no catalogue. Write hf:OWNER/NAME, ollama:NAME or a folder's path."
                )
            source, kind, licence, own = parse_source(found.source), found.kind, found.licence, card
            assert source is not None, "a card's source is one"
            quantisation = quantisation or (wanted if colon else "")
        if quantisation:
            source = with_quantisation(source, quantisation.upper())
        if isinstance(source, FolderSource) and not source.path.is_absolute():
            raise ModelSourceUnknown(
                f"{source.path}: write the whole path, as it is on the appliance's machine."
            )
        chosen = name or (own if own and not quantisation else default_name(source))
        return Order(check_name(chosen), str(source), kind=kind, licence=licence)

    async def _note(self, caller: Caller, action: str, **detail: Any) -> None:  # noqa: ANN401 - of an event
        await self._events.record(AccountEvent(action, caller.user_id, detail=detail))
