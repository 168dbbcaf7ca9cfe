"""A result as it travels: in a turn's event, beside a chat completion, to an MCP client, in a pipeline's run. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from appliance.domain.answers import Tabled
from appliance.domain.data import Chart, QueryRun
from querying.types import Blob, Table, Value

MOST_ROWS = 200
"""Rows that travel with an answer; all of them are exported."""
_EXACT = 2**53
"""Above it a JSON number is not the same number everywhere."""


def as_table(tabled: Tabled) -> dict[str, Any]:
    """A result that an answer speaks of."""
    return as_result(tabled.run, tabled.chart, tabled.saved_id)


def as_result(
    run: QueryRun, chart: Chart | None = None, saved_id: UUID | None = None, *, most_rows: int = MOST_ROWS
) -> dict[str, Any]:
    """row_count: how many rows it has; of them at most `most_rows` stand here. cut: why there may be more still."""
    rows = run.rows
    return {
        "id": str(run.id),
        "source": {"id": str(run.source_id), "name": run.source_name},
        "sql": run.sql,
        "tables": list(run.tables),
        "columns": [{"name": column.name, "kind": column.kind} for column in rows.columns],
        "rows": [as_row(row) for row in rows.rows[:most_rows]],
        "row_count": len(rows.rows),
        "cut": rows.cut,
        "elapsed_ms": round(rows.elapsed_ms, 3),
        "cost": rows.cost,
        "ran_at": run.ran_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "saved_question_id": None if saved_id is None else str(saved_id),
        "chart": None if chart is None else {"kind": chart.kind, "x": chart.x, "ys": list(chart.ys)},
        "export": {kind: f"/api/data/results/{run.id}.{kind}" for kind in ("csv", "xlsx")},
    }


def as_row(row: Sequence[Value]) -> list[Any]:
    """Its values."""
    return [as_value(value) for value in row]


def as_value(value: Value) -> Any:  # noqa: ANN401 - any JSON
    """Exactly: decimals and integers that a JSON number would spoil are strings; so are floats that JSON has no word
    for."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if -_EXACT <= value <= _EXACT else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return format(value, "f") if value.is_finite() else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Blob():
            return {"bytes": value.size_bytes}


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
