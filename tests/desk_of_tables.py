"""A desk over a SQLite file: who may ask is a list, and what was asked is remembered."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from appliance.domain.data import Asking, ChosenQuestion, OfferedSource, QueryRun, SavedQuestion
from appliance.domain.people import Caller, Language
from appliance.errors import NotFound
from querying.errors import QueryFailed
from querying.types import ResultColumn, Rows, Value, ValueKind

RAN_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@dataclass
class DeskOfTables:
    """Fulfils ports.data.DataDesk. Everybody may ask all sources."""

    path: Path
    sources: Sequence[OfferedSource]
    asked: list[tuple[str, Asking]] = field(default_factory=list)

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
        with sqlite3.connect(f"file:{self.path}?mode=ro", uri=True) as database:
            try:
                cursor = database.execute(sql, dict(values or {}))  # type: ignore[arg-type]
            except sqlite3.Error as error:
                raise QueryFailed(str(error)) from error
            rows = tuple(cursor.fetchall())
            names = [name for name, *_ in cursor.description]
        kinds = [_kind(row[n] for row in rows) for n in range(len(names))]
        columns = tuple(ResultColumn(name, kind) for name, kind in zip(names, kinds, strict=True))
        return QueryRun(uuid4(), source_id, source.name, sql, (), Rows(columns, rows), RAN_AT)


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


def _kind(values: Iterable[object]) -> ValueKind:
    kinds: dict[type, ValueKind] = {int: "integer", float: "float"}
    return next((kinds.get(type(value), "text") for value in values if value is not None), "text")
