"""A table as whoever may ask it is told of it. Pure."""

from __future__ import annotations

from typing import Any

from querying.types import Table


def as_schema_table(table: Table) -> dict[str, Any]:
    """A table as whoever may ask it sees it."""
    return {
        "name": table.full_name,
        "kind": table.kind,
        "description": table.description,
        "rows": table.rows,
        "primary_key": list(table.primary_key),
        "foreign_keys": [
            {
                "columns": list(key.columns),
                "table": f"{key.namespace}.{key.table}" if key.namespace else key.table,
                "other_columns": list(key.other_columns),
            }
            for key in table.foreign_keys
        ],
        "columns": [
            {
                "name": column.name,
                "kind": column.kind,
                "type": column.database_type,
                "is_nullable": column.is_nullable,
                "description": column.description,
                "samples": list(column.samples),
            }
            for column in table.columns
        ],
    }
