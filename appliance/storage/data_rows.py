"""Rows of the data sources' tables as values, and tables of a database as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

import orjson
from psycopg.rows import TupleRow

from appliance.domain.data_sources import ChosenColumn, ChosenTable, DataSource, Drift, Grant, SourceCaps
from querying.types import Column, ForeignKey, RoleReport, Table

SOURCE: LiteralString = """
s.id, s.name, s.kind, s.settings, s.description, s.max_rows, s.max_mib, s.max_seconds, s.max_cost, s.is_paused,
s.writable_because, s.role_report, s.default_namespace, s.problem, s.problem_detail, s.checked_at, s.created_at,
s.changed_at
"""
TABLE: LiteralString = """
t.source_id, t.namespace, t.name, t.kind, t.description, t.rows, t.primary_key, t.foreign_keys, t.columns
"""
DRIFT: LiteralString = """
d.source_id, d.change, d.namespace, d.table_name, d.column_name, d.was, d.becomes, d.found_at
"""


def source_of(row: TupleRow) -> DataSource:
    """A row of SOURCE, perhaps with read_at and the address of who made it behind it."""
    return DataSource(
        id=row[0],
        name=row[1],
        kind=row[2],
        settings=row[3],
        description=row[4],
        caps=SourceCaps(row[5], row[6], row[7], row[8]),
        is_paused=row[9],
        writable_because=row[10],
        role=_role_of(row[11]),
        default_namespace=row[12],
        problem=row[13],
        problem_detail=row[14],
        checked_at=row[15],
        created_at=row[16],
        changed_at=row[17],
        read_at=row[18] if len(row) > 18 else None,
        created_by=(row[19] or "") if len(row) > 19 else "",
    )


def table_of(row: TupleRow) -> ChosenTable:
    """A row of TABLE."""
    chosen = tuple(ChosenColumn(_column_of(one), bool(one["is_offered"]), one["personal"]) for one in row[8])
    table = Table(
        row[2],
        tuple(one.column for one in chosen),
        namespace=row[1],
        kind=row[3],
        description=row[4],
        rows=row[5],
        primary_key=tuple(row[6]),
        foreign_keys=tuple(map(_key_of, row[7])),
    )
    return ChosenTable(table, chosen)


def drift_of(row: TupleRow) -> Drift:
    """A row of DRIFT."""
    return Drift(row[1], full_name(row[2], row[3]), row[4], row[5], row[6], row[7])


def grant_of(row: TupleRow) -> Grant:
    """(person, group, name)."""
    return Grant(row[0], row[1], row[2] or "")


def full_name(namespace: str, name: str) -> str:
    """As querying.types.Table has it."""
    return f"{namespace}.{name}" if namespace else name


def chosen_json(columns: Iterable[ChosenColumn]) -> str:
    """The columns of a chosen table, for its row."""
    listed = [
        {
            "name": one.column.name,
            "kind": one.column.kind,
            "database_type": one.column.database_type,
            "is_nullable": one.column.is_nullable,
            "description": one.column.description,
            "samples": list(one.column.samples),
            "is_offered": one.is_offered,
            "personal": one.personal,
        }
        for one in columns
    ]
    return orjson.dumps(listed).decode()


def tables_json(tables: Iterable[Table]) -> str:
    """Tables as they were read."""
    return orjson.dumps(list(tables)).decode()


def keys_json(keys: Iterable[ForeignKey]) -> str:
    """Foreign keys of a chosen table, for its row."""
    return orjson.dumps(list(keys)).decode()


def tables_of(listed: Iterable[Mapping[str, Any]]) -> tuple[Table, ...]:
    """What `tables_json` made, parsed."""
    return tuple(
        Table(
            one["name"],
            tuple(map(_column_of, one["columns"])),
            namespace=one["namespace"],
            kind=one["kind"],
            description=one["description"],
            rows=one["rows"],
            primary_key=tuple(one["primary_key"]),
            foreign_keys=tuple(map(_key_of, one["foreign_keys"])),
        )
        for one in listed
    )


def role_json(role: RoleReport | None) -> str | None:
    """A role's report, for its row."""
    return None if role is None else orjson.dumps(role).decode()


def _role_of(found: Mapping[str, Any] | None) -> RoleReport | None:
    if found is None:
        return None
    return RoleReport(
        found["name"],
        found["can_write"],
        found["is_superuser"],
        tuple(found["problems"]),
        tuple(found["grants"]),
    )


def _column_of(one: Mapping[str, Any]) -> Column:
    return Column(
        one["name"],
        one["kind"],
        one["database_type"],
        one["is_nullable"],
        one["description"],
        tuple(one["samples"]),
        bool(one.get("personal") or one.get("is_personal")),
    )


def _key_of(one: Mapping[str, Any]) -> ForeignKey:
    return ForeignKey(tuple(one["columns"]), one["table"], tuple(one["other_columns"]), one["namespace"])
