"""Kept results, read again by whoever asked for as long as they may ask the source."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol
from uuid import UUID

from appliance.domain.data_results import KeptResult, ResultRow
from appliance.domain.people import Caller, Viewer
from appliance.errors import NotFound
from appliance.ports.data import DataDesk


class ResultRepository(Protocol):
    """`storage.data_results` fulfils it. Raises PartUnavailable."""

    async def head(self, viewer: Viewer, result_id: UUID) -> KeptResult: ...

    def rows_from(
        self, viewer: Viewer, result_id: UUID, start: int = 0
    ) -> AsyncIterator[list[ResultRow]]: ...


class KeptResults:
    """The use case behind `/api/data/results`."""

    def __init__(self, repository: ResultRepository, desk: DataDesk) -> None:
        self._repository = repository
        self._desk = desk

    async def head(self, caller: Caller, result_id: UUID) -> KeptResult:
        """Raises NotFound for what is gone or somebody else's, and where the right to the source was taken back."""
        found = await self._repository.head(caller.viewer, result_id)
        if not caller.is_admin:  # who manages sources also tries those that were not granted to them
            offered = await self._desk.offered(caller)
            if all(one.id != found.source_id for one in offered):
                raise NotFound("You may not ask this source any more.")
        return found

    async def some(self, caller: Caller, result_id: UUID, start: int, limit: int) -> list[ResultRow]:
        """At most `limit` rows from row `start` on; the caller has asked for the head."""
        found: list[ResultRow] = []
        async for page in self._repository.rows_from(caller.viewer, result_id, start):
            found += page[: limit - len(found)]
            if len(found) >= limit:
                break
        return found

    def pages(self, caller: Caller, result_id: UUID) -> AsyncIterator[list[ResultRow]]:
        """All of its rows, some hundred at a time; the caller has asked for the head."""
        return self._repository.rows_from(caller.viewer, result_id)
