"""What managing the data sources needs from outside, and what it hands over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from appliance.domain.data_sources import (
    ChosenTable,
    DatabaseKind,
    DataSource,
    Drift,
    Grant,
    NewSource,
    SchemaRead,
    SourceChanges,
    SourceOverview,
    WholeSource,
)
from appliance.domain.people import AccountEvent, Viewer
from querying.ports import Connector

CheckSettings = Callable[[DatabaseKind, Mapping[str, Any]], Mapping[str, Any]]
"""What is kept of them, as JSON. Raises SourceRefused, which names the field that is wrong."""


class Connected(Protocol):
    """`services.data.connections` fulfils it."""

    async def to(self, source: DataSource) -> Connector:
        """Kept for the next query. Raises SourceRefused for settings that cannot be used."""
        ...

    def trial(self, kind: DatabaseKind, settings: Mapping[str, Any]) -> Connector:
        """Of a source that is not kept yet; whoever asks closes it. Raises SourceRefused."""
        ...

    async def forget(self, source_id: UUID) -> None: ...


class SourceRepository(Protocol):
    """`storage.data_sources` fulfils it. viewer: an administrator; None: the nightly worker, under its own role.

    Each change is written together with its event, in one transaction. Raises PartUnavailable.
    """

    async def overviews(self, viewer: Viewer) -> Sequence[SourceOverview]: ...

    async def whole(self, viewer: Viewer, source_id: UUID) -> WholeSource | None: ...

    async def add(
        self, viewer: Viewer, new: NewSource, key: str, read: SchemaRead, event: AccountEvent
    ) -> UUID:
        """key: of the name. Raises Conflict for a name that is taken."""
        ...

    async def change(
        self, viewer: Viewer, source_id: UUID, changes: SourceChanges, key: str | None, event: AccountEvent
    ) -> bool:
        """Whether it was there. Raises Conflict."""
        ...

    async def remove(self, viewer: Viewer, source_id: UUID, event: AccountEvent) -> bool: ...

    async def choose(
        self, viewer: Viewer, source_id: UUID, tables: Sequence[ChosenTable], event: AccountEvent
    ) -> None:
        """Exactly these are chosen from now on."""
        ...

    async def read_tables(self, viewer: Viewer, source_id: UUID) -> SchemaRead | None:
        """As it was read last, without drift."""
        ...

    async def to_refresh(self) -> Sequence[tuple[DataSource, tuple[ChosenTable, ...], tuple[Drift, ...]]]:
        """Every source that is not paused, for the worker."""
        ...

    async def note_read(
        self, viewer: Viewer | None, source_id: UUID, read: SchemaRead, event: AccountEvent | None
    ) -> None: ...

    async def note_problem(self, viewer: Viewer | None, source_id: UUID, code: str, detail: str) -> None:
        """Of the last contact; empty: it answered."""
        ...

    async def give(self, viewer: Viewer, source_id: UUID, grant: Grant, event: AccountEvent) -> Grant:
        """With its name. Raises NotFound for an unknown person or group."""
        ...

    async def take(self, viewer: Viewer, source_id: UUID, grant: Grant, event: AccountEvent) -> bool: ...
