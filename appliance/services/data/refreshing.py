"""Reads every database's schema anew at night, and says what drifted. It gives nobody anything and offers nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.domain.data_sources import ChosenTable, DataSource, Drift
from appliance.domain.people import AccountEvent
from appliance.services.data.looking import Looking
from appliance.services.data.source_ports import SourceRepository
from querying.errors import QueryingError

logger = logging.getLogger(__name__)

_MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Refreshed:
    """How many sources were read, have drifted since the time before, and could not be read."""

    read: int
    drifted: int
    failed: int


class NightlyRefresh:
    """repository: under the worker's own role."""

    def __init__(self, repository: SourceRepository, looking: Looking) -> None:
        self._repository = repository
        self._looking = looking

    async def refresh_all(self) -> Refreshed:
        """One after the other; one that fails is told and holds up no other. Raises PartUnavailable."""
        read = drifted = failed = 0
        for source, tables, before in await self._repository.to_refresh():
            try:
                drifted += await self._refresh(source, tables, before)
                read += 1
            except QueryingError as error:
                failed += 1
                logger.warning("the data source %s could not be read: %s", source.name, error)
                await self._repository.note_problem(None, source.id, error.code, str(error.detail))
        return Refreshed(read, drifted, failed)

    async def _refresh(
        self, source: DataSource, tables: Sequence[ChosenTable], before: Sequence[Drift]
    ) -> bool:
        """Whether something drifted that was not known."""
        found = await self._looking.read(source, tables)
        known = {(one.change, one.table, one.column) for one in before}
        new = [
            [one.change, one.table, one.column]
            for one in found.drift
            if (one.change, one.table, one.column) not in known
        ]
        event = None
        if new:
            detail = {"source": str(source.id), "name": source.name, "drift": new[:_MOST_TOLD]}
            event = AccountEvent("data.source.drifted", detail=detail)
        await self._repository.note_read(None, source.id, found, event)
        return bool(new)
