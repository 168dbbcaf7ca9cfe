"""What of the chosen tables is not as it was when it was chosen. Pure.

A renamed column is one that is gone and one that is new: nobody can tell that they are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import orjson

from appliance.domain.data_sources import ChosenTable, Drift
from querying.types import Table


def drift_of(chosen: Sequence[ChosenTable], read: Sequence[Table]) -> tuple[Drift, ...]:
    """chosen: as somebody looked through it last. read: as the database is now. In the order of the chosen tables.

    Type changes are told of offered columns alone, and what became of a column that nobody is offered is of no matter.
    """
    now = {table.full_name: table for table in read}
    return tuple(one for table in chosen for one in _of_table(table, now.get(table.table.full_name)))


def _of_table(chosen: ChosenTable, now: Table | None) -> Iterator[Drift]:
    name = chosen.table.full_name
    if now is None:
        yield Drift("table_gone", name)
        return
    columns = {column.name: column for column in now.columns}
    for one in chosen.columns:
        was, found = one.column, columns.get(one.column.name)
        if not one.is_offered:
            continue
        if found is None:
            yield Drift("column_gone", name, was.name, was=was.database_type or was.kind)
        elif (was.kind, was.database_type) != (found.kind, found.database_type):
            yield Drift(
                "type_changed",
                name,
                was.name,
                was.database_type or was.kind,
                found.database_type or found.kind,
            )
    known = {one.column.name for one in chosen.columns}
    for column in now.columns:
        if column.name not in known:
            yield Drift("column_new", name, column.name, becomes=column.database_type or column.kind)


def fingerprint(tables: Sequence[Table]) -> str:
    """Of names and types: equal where nothing of the schema changed, whatever the order it was read in."""
    told = sorted([table.full_name, table.kind, _columns(table)] for table in tables)
    return hashlib.sha256(orjson.dumps(told)).hexdigest()


def _columns(table: Table) -> list[list[str]]:
    return sorted([column.name, column.kind, column.database_type] for column in table.columns)
