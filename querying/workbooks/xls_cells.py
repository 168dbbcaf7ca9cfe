"""The cells of XLS workbooks (Excel 97 to 2003), through xlrd, which knows values and not formulas."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import xlrd
from xlrd.book import Book
from xlrd.compdoc import CompDocError
from xlrd.sheet import Sheet as OldSheet

from querying.workbooks.grid import CellError, CellValue, GridRow, Sheet, Span
from querying.workbooks.xlsx_cells import as_shown
from rag.errors import DocumentDamaged, DocumentEncrypted, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.office.number_formats import GENERAL, NumberFormat, number_format

_BROKEN = (
    xlrd.XLRDError,
    CompDocError,
    struct.error,
    AssertionError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    OverflowError,
    TypeError,
    ValueError,
    ZeroDivisionError,
)


def read_xls(path: Path, limits: ParsingLimits) -> Iterator[Sheet]:
    """Sheet by sheet, hidden ones too. Raises a DocumentRefused."""
    try:
        # xlrd tells of oddities on standard output unless it is given another place.
        with Path(os.devnull).open("w") as nowhere, _opened(path, nowhere) as book:
            rows = 0
            for number in range(book.nsheets):
                sheet = _sheet(book, book.sheet_by_index(number))
                rows += len(sheet.rows)
                if rows > limits.max_rows:
                    raise DocumentTooLarge(Note("rows_over", most=limits.max_rows))
                yield sheet
                book.unload_sheet(number)
    except _BROKEN as error:
        if "encrypted" in str(error).lower():
            raise DocumentEncrypted(Note("password_excel")) from error
        raise DocumentDamaged(Note("records_mismatch")) from error


def _opened(path: Path, log: object) -> Book:
    return xlrd.open_workbook(str(path), formatting_info=True, on_demand=True, ragged_rows=True, logfile=log)


def _sheet(book: Book, sheet: OldSheet) -> Sheet:
    shapes: dict[int, NumberFormat] = {}
    rows = []
    for at in range(sheet.nrows):
        columns: list[int] = []
        values: list[CellValue] = []
        formats: list[NumberFormat | None] = []
        told = zip(sheet.row_types(at), sheet.row_values(at), strict=True)
        for column, (kind, value) in enumerate(told, start=1):
            found = _value(book, sheet, shapes, at, column - 1, kind, value)
            if found is not None:
                columns.append(column)
                values.append(found[0])
                formats.append(found[1])
        if columns:
            rows.append(GridRow(at + 1, tuple(columns), tuple(values), tuple(formats)))
    merged = [Span(top + 1, left + 1, bottom, right) for top, bottom, left, right in sheet.merged_cells]
    hidden = frozenset(at + 1 for at, info in sheet.rowinfo_map.items() if info.hidden)
    return Sheet(sheet.name, rows, merged, {}, hidden, bool(sheet.visibility))


def _value(
    book: Book,
    sheet: OldSheet,
    shapes: dict[int, NumberFormat],
    row: int,
    column: int,
    kind: int,
    value: object,
) -> tuple[CellValue, NumberFormat | None] | None:
    if kind in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK):
        return None
    if kind == xlrd.XL_CELL_BOOLEAN:
        return bool(value), None
    if kind == xlrd.XL_CELL_ERROR:
        return CellError(str(xlrd.error_text_from_code.get(value, "#ERROR"))), None
    if not isinstance(value, float):
        text = str(value)
        return (text, None) if text.strip() else None
    style = sheet.cell_xf_index(row, column)
    if style not in shapes:
        known = book.format_map.get(book.xf_list[style].format_key) if style < len(book.xf_list) else None
        shapes[style] = number_format(known.format_str) if known is not None else GENERAL
    return as_shown(value, shapes[style], bool(book.datemode))
