"""The connectors of this process, kept from query to query, and made anew when a source is reached differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from appliance.domain.data_sources import DatabaseKind, DataSource
from querying.ports import Connector

Open = Callable[[DatabaseKind, Mapping[str, Any]], Connector]
"""Makes a connector; connects to nothing. Raises SourceRefused for settings that cannot be used."""


class Connections:
    """close() at the end of the process."""

    def __init__(self, opened: Open) -> None:
        self._open = opened
        self._kept: dict[UUID, tuple[Mapping[str, Any], Connector]] = {}

    async def to(self, source: DataSource) -> Connector:
        """As the source is reached now. Who still has the one before ends with it."""
        kept = self._kept.get(source.id)
        if kept is not None and kept[0] == source.settings:
            return kept[1]
        made = self._open(source.kind, source.settings)
        self._kept[source.id] = (source.settings, made)
        if kept is not None:
            await kept[1].close()
        return made

    def trial(self, kind: DatabaseKind, settings: Mapping[str, Any]) -> Connector:
        """Of a source that is not kept yet; whoever asks closes it. Raises SourceRefused."""
        return self._open(kind, settings)

    async def forget(self, source_id: UUID) -> None:
        """The source is gone. In other processes its connections end by themselves when they lie idle."""
        kept = self._kept.pop(source_id, None)
        if kept is not None:
            await kept[1].close()

    async def close(self) -> None:
        for source_id in list(self._kept):
            await self.forget(source_id)
