"""What a MySQL or MariaDB server shows to the role: three queries to information_schema."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from querying.connectors.mysql_values import kind_of_declared
from querying.types import Column, ForeignKey, Schema, Table

_TABLES = """
SELECT table_schema, table_name, table_type, table_rows, table_comment FROM information_schema.tables
WHERE table_schema IN ({}) AND table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
ORDER BY table_schema, table_name
"""
_COLUMNS = """
SELECT table_schema, table_name, column_name, data_type, column_type, is_nullable, column_comment
FROM information_schema.columns WHERE table_schema IN ({}) ORDER BY table_schema, table_name, ordinal_position
"""
_KEYS = """
SELECT table_schema, table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name,
  referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema IN ({}) AND (constraint_name = 'PRIMARY' OR referenced_table_name IS NOT NULL)
ORDER BY table_schema, table_name, constraint_name, ordinal_position
"""

Rows = Callable[[str], list[tuple[Any, ...]]]


def text_literal(text: str) -> str:
    """As it stands in SQL under the sql_mode of ours, where a backslash escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def read_schema(rows: Rows, database: str, namespaces: Sequence[str]) -> Schema:
    """rows: runs a query. namespaces: databases of the server; none: the one that was signed in to."""
    listed = ", ".join(text_literal(one) for one in (namespaces or (database,)))
    columns: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for namespace, table, name, data_type, column_type, is_nullable, comment in rows(_COLUMNS.format(listed)):
        columns[namespace, table].append(
            Column(name, kind_of_declared(data_type), column_type, is_nullable == "YES", comment or "")
        )
    keys: dict[tuple[str, str], dict[str, list[tuple[Any, ...]]]] = defaultdict(lambda: defaultdict(list))
    for namespace, table, key, *parts in rows(_KEYS.format(listed)):
        keys[namespace, table][key].append(tuple(parts))
    tables = []
    for namespace, name, kind, estimate, comment in rows(_TABLES.format(listed)):
        is_view = kind == "VIEW"
        found = keys[namespace, name]
        tables.append(
            Table(
                name,
                tuple(columns[namespace, name]),
                namespace,
                "view" if is_view else "table",
                "" if is_view else comment or "",  # of a view it is the word VIEW
                None if is_view or estimate is None else int(estimate),
                tuple(part[0] for part in found.get("PRIMARY", ())),
                tuple(_foreign_key(parts) for key, parts in found.items() if key != "PRIMARY"),
            )
        )
    return Schema("mysql", tuple(tables), database)


def _foreign_key(parts: Sequence[tuple[Any, ...]]) -> ForeignKey:
    return ForeignKey(
        tuple(part[0] for part in parts), parts[0][2], tuple(part[3] for part in parts), parts[0][1]
    )
