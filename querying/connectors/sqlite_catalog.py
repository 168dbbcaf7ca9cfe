"""What a SQLite file has: its tables and views, by pragmas that work as tables, so in a few queries."""

from __future__ import annotations

import sqlite3
from collections import defaultdict

from querying.connectors.sqlite_values import kind_of_declared
from querying.errors import SchemaChanged
from querying.types import CheckedQuery, Column, ForeignKey, Schema, Table

_TABLES = """
SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
AND type IN ('table', 'view') ORDER BY name
"""
_COLUMNS = """
SELECT t.name, c.name, c.type, c."notnull", c.pk FROM pragma_table_list t, pragma_table_xinfo(t.name) c
WHERE t.schema = 'main' AND t.type IN ('table', 'view') AND c.hidden <> 1 ORDER BY t.name, c.cid
"""
_FOREIGN = """
SELECT t.name, f.id, f."table", f."from", f."to" FROM pragma_table_list t, pragma_foreign_key_list(t.name) f
WHERE t.schema = 'main' AND t.type = 'table' ORDER BY t.name, f.id, f.seq
"""


def read_schema(opened: sqlite3.Connection) -> Schema:
    """Rows are estimated where somebody ran ANALYZE; counting them would read the whole file."""
    columns: dict[str, list[Column]] = defaultdict(list)
    primary: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for table, name, database_type, is_required, place in opened.execute(_COLUMNS):
        columns[table].append(Column(name, kind_of_declared(database_type), database_type, not is_required))
        if place:
            primary[table].append((place, name))
    keys = {table: tuple(name for _, name in sorted(found)) for table, found in primary.items()}
    foreign: dict[str, dict[int, list[tuple[str, str, str | None]]]] = defaultdict(lambda: defaultdict(list))
    for table, number, other, name, other_name in opened.execute(_FOREIGN):
        foreign[table][number].append((other, name, other_name))
    estimates = _estimates(opened)
    tables = []
    for name, kind in opened.execute(_TABLES).fetchall():
        pointing = tuple(_foreign_key(parts, keys.get(parts[0][0], ())) for parts in foreign[name].values())
        tables.append(
            Table(
                name,
                tuple(columns[name]),
                kind="view" if kind == "view" else "table",
                rows=estimates.get(name),
                primary_key=keys.get(name, ()),
                foreign_keys=pointing,
            )
        )
    return Schema("sqlite", tuple(tables))


def _foreign_key(parts: list[tuple[str, str, str | None]], primary: tuple[str, ...]) -> ForeignKey:
    """Without columns it points at the other table's primary key."""
    others = tuple(other or "" for _, _, other in parts)
    return ForeignKey(tuple(name for _, name, _ in parts), parts[0][0], others if all(others) else primary)


def _estimates(opened: sqlite3.Connection) -> dict[str, int]:
    try:
        found = opened.execute(
            "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl"
        ).fetchall()
    except sqlite3.OperationalError:  # nobody ever ran ANALYZE
        return {}
    return dict(found)


def require_columns(opened: sqlite3.Connection, query: CheckedQuery) -> None:
    """Raises SchemaChanged. SQLite takes a quoted name that no table has for a text, and answers with it."""
    for table in sorted({table for table, _ in query.columns}):
        found = {row[0].lower() for row in opened.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))}
        for other, column in sorted(query.columns):
            if other == table and column.lower() not in found:
                raise SchemaChanged(f"{table}.{column}", "missing")
