"""A result of the company's tables as events, answers and runs carry it. Pure.

Its first rows go along, with long texts cut; the whole of it is fetched by its id.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from appliance.domain.answers import Tabled
from querying.types import Blob, Value

MOST_ROWS: Final = 200
MOST_CHARACTERS: Final = 1_000
"""Of one text; what is longer ends in an ellipsis."""
_MOST_BYTES: Final = 256 * 1024
_EXACT_IN_JSON: Final = 2**53


def as_table(tabled: Tabled) -> dict[str, Any]:
    """`rows` are the first ones; `row_count` tells how many the result has, `cut` why there may be more."""
    run, chart = tabled.run, tabled.chart
    saved_id = tabled.saved_id
    return {
        "id": str(run.id),
        "source": {"id": str(run.source_id), "name": _plain(run.source_name)},
        "sql": _plain(run.sql),
        "tables": [_plain(name) for name in run.tables],
        "columns": [{"name": _plain(column.name), "kind": column.kind} for column in run.rows.columns],
        "rows": _first_rows(run.rows.rows),
        "row_count": len(run.rows.rows),
        "cut": run.rows.cut,
        "elapsed_ms": round(run.rows.elapsed_ms, 1),
        "cost": run.rows.cost,
        "ran_at": run.ran_at.isoformat(),
        "saved_question_id": None if saved_id is None else str(saved_id),
        "chart": None if chart is None else {"kind": chart.kind, "x": chart.x, "ys": list(chart.ys)},
        "export": {suffix: f"/api/data/results/{run.id}.{suffix}" for suffix in ("csv", "xlsx")},
    }


Cell = bool | int | float | str | dict[str, int] | None


def as_cell(value: Value) -> Cell:
    """Whatever JSON cannot hold exactly is a string: decimals, large integers, moments."""
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) <= _EXACT_IN_JSON else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return format(value, "f") if value.is_finite() else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Blob(size_bytes):
            return {"bytes": size_bytes}
        case str():
            plain = _plain(value[: MOST_CHARACTERS + 1])
            return plain if len(plain) <= MOST_CHARACTERS else plain[: MOST_CHARACTERS - 1] + "…"


def with_queries(answer: str, queries: Iterable[str]) -> str:
    """An answer as the next question's model is told it: with the SQL that brought its rows, to go on from."""
    return answer + "".join(f"\n\n```sql\n{sql}\n```" for sql in queries)


def _first_rows(rows: tuple[tuple[Value, ...], ...]) -> list[list[Cell]]:
    shown: list[list[Cell]] = []
    left = _MOST_BYTES
    for row in rows[:MOST_ROWS]:
        cells = [as_cell(value) for value in row]
        left -= sum(_size(cell) for cell in cells)
        if left < 0 and shown:
            break
        shown.append(cells)
    return shown


def _size(cell: Cell) -> int:
    return 16 if isinstance(cell, dict) else len(str(cell)) + 4


def _plain(text: str) -> str:
    """Without what PostgreSQL and JSON cannot hold: the character 0, and halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
