"""Rows and columns in which a workbook adds up its own data: they are no data, and a check of what was read."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from querying.workbooks.grid import CellValue, GridRow, Span
from querying.workbooks.text_values import NumberStyle, number, plain_word

_TOTAL = re.compile(
    r"(?:(?:gran|grand|overall)\s+)?(?:sub\s?-?\s?)?totale?s?(?:\s+(?:general|generales|final|global|anual|mensual|"
    r"acumulado|annual|sum|overall|factura|eur|€|\(€\)))?\s*:?\Z|"
    r"sumas?(?:\s+(?:total|totales|y sigue|parcial))?\s*:?\Z|sum\s*:?\Z|importe total\s*:?\Z|overall\s*:?\Z"
)
# May be a name as well ("Total Energies"): believed where the numbers agree.
_PERHAPS = re.compile(r"(?:sub\s?)?total(?:es)?\b|suma\b|.*\btotal(?:es)?\s*:?\Z")
_OTHER = re.compile(
    r"(?:media|promedio|average|mean|mediana|median|max(?:imo)?|min(?:imo)?|minimum|maximum|recuento|count)\s*:?\Z"
)
_HINT = re.compile(
    r"total|sum|media|promedio|average|mean|median|m[aáií][xn]|recuento|count|overall", re.IGNORECASE
)
_TEXTS_LOOKED_AT = 3
_LONGEST_LABEL = 80
_MOST_TAIL = 10
_CLOSE = 1e-9
_LEAST_SUMMED = 3  # columns; of two, a net price and its tax, the sum is what people ask for
_AGREE = 0.95


@dataclass(frozen=True, slots=True)
class Difference:
    """The workbook's own total of a column and what its rows add up to."""

    column: int
    theirs: float
    ours: float


@dataclass(slots=True)
class Totals:
    """rows: the data without them. left_out: how many rows were totals or stood below them."""

    rows: list[GridRow]
    left_out: int = 0
    checked: int = 0
    differences: list[Difference] = field(default_factory=list)


def without_totals(
    rows: Sequence[GridRow], sums: Mapping[tuple[int, int], Span], style: NumberStyle
) -> Totals:
    """Part data and totals. sums: formulas that add up cells. style: of numbers in text."""
    judged = [_judged(row, sums) for row in rows]
    if not any(judged):
        return Totals(list(rows))
    found = Totals([])
    whole: dict[int, float] = {}
    group: dict[int, float] = {}
    cells: dict[int, list[tuple[int, float]]] = {}
    tail_from = _tail(rows, judged)
    for at, (row, judgement) in enumerate(zip(rows, judged, strict=True)):
        numbers = {
            column: value
            for column, cell in zip(row.columns, row.values, strict=True)
            if (value := _number(cell, style)) is not None
        }
        if judgement == "perhaps" and not _agrees(numbers, whole, group):
            judgement = ""
        if judgement or at >= tail_from:
            found.left_out += 1
            if judgement in ("total", "perhaps", "formula"):
                _check(found, row, numbers, (whole, group), cells, sums)
                group = {}
            continue
        found.rows.append(row)
        for column, value in numbers.items():
            whole[column] = whole.get(column, 0.0) + value
            group[column] = group.get(column, 0.0) + value
            cells.setdefault(column, []).append((row.number, value))
    if not found.rows:  # a table of totals is a table
        return Totals(list(rows))
    return found


def is_total_label(label: str) -> bool:
    """Whether a header says that its column adds up others."""
    return bool(_TOTAL.match(plain_word(label)))


def summing_columns(
    columns: Mapping[int, Sequence[float | None]],
    labels: Mapping[int, str],
    numbers: Sequence[int],
    sums: Mapping[tuple[int, int], Span],
) -> dict[int, int]:
    """Columns that add up at least three neighbours, and in how many rows they do not agree with them.

    columns: those of numbers alone. numbers: of the rows. sums: as of the sheet.
    """
    found = {}
    for column, values in columns.items():
        span = _summed_by_formula(column, numbers, sums) or (
            _run_before(column, columns) if is_total_label(labels.get(column, "")) else None
        )
        if (
            span is None
            or span[1] - span[0] + 1 < _LEAST_SUMMED
            or any(at not in columns for at in range(span[0], span[1] + 1))
        ):
            continue
        pairs = [
            (theirs, math.fsum(columns[at][row] or 0.0 for at in range(span[0], span[1] + 1)))
            for row, theirs in enumerate(values)
            if theirs is not None
        ]
        wrong = sum(not _is_close(theirs, ours) for theirs, ours in pairs)
        if pairs and wrong <= len(pairs) * (1 - _AGREE) + 1 and wrong < len(pairs):
            found[column] = wrong
    return found


def _judged(row: GridRow, sums: Mapping[tuple[int, int], Span]) -> str:
    """ "formula", "total", "perhaps", "other" (a mean …), or empty for data."""
    texts = [value for value in row.values if isinstance(value, str)][:_TEXTS_LOOKED_AT]
    has_number = len(texts) < len(row.values)
    judgement = ""
    for text in texts:
        if len(text) > _LONGEST_LABEL or not _HINT.search(text):
            continue
        word = plain_word(text)
        if _TOTAL.match(word):
            return "total"
        if has_number and _OTHER.match(word):
            judgement = "other"
        elif _PERHAPS.match(word):
            judgement = judgement or "perhaps"
    if sums:
        adding = sum(_adds_above(row.number, column, sums) for column in row.columns)
        plain = sum(isinstance(value, float) for value in row.values)
        if adding and adding * 2 >= plain:
            return "formula"
    return judgement


def _adds_above(row: int, column: int, sums: Mapping[tuple[int, int], Span]) -> bool:
    span = sums.get((row, column))
    return (
        span is not None
        and span.left == span.right == column
        and span.bottom < row
        and span.bottom > span.top
    )


def _tail(rows: Sequence[GridRow], judged: Sequence[str]) -> int:
    """From where the few rows below the last totals are taxes and remarks: thinner than the data, and few."""
    first = next((at for at, one in enumerate(judged) if one in ("total", "formula")), len(rows))
    if first == len(rows) or len(rows) - first > _MOST_TAIL or not first:
        return len(rows)
    usual = median(len(row.columns) for row in rows[:first])
    if usual >= 3 and all(len(row.columns) <= usual / 2 + 0.5 for row in rows[first:]):
        return first
    return len(rows)


def _agrees(numbers: Mapping[int, float], whole: Mapping[int, float], group: Mapping[int, float]) -> bool:
    summed = [column for column in numbers if column in whole]
    agreeing = sum(
        _is_close(numbers[column], whole[column]) or _is_close(numbers[column], group.get(column, 0.0))
        for column in summed
    )
    return bool(summed) and agreeing * 2 >= len(summed)


def _check(
    found: Totals,
    row: GridRow,
    numbers: Mapping[int, float],
    running: tuple[Mapping[int, float], Mapping[int, float]],
    cells: Mapping[int, Sequence[tuple[int, float]]],
    sums: Mapping[tuple[int, int], Span],
) -> None:
    whole, group = running
    for column, theirs in numbers.items():
        if column not in whole:
            continue
        span = sums.get((row.number, column))
        ours = [whole[column], group.get(column, whole[column])]
        if span is not None and span.left == span.right == column:
            ours.insert(0, math.fsum(value for at, value in cells[column] if span.top <= at <= span.bottom))
        found.checked += 1
        if not any(_is_close(theirs, one) for one in ours):
            nearest = min(ours, key=lambda one: abs(one - theirs))
            found.differences.append(Difference(column, theirs, nearest))


def _number(value: CellValue, style: NumberStyle) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return value
    if isinstance(value, str) and (found := number(value, style)) is not None:
        return float(found.value)
    return None


def _summed_by_formula(
    column: int, numbers: Sequence[int], sums: Mapping[tuple[int, int], Span]
) -> tuple[int, int] | None:
    spans = [
        span
        for row in numbers
        if (span := sums.get((row, column))) is not None and span.top == span.bottom == row
    ]
    if len(spans) * 2 < len(numbers) or not spans:
        return None
    first = spans[0]
    return (first.left, first.right) if first.right < column or first.left > column else None


def _run_before(column: int, columns: Mapping[int, object]) -> tuple[int, int] | None:
    """The columns of numbers side by side that end before this one."""
    left = column
    while left - 1 in columns:
        left -= 1
    return (left, column - 1) if left < column else None


def _is_close(theirs: float, ours: float) -> bool:
    """Equal but for the last digits that adding up in another order costs, or the cents a text was rounded to."""
    return abs(theirs - ours) <= max(0.005000001, _CLOSE * max(abs(theirs), abs(ours)))
