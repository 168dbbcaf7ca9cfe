"""What a PostgreSQL database has that its role can read: four queries to the catalog, however many tables there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection

from querying.connectors.postgres_values import KINDS
from querying.types import Column, ForeignKey, Schema, Table

_NOT_OF_THE_SYSTEM = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
# Partitions are read through the table that they belong to.
_READABLE = f"""
c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND {_NOT_OF_THE_SYSTEM}
AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
AND (cardinality(%(namespaces)s::text[]) = 0 OR n.nspname = ANY (%(namespaces)s))
"""
_TABLES = f"""
SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples::bigint, obj_description(c.oid, 'pg_class')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {_READABLE} ORDER BY n.nspname, c.relname
"""  # noqa: S608 - of constants
_COLUMNS = f"""
SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  CASE t.typtype WHEN 'd' THEN t.typbasetype WHEN 'e' THEN 'text'::regtype ELSE t.oid END,
  col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'SELECT') AND {_READABLE}
ORDER BY a.attrelid, a.attnum
"""  # noqa: S608
_KEYS = f"""
SELECT k.conrelid, k.contype, on_.nspname, o.relname,
  (SELECT array_agg(a.attname::text ORDER BY p.place) FROM unnest(k.conkey) WITH ORDINALITY p(number, place)
   JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.number),
  (SELECT array_agg(a.attname::text ORDER BY p.place) FROM unnest(k.confkey) WITH ORDINALITY p(number, place)
   JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = p.number)
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_class o ON o.oid = k.confrelid
  LEFT JOIN pg_catalog.pg_namespace on_ ON on_.oid = o.relnamespace
WHERE k.contype IN ('p', 'f') AND (k.contype = 'p' OR k.conparentid = 0) AND {_READABLE}
ORDER BY k.conrelid, k.conname
"""  # noqa: S608


async def read_schema(connection: AsyncConnection[Any], namespaces: Sequence[str]) -> Schema:
    """namespaces: these alone; none: all. connection: inside a read-only transaction."""
    asked = {"namespaces": list(namespaces)}
    tables = await (await connection.execute(_TABLES, asked)).fetchall()
    columns, keys = defaultdict(list), defaultdict(list)
    for row in await (await connection.execute(_COLUMNS, asked)).fetchall():
        columns[row[0]].append(_column(row))
    for row in await (await connection.execute(_KEYS, asked)).fetchall():
        keys[row[0]].append(row)
    made = tuple(_table(row, columns[row[0]], keys[row[0]]) for row in tables)
    return Schema("postgres", made, default_namespace(namespaces))


def default_namespace(namespaces: Sequence[str]) -> str:
    """The one that may be left out: `public`, or the first of those that were chosen without it."""
    return "public" if not namespaces or "public" in namespaces else namespaces[0]


def _column(row: Sequence[Any]) -> Column:
    _, name, database_type, is_required, oid, description = row
    return Column(name, KINDS.get(oid) or "other", database_type, not is_required, description or "")


def _table(row: Sequence[Any], columns: Sequence[Column], keys: Sequence[Sequence[Any]]) -> Table:
    _, namespace, name, kind, rows, description = row
    names = {column.name for column in columns}
    primary = next((tuple(key[4]) for key in keys if key[1] == "p"), ())
    foreign = tuple(
        ForeignKey(tuple(key[4]), key[3], tuple(key[5]), key[2])
        for key in keys
        if key[1] == "f" and names.issuperset(key[4])
    )
    return Table(
        name,
        tuple(columns),
        namespace,
        "view" if kind in ("v", "m") else "table",
        description or "",
        rows if rows >= 0 and kind != "v" else None,
        primary if names.issuperset(primary) else (),
        foreign,
    )
