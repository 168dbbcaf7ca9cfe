"""Whether a picture helps, and which: bars of a few names, a line through moments. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Final

from appliance.domain.data import Chart
from appliance.pipelines.answer_from_data.formatting import is_name, words_of
from querying.types import ResultColumn, Rows, Value

NUMBERS: Final = frozenset({"integer", "decimal", "float"})
_MOMENTS: Final = frozenset({"date", "timestamp"})
MOST_BARS: Final = 30
MOST_POINTS: Final = 400
_MOST_YS = 3
_PERIODS_WORDS = (
    "year yr quarter month week day hour date period año anio ano ejercicio trimestre mes semana dia hora fecha "
    "periodo"
)
_PERIODS = frozenset(_PERIODS_WORDS.split())
_PERIOD_VALUE = re.compile(r"\d{4}(?:-(?:\d{1,2}|[QT]\d|W\d{1,2})(?:-\d{1,2})?)?")


def chart(rows: Rows) -> Chart | None:
    """None where it helps nobody: one row, nothing to compare, too many, values that are missing."""
    if len(rows.rows) < 2 or rows.cut is not None:
        return None
    ys = [n for n, column in enumerate(rows.columns) if _is_measure(column) and _is_whole(_values(rows, n))]
    across = [n for n, _ in enumerate(rows.columns) if n not in ys]
    if not ys or len(across) != 1:
        return None
    x = across[0]
    values = _values(rows, x)
    if None in values or len(set(values)) != len(values):
        return None
    drawn = tuple(ys[:_MOST_YS])
    if is_in_time(rows, x) and len(values) > 2:
        return Chart("line", x, drawn) if len(values) <= MOST_POINTS else None
    if len(values) > MOST_BARS or (rows.columns[x].kind in NUMBERS and not is_in_time(rows, x)):
        return None
    return Chart("bar", x, drawn[:1])


def is_in_time(rows: Rows, column: int) -> bool:
    """Whether the rows go through time by this column, forwards or backwards."""
    values = _values(rows, column)
    if len(values) < 2 or any(value is None for value in values):
        return False
    kind, name = rows.columns[column].kind, rows.columns[column].name
    is_moment = kind in _MOMENTS or (
        kind == "integer" and not _PERIODS.isdisjoint(words_of(name)) and not _is_key(name)
    )
    is_moment = is_moment or (kind == "text" and all(_PERIOD_VALUE.fullmatch(str(value)) for value in values))
    return is_moment and _is_sorted(values)


def _is_measure(column: ResultColumn) -> bool:
    words = words_of(column.name)
    return column.kind in NUMBERS and not is_name(column.name) and _PERIODS.isdisjoint(words)


def _is_key(name: str) -> bool:
    return not {"id", "ids", "key"}.isdisjoint(words_of(name))


def _is_sorted(values: Sequence[Value]) -> bool:
    ordered = [value.isoformat() if isinstance(value, date | datetime) else value for value in values]
    try:
        rising = all(one < other for one, other in pairwise(ordered))  # type: ignore[operator]
        falling = all(one > other for one, other in pairwise(ordered))  # type: ignore[operator]
    except TypeError:
        return False
    return rising or falling


def _is_whole(values: Sequence[Value]) -> bool:
    return all(value is not None for value in values)


def _values(rows: Rows, column: int) -> list[Value]:
    return [row[column] for row in rows.rows]
