"""The cells of OpenDocument spreadsheets. Rows and cells that repeat stand in the file once each."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

from lxml import etree

from querying.workbooks.grid import CellError, CellValue, GridRow, Sheet, Span
from rag.errors import DocumentTooLarge
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.office.cells import column_number
from rag.office.number_formats import GENERAL, NumberFormat
from rag.office.open_document import (
    COVERED_CELL,
    TABLE,
    TABLE_CELL,
    TABLE_ROW,
    TEXT_P,
    name,
    paragraph_text,
    read,
)

_ROWS_REPEATED = name("table", "number-rows-repeated")
_COLUMNS_REPEATED = name("table", "number-columns-repeated")
_ROWS_SPANNED = name("table", "number-rows-spanned")
_COLUMNS_SPANNED = name("table", "number-columns-spanned")
_KIND, _VALUE = name("office", "value-type"), name("office", "value")
_DATE, _TIME, _TRUTH = (name("office", f"{kind}-value") for kind in ("date", "time", "boolean"))
_CURRENCY, _FORMULA, _NAME = name("office", "currency"), name("table", "formula"), name("table", "name")
_VISIBILITY = name("table", "visibility")
_CALC_KIND = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"
_SUM = re.compile(
    r"of:=(?:SUM|SUBTOTAL)\((?:(?:9|109)\s*;\s*)?\[\.\$?([A-Z]{1,3})\$?(\d{1,7}):\.\$?([A-Z]{1,3})\$?(\d{1,7})\]\)\Z"
)
_DURATION = re.compile(r"(-)?PT(\d+)H(\d+)M(\d+(?:[.,]\d+)?)S\Z")
_PERCENT = NumberFormat("fixed", 2, 1, is_percent=True)
_HOURS = NumberFormat("elapsed")
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
_LAST_COLUMN, _LAST_ROW = 16_384, 1_048_576
_MOST_REPEATED = 1_000
_MOST_MERGED = 20_000


def read_ods(path: Path, limits: ParsingLimits) -> Iterator[Sheet]:
    """Sheet by sheet. Raises a DocumentRefused."""
    document = read(path, limits, "spreadsheet")
    rows = 0
    for number, element in enumerate(document.body.iterchildren(TABLE), start=1):
        if number > limits.max_pages:
            raise DocumentTooLarge(Note("sheets_over", most=limits.max_pages))
        sheet = _sheet(element, limits, rows)
        rows += len(sheet.rows)
        yield sheet


def _sheet(element: etree._Element, limits: ParsingLimits, before: int) -> Sheet:
    rows: list[GridRow] = []
    merged: list[Span] = []
    sums: dict[tuple[int, int], Span] = {}
    hidden: set[int] = set()
    number, cells = 1, 0
    for line in element.iter(TABLE_ROW):
        row = _row(line, number, merged, sums)
        repeated = min(_count(line, _ROWS_REPEATED), _LAST_ROW)
        for at in range(number, number + (repeated if row.columns else 0)):
            if before + len(rows) >= limits.max_rows:
                raise DocumentTooLarge(Note("rows_over", most=limits.max_rows))
            rows.append(GridRow(at, row.columns, row.values, row.formats))
            cells += len(row.columns)
            if cells > limits.max_cells:
                told = repr(element.get(_NAME, "")[:80])
                raise DocumentTooLarge(Note("too_many_cells", sheet=told, count=cells, most=limits.max_cells))
            if line.get(_VISIBILITY, "visible") != "visible":
                hidden.add(at)
        number += repeated
    return Sheet(element.get(_NAME, ""), rows, merged, sums, frozenset(hidden))


def _row(line: etree._Element, number: int, merged: list[Span], sums: dict[tuple[int, int], Span]) -> GridRow:
    columns: list[int] = []
    values: list[CellValue] = []
    formats: list[NumberFormat | None] = []
    column = 1
    for cell in line.iterchildren(TABLE_CELL, COVERED_CELL):
        repeated = min(_count(cell, _COLUMNS_REPEATED), _LAST_COLUMN)
        found = _value(cell)
        if found is not None:
            across, down = _count(cell, _COLUMNS_SPANNED), _count(cell, _ROWS_SPANNED)
            if across * down > 1 and len(merged) < _MOST_MERGED:
                merged.append(Span(number, column, number + down - 1, column + across - 1))
            if match := _SUM.match(cell.get(_FORMULA, "")):
                sums[number, column] = Span(
                    int(match[2]), column_number(match[1]), int(match[4]), column_number(match[3])
                )
            for offset in range(min(repeated, _MOST_REPEATED)):
                columns.append(column + offset)
                values.append(found[0])
                formats.append(found[1])
        column += repeated
    return GridRow(number, tuple(columns), tuple(values), tuple(formats))


def _value(cell: etree._Element) -> tuple[CellValue, NumberFormat | None] | None:
    kind = cell.get(_KIND, "")
    if cell.get(_CALC_KIND) == "error":
        return CellError(_text(cell)[:16] or "#ERROR"), None
    if kind in ("float", "percentage", "currency"):
        return _number(cell, kind)
    if kind == "date":
        return _moment(cell), None
    if kind == "time":
        return _duration(cell)
    if kind == "boolean":
        return cell.get(_TRUTH) == "true", None
    text = _text(cell)
    return (text, None) if text.strip() else None


def _number(cell: etree._Element, kind: str) -> tuple[CellValue, NumberFormat | None] | None:
    try:
        value = float(cell.get(_VALUE, ""))
    except ValueError:
        return None
    if not math.isfinite(value):
        return CellError("#NUM!"), None
    if kind == "percentage":
        return value, _PERCENT
    if kind == "currency":
        code = cell.get(_CURRENCY, "")
        return value, NumberFormat("fixed", 2, suffix=_SIGNS.get(code, code))
    shown = _text(cell).strip()
    if value.is_integer() and len(shown) > 1 and shown.startswith("0") and shown.isdecimal():
        return value, NumberFormat("fixed", 0, len(shown))  # a format that pads with zeros
    return value, GENERAL


def _moment(cell: etree._Element) -> CellValue:
    told = cell.get(_DATE, "")
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        return _text(cell) or told
    is_day = "T" not in told or found.time() == time()
    return date(found.year, found.month, found.day) if is_day else found


def _duration(cell: etree._Element) -> tuple[CellValue, NumberFormat | None]:
    match = _DURATION.match(cell.get(_TIME, ""))
    if match is None:
        return _text(cell), None
    seconds = int(match[2]) * 3600 + int(match[3]) * 60 + float(match[4].replace(",", "."))
    if match[1] or seconds >= 86_400:
        return round(-seconds / 3600 if match[1] else seconds / 3600, 9), _HOURS
    whole = min(round(seconds), 86_399)
    return time(whole // 3600, whole // 60 % 60, whole % 60), None


def _text(cell: etree._Element) -> str:
    return "\n".join(paragraph_text(paragraph)[0] for paragraph in cell.iterchildren(TEXT_P))


def _count(element: etree._Element, attribute: str) -> int:
    said = element.get(attribute, "1")
    return max(int(said), 1) if said.isdecimal() and len(said) < 9 else 1
