"""From the sheets of a workbook to its tables: named, typed, without totals, with notes on what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from querying.types import Column, Table
from querying.workbooks import names
from querying.workbooks.columns import TypedColumn, TypedValue, typed
from querying.workbooks.finding import Block, blocks
from querying.workbooks.grid import CellValue, Sheet
from querying.workbooks.text_values import NumberStyle, number_style
from querying.workbooks.totals import Totals, summing_columns, without_totals
from rag.notes import Note, counted
from rag.office.cells import cell_range, column_name
from rag.office.number_formats import NumberFormat, plain

MOST_TABLES = 100
MOST_COLUMNS = 500
_MOST_LABEL = 200
_MOST_TITLE = 300
_MOST_TOLD = 5  # columns of a table of which a kind of note is told one by one
_KIND_NAMES = {
    "integer": "number",
    "decimal": "number",
    "float": "number",
    "date": "date",
    "timestamp": "date",
    "time": "time",
    "boolean": "truth",
}


@dataclass(frozen=True, slots=True)
class MadeTable:
    """A table and its values, column by column. label: the sheet's name. place: "A3:F20". notes: on it alone."""

    table: Table
    label: str
    place: str
    values: Sequence[Sequence[TypedValue]]
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True)
class MadeTables:
    """Of a whole workbook. blocks_left_out: rectangles that were no tables: lists of words, forms."""

    tables: Sequence[MadeTable]
    notes: Sequence[Note] = ()
    blocks_left_out: int = 0


def make_tables(sheets: Iterable[Sheet], name: str = "") -> MadeTables:
    """Every table of every sheet, in their order. name: for tables of a sheet that has none."""
    made: list[MadeTable] = []
    taken: set[str] = set()
    left_out = over = 0
    for sheet in sheets:
        found: list[MadeTable] = []
        for block in blocks(sheet):
            table = _made(sheet, block)
            if table is None:
                left_out += 1
            elif len(made) + len(found) >= MOST_TABLES:
                over += 1
            else:
                found.append(table)
        base = names.speakable(sheet.name or name, "sheet", digits_prefix="t")
        own = [base if len(found) == 1 else f"{base}_{number}" for number in range(1, len(found) + 1)]
        for table, name in zip(found, names.made_unique(own, taken), strict=True):
            taken.add(name)
            made.append(replace(table, table=replace(table.table, name=name)))
    notes = [counted("tables_over", over, most=MOST_TABLES)] if over else []
    return MadeTables(made, notes, left_out)


def _made(sheet: Sheet, block: Block) -> MadeTable | None:
    if not block.rows:
        return None
    style = _style(sheet, block)
    totals = without_totals(block.rows, sheet.sums, style)
    width = min(block.right - block.left + 1, MOST_COLUMNS)
    values, formats, repeated = _by_column(block, totals, width)
    labels = [" ".join(label)[:_MOST_LABEL] for label in block.labels[:width]]
    columns = [
        typed(column, shapes, label, style.decimal == "," if style.is_sure else None)
        for column, shapes, label in zip(values, formats, labels, strict=True)
    ]
    numbers = [row.number for row in totals.rows]
    summing = summing_columns(
        {
            block.left + at: [None if value is None else float(value) for value in column.values]  # type: ignore[arg-type]
            for at, column in enumerate(columns)
            if column.kind in ("integer", "decimal", "float")
        },
        {block.left + at: label for at, label in enumerate(labels)},
        [number for number in numbers if number not in repeated],
        sheet.sums,
    )
    kept = [
        at
        for at, column in enumerate(columns)
        if block.left + at not in summing and (any(one is not None for one in column.values) or column.errors)
    ]
    rows = len(columns[0].values) if columns else 0
    if not _is_table(block, [columns[at] for at in kept], rows):
        return None
    labelled = [labels[at] or column_name(block.left + at) for at in kept]
    chosen = names.made_unique(
        names.speakable(labels[at], f"column_{number}") for number, at in enumerate(kept, start=1)
    )
    described = tuple(
        _column(name, label, columns[at], block.units[at])
        for name, label, at in zip(chosen, labelled, kept, strict=True)
    )
    notes = list(
        _notes(sheet, block, totals, [(labelled[number], columns[at]) for number, at in enumerate(kept)])
    )
    notes += _notes_of_sums(summing, block, labels)
    if block.right - block.left + 1 > width:
        notes.append(counted("table_columns_over", block.right - block.left + 1 - width, most=width))
    title = " · ".join(block.titles)[:_MOST_TITLE]
    first, last = block.rows[0].number, block.rows[-1].number
    place = (
        cell_range(first - block.header_rows, block.left, block.left).split(":")[0]
        + ":"
        + cell_range(last, block.right, block.right)
    )
    table = Table(sheet.name, described, "", "table", title, rows)
    return MadeTable(table, sheet.name, place, [columns[at].values for at in kept], tuple(notes))


def _style(sheet: Sheet, block: Block) -> NumberStyle:
    """How this table writes decimals in text: from all of its texts together, then from the file."""
    texts = (value for row in block.rows[:5_000] for value in row.values if isinstance(value, str))
    return number_style(texts, sheet.has_decimal_comma)


def _by_column(
    block: Block, totals: Totals, width: int
) -> tuple[list[list[CellValue | None]], list[list[NumberFormat | None]], set[int]]:
    """Values and formats of each column; headers that are repeated further down are no data."""
    values: list[list[CellValue | None]] = [[] for _ in range(width)]
    formats: list[list[NumberFormat | None]] = [[] for _ in range(width)]
    header = [label[-1] if label else "" for label in block.labels]
    repeated: set[int] = set()
    for row in totals.rows:
        if (
            block.header_rows
            and len(row.columns) > 1
            and all(
                isinstance(value, str) and value.strip() == header[column - block.left]
                for column, value in zip(row.columns, row.values, strict=True)
            )
        ):
            repeated.add(row.number)
            continue
        at = 0
        cells = len(row.columns)
        for number in range(width):
            if at < cells and row.columns[at] == block.left + number:
                values[number].append(row.values[at])
                formats[number].append(row.formats[at])
                at += 1
            else:
                values[number].append(None)
                formats[number].append(None)
    return values, formats, repeated


def _is_table(block: Block, columns: Sequence[TypedColumn], rows: int) -> bool:
    """Named columns over rows; without names, something that is no text."""
    if not rows or not columns:
        return False
    has_values = any(column.kind != "text" for column in columns)
    if len(columns) == 1:
        return bool(block.header_rows) and has_values and rows > 1
    return bool(block.header_rows) or (has_values and rows > 1)


def _column(name: str, label: str, column: TypedColumn, told_unit: str) -> Column:
    unit = told_unit or names.unit_of(label) or column.unit
    description = label
    if column.unit == "%":
        description += " (%: 0.25 = 25 %)"
    elif unit and unit not in label:
        description += f" ({unit})"
    return Column(name, column.kind, column.database_type, True, description, column.samples)


def _notes(
    sheet: Sheet, block: Block, totals: Totals, columns: Sequence[tuple[str, TypedColumn]]
) -> Iterator[Note]:
    if not block.header_rows:
        yield Note("table_header_missing")
    if totals.left_out:
        yield counted("table_totals", totals.left_out, checked=totals.checked)
    for difference in totals.differences[:_MOST_TOLD]:
        at = difference.column - block.left
        label = " ".join(block.labels[at]) or column_name(difference.column)
        yield Note(
            "table_total_differs", column=label, theirs=plain(difference.theirs), ours=plain(difference.ours)
        )
    for label, column in [one for one in columns if one[1].unread][:_MOST_TOLD]:
        code = f"table_cells_no_{_KIND_NAMES[column.kind]}"
        yield counted(code, column.unread, column=label, example=column.example)
    for label, column in [one for one in columns if one[1].errors][:_MOST_TOLD]:
        yield counted("table_errors", column.errors, column=label, example=column.error)
    for label, _ in [one for one in columns if one[1].is_unsure][:_MOST_TOLD]:
        yield Note("table_marks_unsure", column=label)
    hidden = sum(row.number in sheet.hidden_rows for row in totals.rows) if sheet.hidden_rows else 0
    if hidden:
        yield counted("table_hidden_rows", hidden)
    if block.lines_left_out:
        yield counted("table_remarks", block.lines_left_out)


def _notes_of_sums(summing: dict[int, int], block: Block, labels: Sequence[str]) -> Iterator[Note]:
    for column, wrong in summing.items():
        label = labels[column - block.left] or column_name(column)
        yield Note("table_sum_column", column=label)
        if wrong:
            yield counted("table_sum_column_differs", wrong, column=label)
