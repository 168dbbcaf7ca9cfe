"""Which rectangles of a sheet are tables: blocks between blank rows and columns, their titles and header rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from querying.workbooks import names
from querying.workbooks.grid import CellValue, GridRow, Sheet, Span
from querying.workbooks.text_values import moment, number, number_style, plain_word

_LONGEST_LABEL = 120
_MOST_HEADER_ROWS = 4
_MOST_TITLES = 12
_LOOK_AHEAD = 60  # rows below a header by which it is judged
_DEEPEST_CUT = 4
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle that is one table. titles: texts above it. header_rows: 0 where none names columns.

    labels: of its columns from `left` on, a tuple of header cells each, outermost first. units: of a row below them.

    rows: the data, merged cells filled. lines_left_out: rows of text below the data that belong to no column.
    """

    left: int
    right: int
    rows: Sequence[GridRow]
    labels: Sequence[tuple[str, ...]]
    units: Sequence[str]
    titles: tuple[str, ...]
    header_rows: int
    lines_left_out: int = 0


def blocks(sheet: Sheet) -> list[Block]:
    """The tables of a sheet in the order in which one reads."""
    cut = _cut(list(sheet.rows), 0)
    found: list[Block] = []
    titles: list[str] = []
    across = [span for span in sheet.merged if span.right > span.left]
    down = [span for span in sheet.merged if span.bottom > span.top]
    for rows in cut:
        left, right = _extent(rows)
        if right == left and all(_is_text(row.values[0]) for row in rows):
            titles += [_label(row.values[0]) for row in rows[:_MOST_TITLES]]
            continue
        block = _block(rows, left, right, across, down)
        found.append(replace(block, titles=(*titles, *block.titles)[-_MOST_TITLES:]))
        titles = []
    return found


def _cut(rows: list[GridRow], depth: int) -> list[list[GridRow]]:
    """By blank rows, then by blank columns, then again within the parts."""
    if not rows:
        return []
    parts = []
    for band in _joined(_bands(rows)):
        runs = _column_runs(band)
        if len(runs) == 1 or depth >= _DEEPEST_CUT:
            parts.append(band)
            continue
        for left, right in runs:
            parts += _cut(_within(band, left, right), depth + 1)
    return parts


def _bands(rows: Sequence[GridRow]) -> list[list[GridRow]]:
    found: list[list[GridRow]] = []
    for row in rows:
        if found and row.number == found[-1][-1].number + 1:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _joined(bands: Sequence[list[GridRow]]) -> list[list[GridRow]]:
    """Bands that only go on with the table above them, behind a blank row, are one with it."""
    found: list[list[GridRow]] = []
    for band in bands:
        if found and _goes_on(found[-1], band):
            found[-1] += band
        else:
            found.append(list(band))
    return found


def _goes_on(above: Sequence[GridRow], band: Sequence[GridRow]) -> bool:
    left, right = _extent(above)
    own_left, own_right = _extent(band)
    if right == left or own_left < left or own_right > right:
        return False
    first = band[0]
    if len(first.columns) == 1:
        # A lone text is a title or a remark; a lone number may be a total.
        return len(band) == 1 and not _is_text(first.values[0])
    if len(above) == 1 and not _is_labels(above[0]):
        return False
    if _is_labels(first) and len(band) > 1:
        return False
    widest = max(len(row.columns) for row in above)
    return widest > 1 and not _begins_with_header(band)


def _begins_with_header(rows: Sequence[GridRow]) -> bool:
    first = rows[0]
    return _is_labels(first) and len(first.columns) > 1 and _has_contrast(first, rows[1:_LOOK_AHEAD])


def _column_runs(rows: Sequence[GridRow]) -> list[tuple[int, int]]:
    """Columns that hold anything, as runs without a gap; a run of one column stays with the one before it."""
    used: set[int] = set()
    for row in rows:
        used.update(row.columns)
    runs: list[list[int]] = []
    for column in sorted(used):
        if runs and column == runs[-1][1] + 1:
            runs[-1][1] = column
        else:
            runs.append([column, column])
    joined: list[list[int]] = []
    for run in runs:
        if joined and run[0] == run[1] and run[0] - joined[-1][1] == 2:
            joined[-1][1] = run[1]
        else:
            joined.append(run)
    return [(left, right) for left, right in joined]


def _within(rows: Sequence[GridRow], left: int, right: int) -> list[GridRow]:
    found = []
    for row in rows:
        kept = [at for at, column in enumerate(row.columns) if left <= column <= right]
        if kept:
            found.append(
                GridRow(
                    row.number,
                    tuple(row.columns[at] for at in kept),
                    tuple(row.values[at] for at in kept),
                    tuple(row.formats[at] for at in kept),
                )
            )
    return found


def _extent(rows: Sequence[GridRow]) -> tuple[int, int]:
    return min(row.columns[0] for row in rows), max(row.columns[-1] for row in rows)


def _block(rows: list[GridRow], left: int, right: int, across: Sequence[Span], down: Sequence[Span]) -> Block:
    titles = []
    while len(rows) > 2 and right > left and len(rows[0].columns) == 1 and _is_text(rows[0].values[0]):
        if any(span.top == rows[0].number and span.left > left for span in across):
            break  # a label over some of the columns
        titles.append(_label(rows[0].values[0]))
        rows = rows[1:]
    width = right - left + 1
    levels = _header_levels(rows, left, right, across, down)
    labels = _labels(rows[:levels], left, right, across)
    body = rows[levels:]
    units: list[str] = [""] * width
    if levels and len(body) > 1 and (found := _unit_row(body[0], left, width)):
        units, body = found, body[1:]
    body, left_out = _without_remarks(body, left, width)
    body = _filled_down(body, [span for span in down if left <= span.left <= right])
    return Block(left, right, body, labels, units, tuple(titles), levels, left_out)


def _header_levels(
    rows: Sequence[GridRow], left: int, right: int, across: Sequence[Span], down: Sequence[Span]
) -> int:
    """How many of the first rows name the columns.

    One row of distinct texts is a header; while it leaves columns unnamed, or names several alike (merged cells), the
    next row of texts that tells them apart is one too.
    """
    first = rows[0]
    if len(rows) < 2 or not (_is_labels(first) or _is_years(first, left, across)):
        return 0
    if right > left and len(first.columns) == 1 and not _is_merged(first, across):
        return 0
    if not _has_contrast(first, rows[1:_LOOK_AHEAD]) and not _is_distinct(first):
        return 0
    levels = 1
    while levels < min(_MOST_HEADER_ROWS, len(rows) - 1):
        named = _labels(rows[:levels], left, right, across)
        lower = rows[levels]
        reach = max(
            (span.bottom for span in down if span.top <= rows[levels - 1].number <= span.bottom), default=0
        )
        is_reached = lower.number <= reach
        unclear = {left + at for at, label in enumerate(named) if not any(label) or named.count(label) > 1}
        helps = unclear & set(lower.columns)
        if not _is_labels(lower) or not (helps or is_reached) or not unclear:
            break
        if not _has_contrast(lower, rows[levels + 1 : levels + _LOOK_AHEAD]) and not is_reached:
            break
        levels += 1
    return levels


def _is_merged(row: GridRow, across: Sequence[Span]) -> bool:
    return any(span.top == row.number and span.left == row.columns[0] for span in across)


def _is_distinct(row: GridRow) -> bool:
    labels = [_label(value) for value in row.values]
    return len(set(labels)) == len(labels) and max(map(len, labels)) <= _LONGEST_LABEL // 2


def _is_labels(row: GridRow) -> bool:
    """Whether every cell could name a column: short text, a year, a date; text for at least one."""
    has_text = False
    for value in row.values:
        if isinstance(value, bool):
            return False
        if isinstance(value, float):
            if not (value.is_integer() and _FIRST_YEAR <= value <= _LAST_YEAR):
                return False
        elif isinstance(value, str):
            if len(value) > _LONGEST_LABEL or _is_value(value):
                return False
            has_text = True
        elif not isinstance(value, date):
            return False
    return has_text


def _is_years(row: GridRow, left: int, across: Sequence[Span]) -> bool:
    """Years or dates alone name columns where the corner beside them is empty, or where they are merged."""
    if row.columns[0] == left and not _is_merged(row, across):
        return False
    return all(
        isinstance(value, date)
        or (isinstance(value, float) and value.is_integer() and _FIRST_YEAR <= value <= _LAST_YEAR)
        for value in row.values
    )


def _is_value(text: str) -> bool:
    """A number or a date in text, other than a year."""
    if text.strip().isdecimal() and len(text.strip()) == 4:
        return not _FIRST_YEAR <= int(text) <= _LAST_YEAR
    return number(text, number_style((text,))) is not None or moment(text) is not None


def _has_contrast(header: GridRow, below: Sequence[GridRow]) -> bool:
    """Whether something that is no text stands below a label."""
    columns = set(header.columns)
    return any(
        column in columns and (not _is_text(value) or _is_value(str(value)))
        for row in below
        for column, value in zip(row.columns, row.values, strict=True)
    )


def _labels(rows: Sequence[GridRow], left: int, right: int, across: Sequence[Span]) -> list[tuple[str, ...]]:
    """Per column, from left to right; merged labels are said for each of their columns, equal neighbours once."""
    found: list[list[str]] = [[] for _ in range(right - left + 1)]
    for row in rows:
        told = {column: _label(value) for column, value in zip(row.columns, row.values, strict=True)}
        for span in across:
            if span.top <= row.number <= span.bottom and span.left in told:
                told |= dict.fromkeys(range(span.left, min(span.right, right) + 1), told[span.left])
        for column, label in told.items():
            if left <= column <= right and label and label not in found[column - left][-1:]:
                found[column - left].append(label)
    return [tuple(labels) for labels in found]


def _unit_row(row: GridRow, left: int, width: int) -> list[str] | None:
    if not all(isinstance(value, str) and names.is_unit(value) for value in row.values):
        return None
    found = [""] * width
    for column, value in zip(row.columns, row.values, strict=True):
        found[column - left] = str(value).strip().strip("()[]")
    return found


def _without_remarks(rows: list[GridRow], left: int, width: int) -> tuple[list[GridRow], int]:
    """The rows without the lone texts at the end: sources, remarks, signatures."""
    if width < 3:
        return rows, 0
    end = len(rows)
    while end > 1 and len(rows[end - 1].columns) == 1 and _is_text(rows[end - 1].values[0]):
        text = plain_word(str(rows[end - 1].values[0]))
        if rows[end - 1].columns[0] != left and len(text) < _LONGEST_LABEL // 4:
            break
        end -= 1
    return rows[:end], len(rows) - end


def _filled_down(rows: list[GridRow], merged: Sequence[Span]) -> list[GridRow]:
    """What a merged cell says over several rows is said in each of them."""
    if not merged or not rows:
        return rows
    by_row = {row.number: at for at, row in enumerate(rows)}
    for span in merged:
        at = by_row.get(span.top)
        if at is None or span.left not in rows[at].columns:
            continue
        place = rows[at].columns.index(span.left)
        value, shape = rows[at].values[place], rows[at].formats[place]
        for number_ in range(span.top + 1, min(span.bottom, rows[-1].number) + 1):
            below = by_row.get(number_)
            if below is None or span.left in rows[below].columns:
                continue
            row = rows[below]
            cells = sorted(
                [*zip(row.columns, row.values, row.formats, strict=True), (span.left, value, shape)],
                key=lambda cell: cell[0],
            )
            rows[below] = GridRow(
                row.number, tuple(c[0] for c in cells), tuple(c[1] for c in cells), tuple(c[2] for c in cells)
            )
    return rows


def _is_text(value: CellValue) -> bool:
    return isinstance(value, str)


def _label(value: CellValue) -> str:
    """A header cell as text: a year without decimals, a month by its first day."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return " ".join(str(value).split())
