"""What may leave, as administrators and auditors see it, and what administrators narrow; every change is audited."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from appliance.domain.people import AccountEvent, Caller, Viewer
from appliance.errors import NotFound
from appliance.fairness.leaving.overview import (
    DecisionPage,
    DecisionQuery,
    KeptDecision,
    MarkableCollection,
    NamedRule,
)
from appliance.fairness.leaving.port import Reason, Stay
from appliance.fairness.leaving.rules import Narrowing, Permission
from appliance.services.accounts.people import require_admin, require_reader

_EXPORTED_AT_ONCE = 1000


class LeavingRepository(Protocol):
    """`storage.leaving` fulfils it. Each change is written together with its event. Raises PartUnavailable."""

    async def rules(self) -> tuple[Narrowing, Sequence[NamedRule]]: ...

    async def narrow(self, narrowing: Narrowing, rules: Sequence[NamedRule], event: AccountEvent) -> None: ...

    async def collections(self, viewer: Viewer) -> Sequence[MarkableCollection]: ...

    async def mark(
        self, viewer: Viewer, collection_id: UUID, *, may_leave: bool, event: AccountEvent
    ) -> None: ...

    async def decisions(self, viewer: Viewer, query: DecisionQuery, limit: int) -> DecisionPage: ...

    async def counts(self, viewer: Viewer) -> Mapping[str, int]: ...


class Deciding(Protocol):
    """`fairness.leaving.deciding.Decisions` fulfils it."""

    @property
    def permission(self) -> Permission: ...

    async def read(self) -> None: ...

    async def preview(
        self, caller: Caller, model: str, collections: frozenset[UUID], reason: Reason
    ) -> Stay | None: ...


@dataclass(frozen=True, slots=True)
class LeavingOverview:
    """permitted: by the file; narrowing, rules: by administrators; left: what counts now. counts: of the last day."""

    permitted: Permission
    narrowing: Narrowing
    rules: Sequence[NamedRule]
    counts: Mapping[str, int]

    @property
    def left(self) -> Permission:
        return self.narrowing.of(self.permitted)


class LeavingPolicy:
    """The use cases behind /api/leaving. known_models: names that can be asked for; empty while nobody has told any."""

    def __init__(
        self, repository: LeavingRepository, deciding: Deciding, known_models: Callable[[], Collection[str]]
    ) -> None:
        self._repository = repository
        self._deciding = deciding
        self._known_models = known_models

    async def overview(self, caller: Caller) -> LeavingOverview:
        """Raises NotPermitted."""
        require_reader(caller)
        narrowing, rules = await self._repository.rules()
        counts = await self._repository.counts(caller.viewer)
        return LeavingOverview(self._deciding.permission, narrowing, rules, counts)

    async def narrow(
        self, caller: Caller, narrowing: Narrowing, rules: Sequence[NamedRule]
    ) -> LeavingOverview:
        """In place of what was narrowed before; it counts for the next decision of every process.

        Raises NotPermitted, NotFound for somebody or something that is not there.
        """
        require_admin(caller)
        before, known = await self._repository.rules()
        listed = {rule.subject for rule in known if rule.kind == "model"}
        for rule in rules:
            if rule.kind == "model" and rule.subject not in listed:
                self._require_model(rule.subject)
        detail = {"before": _told(before, known), "now": _told(narrowing, rules)}
        await self._repository.narrow(
            narrowing, rules, AccountEvent("leaving.changed", caller.user_id, None, detail)
        )
        await self._deciding.read()
        return await self.overview(caller)

    async def collections(self, caller: Caller) -> Sequence[MarkableCollection]:
        """Those that can be marked; auditors see the marked ones. Raises NotPermitted."""
        require_reader(caller)
        return await self._repository.collections(caller.viewer)

    async def mark(self, caller: Caller, collection_id: UUID, *, may_leave: bool) -> None:
        """Administrators give the mark; whoever owns the collection may take it away. Raises NotFound, NotPermitted."""
        if may_leave:
            require_admin(caller)
        action = "leaving.collection_marked" if may_leave else "leaving.collection_unmarked"
        event = AccountEvent(action, caller.user_id, collection_id)
        await self._repository.mark(caller.viewer, collection_id, may_leave=may_leave, event=event)

    async def decisions(self, caller: Caller, query: DecisionQuery, limit: int) -> DecisionPage:
        """Newest first. Raises NotPermitted."""
        require_reader(caller)
        return await self._repository.decisions(caller.viewer, query, limit)

    async def all_decisions(self, caller: Caller, query: DecisionQuery) -> AsyncIterator[KeptDecision]:
        """A page at a time. Raises NotPermitted before the first one is asked for."""
        require_reader(caller)
        return self._pages(caller, query)

    async def _pages(self, caller: Caller, query: DecisionQuery) -> AsyncIterator[KeptDecision]:
        while True:
            page = await self._repository.decisions(caller.viewer, query, _EXPORTED_AT_ONCE)
            for row in page.rows:
                yield row
            if not page.has_more:
                return
            last = page.rows[-1].decision
            query = replace(query, before=(last.happened_at, last.id))

    async def preview(
        self, caller: Caller, model: str, collections: Sequence[UUID], reason: Reason
    ) -> Stay | None:
        """Whether the caller's question over these collections might leave; None: it might. Its words are not known."""
        return await self._deciding.preview(caller, model, frozenset(collections), reason)

    def _require_model(self, name: str) -> None:
        """A misspelled name would keep nothing here, silently."""
        known = self._known_models()
        if known and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(sorted(known))}."
            raise NotFound(f"There is no model {name!r}. {hint}", param="models")


def _told(narrowing: Narrowing, rules: Sequence[NamedRule]) -> dict[str, object]:
    """For the audit: ids, not names."""
    return {
        "at_most": narrowing.at_most,
        "queue_s": narrowing.queue_s,
        "vetoes": narrowing.vetoes,
        "only_people": narrowing.only_people is not None,
        "only_models": narrowing.only_models is not None,
        "rules": [f"{rule.effect} {rule.kind} {rule.subject}" for rule in rules],
    }
