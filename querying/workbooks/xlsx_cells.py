"""The cells of XLSX and XLSM workbooks: stored values only. Macros, links to other files and queries stay shut."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

from lxml import etree

from querying.workbooks.grid import CellError, CellValue, GridRow, Sheet, Span
from rag.errors import DocumentDamaged, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.office.cells import column_number, string_text, unescaped
from rag.office.number_formats import GENERAL, NumberFormat
from rag.office.package import OfficePackage, opened_package
from rag.office.workbook import counts_from_1904, formats_of, sheets_of, strings_of

_SUM = re.compile(
    r"(?:SUM|SUBTOTAL|AGGREGATE)\((?:(?:9|109)\s*,\s*(?:\d\s*,\s*)?)?"
    r"\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?(\d{1,7})\)\Z"
)
_RANGE = re.compile(r"([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})\Z")
_MOST_MERGED = 20_000
_LAST_DAY = 2_958_466  # the first of the year 10000
_HOURS = NumberFormat("elapsed")


def read_xlsx(path: Path, limits: ParsingLimits) -> Iterator[Sheet]:
    """Sheet by sheet, hidden ones too. Raises a DocumentRefused."""
    with opened_package(path, limits) as package:
        book = next(iter(package.related("", "officeDocument")), "xl/workbook.xml")
        root = package.part(book)
        sheets = sheets_of(package, book, root) if root is not None else []
        if root is None or not sheets:
            raise DocumentDamaged(Note("sheets_missing"))
        reader = _Reader(
            strings_of(package, book, limits.max_cells),
            formats_of(package, book),
            counts_from_1904(root),
            limits,
        )
        for sheet in sheets:
            if sheet.part:
                yield reader.sheet(package, sheet.part, sheet.name, is_hidden=sheet.is_hidden)


class _Reader:
    """Reads the sheets of one workbook; counts their rows together."""

    def __init__(
        self, strings: Sequence[str], formats: Sequence[NumberFormat], is_1904: bool, limits: ParsingLimits
    ) -> None:
        self._strings = strings
        self._formats = formats
        self._is_1904 = is_1904
        self._limits = limits
        self._columns: dict[str, int] = {}
        self._rows = 0

    def sheet(self, package: OfficePackage, part: str, name: str, *, is_hidden: bool) -> Sheet:
        rows: list[GridRow] = []
        merged: list[Span] = []
        found = _Formulas()
        hidden: set[int] = set()
        number = cells = 0
        for element in package.elements(part, "{*}row", "{*}mergeCell"):
            if element.tag.endswith("}mergeCell"):
                if len(merged) < _MOST_MERGED and (span := as_span(element.get("ref", ""))):
                    merged.append(span)
                continue
            told = element.get("r", "")
            number = int(told) if told.isdecimal() and len(told) <= 7 else number + 1
            row = self._row(element, number, found)
            if not row.columns:
                continue
            if element.get("hidden") in ("1", "true"):
                hidden.add(number)
            rows.append(row)
            self._rows += 1
            cells += len(row.columns)
            if self._rows > self._limits.max_rows:
                raise DocumentTooLarge(Note("rows_over", most=self._limits.max_rows))
            if cells > self._limits.max_cells:
                raise DocumentTooLarge(
                    Note("too_many_cells", sheet=repr(name[:80]), count=cells, most=self._limits.max_cells)
                )
        if any(after.number <= before.number for before, after in pairwise(rows)):
            rows = list({row.number: row for row in sorted(rows, key=lambda row: row.number)}.values())
        return Sheet(name, rows, merged, found.sums, frozenset(hidden), is_hidden, found.without_value)

    def _row(self, element: etree._Element, number: int, formulas: _Formulas) -> GridRow:
        cells: dict[int, tuple[CellValue, NumberFormat | None]] = {}
        column = 0
        for child in element:
            place = child.get("r")
            column = self._column(place) if place else column + 1
            if len(child):
                found = self._cell(child, number, column, formulas)
                if found is not None:
                    cells[column] = found
        columns = tuple(cells) if _is_ordered(cells) else tuple(sorted(cells))
        return GridRow(
            number, columns, tuple(cells[at][0] for at in columns), tuple(cells[at][1] for at in columns)
        )

    def _column(self, place: str) -> int:
        letters = place.rstrip("0123456789")
        known = self._columns.get(letters)
        if known is None:
            is_name = letters.isascii() and letters.isalpha() and len(letters) <= 3
            known = self._columns[letters] = column_number(letters.upper()) if is_name else 1
        return known

    def _cell(
        self, element: etree._Element, row: int, column: int, formulas: _Formulas
    ) -> tuple[CellValue, NumberFormat | None] | None:
        value = None
        kind = element.get("t", "n")
        has_formula = False
        for child in element:
            tag = child.tag
            if tag.endswith("}v"):
                value = child.text
            elif tag.endswith("}f"):
                has_formula = True
                formulas.note(child, row, column)
            elif tag.endswith("}is"):
                value = string_text(child)
        if not value:
            formulas.without_value += has_formula and kind != "str"
            return None
        match kind:
            case "n":
                return self._number(value, element.get("s", "0"))
            case "s":
                text = (
                    self._strings[int(value)] if value.isdecimal() and int(value) < len(self._strings) else ""
                )
                return (text, None) if text.strip() else None
            case "b":
                return value in ("1", "true"), None
            case "e":
                return CellError(value[:16]), None
            case "d":
                moment = _iso(value)
                return (value if moment is None else moment), None
        text = unescaped(value)
        return (text, None) if text.strip() else None

    def _number(self, value: str, style: str) -> tuple[CellValue, NumberFormat | None] | None:
        try:
            number = float(value)
        except ValueError:
            return value, None
        if not math.isfinite(number):
            return CellError("#NUM!"), None
        index = int(style) if style.isdecimal() else 0
        shape = self._formats[index] if index < len(self._formats) else GENERAL
        return as_shown(number, shape, self._is_1904)


class _Formulas:
    """What the formulas of a sheet tell; of shared ones only the first has its text."""

    def __init__(self) -> None:
        self.sums: dict[tuple[int, int], Span] = {}
        self.without_value = 0
        self._shared: dict[str, tuple[int, int, Span]] = {}

    def note(self, element: etree._Element, row: int, column: int) -> None:
        shared = element.get("si", "") if element.get("t") == "shared" else ""
        text = (element.text or "").strip()
        if text:
            match = _SUM.match(text)
            if match is None:
                return
            span = Span(int(match[2]), column_number(match[1]), int(match[4]), column_number(match[3]))
            self.sums[row, column] = span
            if shared:
                self._shared[shared] = (row, column, span)
        elif shared in self._shared:
            first_row, first_column, span = self._shared[shared]
            down, right = row - first_row, column - first_column
            self.sums[row, column] = Span(
                span.top + down, span.left + right, span.bottom + down, span.right + right
            )


def as_shown(number: float, shape: NumberFormat, is_1904: bool) -> tuple[CellValue, NumberFormat | None]:
    """A number as what its format makes of it: a date, a time, hours of a duration, or itself."""
    if shape.kind in ("general", "fixed") or not 0 <= number < _LAST_DAY:
        return number, shape
    if shape.kind == "elapsed":
        return round(number * 24, 9), _HOURS
    seconds = round(number * 86_400)
    clock = (datetime.min + timedelta(seconds=seconds % 86_400)).time()
    if number < 1 and shape.kind == "time":
        return clock, None
    day = _day(seconds // 86_400, is_1904)
    return (day if shape.kind == "date" else datetime.combine(day, clock)), None


def _day(days: int, is_1904: bool) -> date:
    if is_1904:
        return date(1904, 1, 1) + timedelta(days)
    # Lotus 1-2-3 took 1900 for a leap year, and Excel after it: day 60 never was.
    return date(1899, 12, 31 if days < 60 else 30) + timedelta(days)


def _iso(value: str) -> date | datetime | time | None:
    try:
        moment = datetime.fromisoformat(value.removesuffix("Z"))
    except ValueError:
        return None
    return moment.date() if moment.time() == time() else moment


def _is_ordered(cells: dict[int, tuple[CellValue, NumberFormat | None]]) -> bool:
    before = 0
    for column in cells:
        if column <= before:
            return False
        before = column
    return True


def as_span(reference: str) -> Span | None:
    """`A1:C2`; None for what is none."""
    match = _RANGE.match(reference)
    if match is None:
        return None
    return Span(int(match[2]), column_number(match[1]), int(match[4]), column_number(match[3]))
