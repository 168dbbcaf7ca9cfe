"""What people see of the queue: everybody their own requests and how long the lines are, operators who is in them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from appliance.domain.people import Caller, Viewer
from appliance.errors import NotFound, PartUnavailable
from appliance.fairness.kept_engines import Loading
from appliance.fairness.queue.history import HistoryPoint
from appliance.fairness.queue.survey import PoolState, Standing, Standings, Used
from appliance.services.accounts.people import require_reader

logger = logging.getLogger(__name__)

MOST_PEOPLE = 100


class LooksAtQueue(Protocol):
    """`fairness.queue_view.QueueView` fulfils it."""

    @property
    def is_shared(self) -> bool: ...

    async def survey(self) -> tuple[PoolState, ...]: ...

    async def standings(self, user: str) -> Standings: ...


@dataclass(frozen=True, slots=True)
class PoolMembers:
    """A pool's engines and the models that they serve, and the requests that they may run; None: not known yet."""

    engines: tuple[str, ...]
    models: tuple[str, ...]
    slots: int | None


class RecentUsage(Protocol):
    """`storage.recent_usage.PostgresRecentUsage` fulfils it."""

    async def lately(self, viewer: Viewer, also: Collection[UUID]) -> Sequence[Used]:
        """Whoever used tokens lately, and these. Raises PartUnavailable."""
        ...


class RemembersQueue(Protocol):
    """`fairness.queue.history.QueueHistory` fulfils it."""

    async def points(self) -> Sequence[HistoryPoint]:
        """Oldest first. Raises PartUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class PoolOverview:
    """A pool of engines that share one queue, as it stands; see PoolState. loading: what those in line wait for."""

    state: PoolState
    members: PoolMembers
    loading: Loading | None = None


@dataclass(frozen=True, slots=True)
class PersonOverview:
    """Somebody who runs, waits or was served lately.

    weight: against other people, or others of the same group. tokens, share: of the last minutes, and which part of
    everybody's that is; None, as the address, while PostgreSQL is away.
    """

    user_id: UUID
    email: str | None
    running: int
    waiting: int
    weight: float
    tokens: int | None = None
    share: float | None = None


class QueueOverview:
    """members: the pools as they are now, by name. loading: what has to be loaded before a model answers."""

    def __init__(
        self,
        view: LooksAtQueue,
        members: Callable[[], Mapping[str, PoolMembers]],
        usage: RecentUsage,
        history: RemembersQueue,
        loading: Callable[[str], Loading | None] = lambda _model: None,
    ) -> None:
        self._loading = loading
        self._history = history
        self._view = view
        self._members = members
        self._usage = usage

    @property
    def is_shared(self) -> bool:
        """False while Valkey is away: then only what this process has is seen."""
        return self._view.is_shared

    async def own(self, caller: Caller) -> Standings:
        """The caller's requests that wait or run, first come first. Raises PartUnavailable."""
        return await self._view.standings(str(caller.user_id))

    async def request(self, caller: Caller, request_id: str) -> Standing:
        """The caller's first request of that name. Raises NotFound, PartUnavailable."""
        own = await self.own(caller)
        for standing in own.requests:
            if standing.request_id == request_id:
                return standing
        raise NotFound(f"No request {request_id!r} of yours waits or runs. It has ended, or never came.")

    async def pools(self) -> Sequence[PoolOverview]:
        """All of them, with lines or without. Raises PartUnavailable."""
        members = dict(self._members())
        seen = {state.name: state for state in await self._view.survey()}
        shown = []
        for name in sorted({*members, *(name for name, state in seen.items() if state.nodes)}):
            of_pool = members.get(name, PoolMembers((), (), None))
            state = seen.get(name) or PoolState(name, of_pool.slots or 0, 0, 0, 0, None, None)
            shown.append(PoolOverview(state, of_pool, self._loading_for(state, of_pool)))
        return shown

    def loading(self, standing: Standing) -> Loading | None:
        """What a request waits for, besides its turn."""
        return self._loading(standing.model) if standing.engine is None else None

    def _loading_for(self, state: PoolState, members: PoolMembers) -> Loading | None:
        found = (self._loading(model) for model in members.models) if state.waiting else ()
        return next((loading for loading in found if loading is not None), None)

    async def history(self, caller: Caller) -> Sequence[HistoryPoint]:
        """The last quarter of an hour; for administrators and auditors. Raises NotPermitted, PartUnavailable."""
        require_reader(caller)
        return await self._history.points()

    async def people(self, caller: Caller) -> Sequence[PersonOverview]:
        """Who uses the engines, those with most first; for administrators and auditors.

        Raises NotPermitted, PartUnavailable.
        """
        require_reader(caller)
        found = _people_in(await self._view.survey())
        try:
            used = await self._usage.lately(caller.viewer, list(found))
        except PartUnavailable as error:
            logger.info("the queue is shown without what was used: %s", error)
            return _most_first(found.values())
        total = sum(one.tokens for one in used)
        for one in used:
            person = found.get(one.user_id) or PersonOverview(one.user_id, None, 0, 0, 1.0)
            share = one.tokens / total if total else 0.0
            found[one.user_id] = replace(person, email=one.email, tokens=one.tokens, share=share)
        return _most_first(found.values())


def _people_in(pools: Sequence[PoolState]) -> dict[UUID, PersonOverview]:
    found: dict[UUID, PersonOverview] = {}
    for node in (node for pool in pools for node in pool.nodes):
        if node.user is None:
            continue
        user_id = UUID(node.user)
        person = found.get(user_id) or PersonOverview(user_id, None, 0, 0, node.weight)
        found[user_id] = replace(
            person, running=person.running + node.running, waiting=person.waiting + node.waiting
        )
    return found


def _most_first(people: Collection[PersonOverview]) -> Sequence[PersonOverview]:
    by_use = sorted(people, key=lambda one: (-one.running, -(one.tokens or 0), -one.waiting, one.user_id))
    return by_use[:MOST_PEOPLE]
