"""The company's tables as people ask them: sources, queries that ran, saved questions. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from appliance.domain.people import Language
from querying.types import Rows, Schema, Value, ValueKind

SourceKind = Literal["postgres", "mysql", "sqlserver", "sqlite", "workbook"]

AskedVia = Literal["chat", "api", "pipeline", "mcp", "trial"]
"""Through which door a query came: a turn of a chat, a script, a declared pipeline, an MCP client, an administrator."""


@dataclass(frozen=True, slots=True)
class OfferedSource:
    """A database or an uploaded workbook, as far as one person may ask it.

    schema: the chosen tables alone, without personal columns. collection_id, file_id: of a workbook.
    """

    id: UUID
    name: str
    kind: SourceKind
    schema: Schema
    description: str = ""
    collection_id: UUID | None = None
    file_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """Why a query runs; stands in the audit line. question: in the asker's words, as far as it may be kept."""

    via: AskedVia
    question: str = ""
    request_id: str = ""
    turn_id: UUID | None = None
    saved_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class QueryRun:
    """A query that ran and what it brought. id: under which its rows are exported. sql: as shown to people."""

    id: UUID
    source_id: UUID
    source_name: str
    sql: str
    tables: tuple[str, ...]
    rows: Rows
    ran_at: datetime


@dataclass(frozen=True, slots=True)
class Chart:
    """A small picture of a result. x, ys: columns by number from 0; y values are numbers."""

    kind: Literal["bar", "line"]
    x: int
    ys: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SavedParameter:
    """A gap in a saved question: `:name` in its SQL. choices: the values it may take, where they are few."""

    name: str
    kind: ValueKind
    label: str = ""
    default: Value = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """A question whose SQL people checked. wordings: other ways to ask it, in either language.

    is_example: shown to the model as an example. is_offered: may be chosen as the answer to a question like it.
    """

    id: UUID
    source_id: UUID
    question: str
    sql: str
    language: Language
    wordings: tuple[str, ...] = ()
    parameters: tuple[SavedParameter, ...] = ()
    is_example: bool = True
    is_offered: bool = True


@dataclass(frozen=True, slots=True)
class ChosenQuestion:
    """The saved question that fits what was asked. score: 0 to 1. missing: parameters that nobody told."""

    saved: SavedQuestion
    score: float
    values: Mapping[str, Value] = field(default_factory=dict)
    missing: tuple[SavedParameter, ...] = ()
