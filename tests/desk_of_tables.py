"""A desk over one real database, with the real guard: everybody may ask, and what was asked is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from appliance.domain.data import Asking, ChosenQuestion, OfferedSource, QueryRun, SavedQuestion
from appliance.domain.people import Caller, Language
from appliance.errors import NotFound
from inference.egress import Neighbours
from querying.connectors.opening import open_connector
from querying.ports import Connector
from querying.running import run
from querying.types import Caps, Schema, Value

RAN_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
SOURCE_ID = UUID("01890000-0000-7000-8000-00000000da7a")


@dataclass
class DeskOfTables:
    """Fulfils ports.data.DataDesk. asked: every query that came, refused ones too. hold: queries wait for it."""

    connector: Connector
    sources: Sequence[OfferedSource]
    caps: Caps = field(default_factory=Caps)
    asked: list[tuple[str, Asking]] = field(default_factory=list)
    hold: asyncio.Event | None = None
    was_cancelled: bool = False

    @classmethod
    def over_sqlite(cls, path: Path, schema: Schema, name: str = "Ventas") -> DeskOfTables:
        """The tables of a file as one source."""
        connector = open_connector("sqlite", {"path": path}, Neighbours())
        return cls(connector, [OfferedSource(SOURCE_ID, name, "sqlite", schema)])

    async def offered(
        self, caller: Caller, collection_ids: Sequence[UUID] | None = None
    ) -> Sequence[OfferedSource]:
        return [one for one in self.sources if collection_ids is None or one.collection_id in collection_ids]

    async def run(
        self,
        caller: Caller,
        source_id: UUID,
        sql: str,
        asking: Asking,
        values: Mapping[str, Value] | None = None,
    ) -> QueryRun:
        source = next((one for one in self.sources if one.id == source_id), None)
        if source is None:
            raise NotFound("There is no such source.")
        self.asked.append((sql, asking))
        try:
            if self.hold is not None:
                await self.hold.wait()
            query, rows = await run(self.connector, source.schema, sql, self.caps, values)
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return QueryRun(
            uuid4(), source_id, source.name, query.shown, tuple(sorted(query.tables)), rows, RAN_AT
        )


@dataclass
class SavedHere:
    """Fulfils ports.data.SavedQuestions: a question is chosen by its exact words."""

    questions: Sequence[SavedQuestion] = ()
    chosen_as: Mapping[str, ChosenQuestion] = field(default_factory=dict)

    async def chosen(
        self, caller: Caller, question: str, sources: Sequence[OfferedSource]
    ) -> ChosenQuestion | None:
        return self.chosen_as.get(question)

    async def examples(
        self, caller: Caller, question: str, sources: Sequence[OfferedSource], limit: int
    ) -> Sequence[SavedQuestion]:
        return self.questions[:limit]

    async def suggested(self, caller: Caller, language: Language, limit: int) -> Sequence[SavedQuestion]:
        return self.questions[:limit]
