"""A database as administrators see it: how it is reached, what of it was chosen, who may ask, what changed. Values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from querying.types import Caps, Column, Dialect, ForeignKey, RoleReport, Schema, Table

DatabaseKind = Literal["postgres", "mysql", "sqlserver", "sqlite"]

DIALECTS: Mapping[DatabaseKind, Dialect] = {
    "postgres": "postgres",
    "mysql": "mysql",
    "sqlserver": "tsql",
    "sqlite": "sqlite",
}

Because = Literal["", "name", "values", "hand"]
"""Why a column counts as personal: its name, what stands in it, somebody's word; empty: it does not."""

Change = Literal["table_gone", "column_gone", "type_changed", "column_new"]


@dataclass(frozen=True, slots=True)
class SourceCaps:
    """Narrower than the configuration's; None: as there."""

    rows: int | None = None
    mib: int | None = None
    seconds: float | None = None
    cost: float | None = None

    def within(self, most: Caps) -> Caps:
        """The smaller of both, one by one."""
        return Caps(
            rows=min(self.rows or most.rows, most.rows),
            bytes=min((self.mib or most.bytes) * (2**20 if self.mib else 1), most.bytes),
            seconds=min(self.seconds or most.seconds, most.seconds),
            cost=min((one for one in (self.cost, most.cost) if one is not None), default=None),
        )


@dataclass(frozen=True, slots=True)
class DataSource:
    """settings: as the connector takes them, without secrets.

    writable_because: why a role that can do more than read was accepted; empty: it cannot. problem: code of what the
    last contact failed with, empty: it answered. read_at: when its schema was read last.
    """

    id: UUID
    name: str
    kind: DatabaseKind
    settings: Mapping[str, Any]
    description: str = ""
    caps: SourceCaps = field(default_factory=SourceCaps)
    is_paused: bool = False
    writable_because: str = ""
    role: RoleReport | None = None
    default_namespace: str = ""
    problem: str = ""
    problem_detail: str = ""
    checked_at: datetime | None = None
    read_at: datetime | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class ChosenColumn:
    """column.is_personal follows from personal. is_offered: may be asked; of a personal one only by somebody's word."""

    column: Column
    is_offered: bool = True
    personal: Because = ""


@dataclass(frozen=True, slots=True)
class ChosenTable:
    """table.columns: all that it had when it was looked through last; columns says which of them are offered."""

    table: Table
    columns: tuple[ChosenColumn, ...]

    def offered(self) -> Table:
        """As the asker, the guard and the model see it: what is offered, and no word of the rest."""
        columns = tuple(replace(one.column, is_personal=False) for one in self.columns if one.is_offered)
        names = {column.name for column in columns}
        return replace(
            self.table,
            columns=columns,
            primary_key=self.table.primary_key if names.issuperset(self.table.primary_key) else (),
            foreign_keys=tuple(key for key in self.table.foreign_keys if names.issuperset(key.columns)),
        )


@dataclass(frozen=True, slots=True)
class Drift:
    """table: full name. column: empty for the table itself. was, becomes: types."""

    change: Change
    table: str
    column: str = ""
    was: str = ""
    becomes: str = ""
    found_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may ask: one person, one group, or, without either, everybody. name: the address or the group's name."""

    user_id: UUID | None = None
    group_id: UUID | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class NewSource:
    """writable_because: why a role that can write is accepted; empty: it is not."""

    name: str
    kind: DatabaseKind
    settings: Mapping[str, Any]
    description: str = ""
    caps: SourceCaps = field(default_factory=SourceCaps)
    writable_because: str = ""


@dataclass(frozen=True, slots=True)
class SourceChanges:
    """None: as it is."""

    name: str | None = None
    settings: Mapping[str, Any] | None = None
    description: str | None = None
    caps: SourceCaps | None = None
    is_paused: bool | None = None
    writable_because: str | None = None


@dataclass(frozen=True, slots=True)
class SchemaRead:
    """A database as it was found at a moment. drift: of the tables that were chosen then."""

    tables: tuple[Table, ...]
    fingerprint: str
    read_at: datetime
    default_namespace: str = ""
    role: RoleReport | None = None
    drift: tuple[Drift, ...] = ()


@dataclass(frozen=True, slots=True)
class Tested:
    """What a first contact found."""

    role: RoleReport
    schema: Schema


@dataclass(frozen=True, slots=True)
class SourceOverview:
    """A source in the list, and how much of it there is."""

    source: DataSource
    tables: int
    grants: int
    drift: int


@dataclass(frozen=True, slots=True)
class WholeSource:
    """A source with everything that an administrator decides about it."""

    source: DataSource
    tables: tuple[ChosenTable, ...]
    drift: tuple[Drift, ...]
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class AskableSource:
    """A database with what was chosen of it, read with the eyes of whoever asks."""

    source: DataSource
    tables: tuple[ChosenTable, ...]
    drift: tuple[Drift, ...] = ()

    @property
    def gone(self) -> frozenset[tuple[str, str]]:
        """(table, column) that are not there any more; column empty: the table."""
        return frozenset(
            (one.table, one.column) for one in self.drift if one.change in ("table_gone", "column_gone")
        )

    def schema(self, *, with_gone: bool = False) -> Schema:
        """What may be asked. with_gone: as it was chosen, also what is not there any more."""
        gone = frozenset() if with_gone else self.gone
        offered = [table.offered() for table in self.tables]
        standing = [_without(table, gone) for table in offered if (table.full_name, "") not in gone]
        tables = tuple(table for table in standing if table.columns)
        return Schema(DIALECTS[self.source.kind], _knowing(tables), self.source.default_namespace)


def _without(table: Table, gone: frozenset[tuple[str, str]]) -> Table:
    columns = tuple(column for column in table.columns if (table.full_name, column.name) not in gone)
    return table if len(columns) == len(table.columns) else replace(table, columns=columns)


def _knowing(tables: Sequence[Table]) -> tuple[Table, ...]:
    """Foreign keys point only at tables and columns that may be asked as well."""
    known = {(table.namespace, table.name): {column.name for column in table.columns} for table in tables}
    return tuple(
        replace(
            table,
            foreign_keys=tuple(
                key for key in table.foreign_keys if _points_at(key, table, known) >= set(key.other_columns)
            ),
        )
        for table in tables
    )


def _points_at(key: ForeignKey, table: Table, known: Mapping[tuple[str, str], set[str]]) -> set[str]:
    """The columns of the other table that may be asked; {} where it may not."""
    return known.get((key.namespace or table.namespace, key.table), set())
