"""Looking at the queue: however many people look, each process asks for the same thing once a second at most.

Knows nothing of rights; who may see what is decided by those who ask here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Protocol, TypeVar, cast

from appliance.fairness.queue import operations
from appliance.fairness.queue.local_queue import LocalQueue
from appliance.fairness.queue.queue_calls import Operation, Reply
from appliance.fairness.queue.survey import PoolState, Standings, unpack_pools, unpack_standings

_T = TypeVar("_T")

MOST_PEOPLE = 200
"""A pool's people and groups that are told, those with most first."""
MOST_OWN = 1000
_KEPT_S = 1.0


class Looks(Protocol):
    """`leases.Leases` fulfils it."""

    @property
    def is_shared(self) -> bool: ...

    async def look(
        self, operation: Operation, unpack: Callable[[Reply], _T], alone: Callable[[LocalQueue], _T]
    ) -> _T:
        """Raises PartUnavailable."""
        ...


class QueueView:
    """One a process."""

    def __init__(self, leases: Looks) -> None:
        self._leases = leases
        self._kept: dict[Hashable, tuple[float, asyncio.Task[Any]]] = {}

    @property
    def is_shared(self) -> bool:
        """False while Valkey is away, and only this process's requests are seen."""
        return self._leases.is_shared

    async def survey(self) -> tuple[PoolState, ...]:
        """All pools, with the people and groups that run or wait. Raises PartUnavailable."""
        return await self._once(
            None,
            lambda: self._leases.look(
                operations.survey(MOST_PEOPLE), unpack_pools, lambda queue: queue.survey(MOST_PEOPLE)
            ),
        )

    async def standings(self, user: str) -> Standings:
        """A person's requests, first come first. Raises PartUnavailable."""
        return await self._once(
            user,
            lambda: self._leases.look(
                operations.standings(user, MOST_OWN),
                unpack_standings,
                lambda queue: queue.standings(user, MOST_OWN),
            ),
        )

    async def _once(self, key: Hashable, look: Callable[[], Awaitable[_T]]) -> _T:
        now = asyncio.get_running_loop().time()
        for old in [old for old, (until, _) in self._kept.items() if until <= now]:
            del self._kept[old]
        kept = self._kept.get(key)
        if kept is None or (kept[1].done() and (kept[1].cancelled() or kept[1].exception() is not None)):
            kept = self._kept[key] = (now + _KEPT_S, asyncio.ensure_future(look()))
        return cast(_T, await asyncio.shield(kept[1]))
