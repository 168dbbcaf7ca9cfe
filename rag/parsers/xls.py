"""XLS, Excel's format of 1997 to 2003, through xlrd: one page a sheet, written as those of XLSX are.

xlrd keeps a whole sheet in memory, which the format itself limits to 65,536 rows of 256 columns. The values of formulas
are the stored ones; macros are not looked at.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import xlrd
from xlrd.book import Book
from xlrd.compdoc import CompDocError
from xlrd.sheet import Sheet

from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty, DocumentEncrypted
from rag.limits import ParsingLimits
from rag.media_types import XLS
from rag.notes import Note
from rag.office.cells import cell_range
from rag.office.number_formats import GENERAL, NumberFormat, number_format
from rag.parsers.merged_cells import Merged, filled
from rag.parsers.page_writer import PageWriter
from rag.parsers.sheet_writer import Cell, Row, RowCount, write_rows

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
Progress = Callable[[int, int], None]


class XlsParser:
    """Reads an old Excel workbook, a page a sheet. progress: sheets done, sheets in all."""

    def __init__(self, limits: ParsingLimits, progress: Progress = lambda _done, _total: None) -> None:
        self._limits = limits
        self._progress = progress

    def parse(self, path: Path) -> ParsedDocument:
        try:
            # xlrd tells of oddities on standard output unless it is given another place.
            with Path(os.devnull).open("w") as nowhere, self._opened(path, nowhere) as book:
                return self._read(book)
        except _BROKEN as error:
            if "encrypted" in str(error).lower():
                raise DocumentEncrypted(Note("password_excel")) from error
            raise DocumentDamaged(Note("records_mismatch")) from error

    @staticmethod
    def _opened(path: Path, log: object) -> Book:
        return xlrd.open_workbook(
            str(path), formatting_info=True, on_demand=True, ragged_rows=True, logfile=log
        )

    def _read(self, book: Book) -> ParsedDocument:
        writer = PageWriter(self._limits)
        count = RowCount(self._limits)
        pages, hidden = [], []
        for number in range(1, book.nsheets + 1):
            sheet = book.sheet_by_index(number - 1)
            rows = filled(_rows(book, sheet), _merged(sheet))
            write_rows(writer, count.counted(rows), cell_range)
            _write_notes(writer, sheet)
            pages.append(writer.finish(number, "sheet", sheet.name))
            if sheet.visibility and pages[-1].text:
                hidden.append(pages[-1].label)
            book.unload_sheet(number - 1)
            self._progress(number, book.nsheets)
        if not any(page.text for page in pages):
            raise DocumentEmpty()
        notes = (Note("hidden_sheets", names=", ".join(hidden)),) if hidden else ()
        return ParsedDocument(XLS, tuple(pages), "", notes)


def _rows(book: Book, sheet: Sheet) -> Iterator[Row]:
    formats: dict[int, NumberFormat] = {}
    for at in range(sheet.nrows):
        cells = []
        for column, (kind, value) in enumerate(
            zip(sheet.row_types(at), sheet.row_values(at), strict=True), start=1
        ):
            if kind in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK):
                continue
            text = _text(book, sheet, formats, at, column - 1, kind, value)
            if text.strip():
                cells.append(Cell(column, text, kind == xlrd.XL_CELL_TEXT))
        yield Row(at + 1, tuple(cells))


def _text(
    book: Book,
    sheet: Sheet,
    formats: dict[int, NumberFormat],
    row: int,
    column: int,
    kind: int,
    value: object,
) -> str:
    if kind == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if value else "FALSE"
    if kind == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(value, "#ERROR"))
    if not isinstance(value, float):
        return str(value)
    style = sheet.cell_xf_index(row, column)
    if style not in formats:
        known = book.format_map.get(book.xf_list[style].format_key) if style < len(book.xf_list) else None
        formats[style] = number_format(known.format_str) if known is not None else GENERAL
    return formats[style].text(value, bool(book.datemode))


def _merged(sheet: Sheet) -> list[Merged]:
    return [
        Merged(top + 1, bottom, left + 1) for top, bottom, left, _ in sheet.merged_cells if bottom > top + 1
    ]


def _write_notes(writer: PageWriter, sheet: Sheet) -> None:
    for (row, column), note in sorted(sheet.cell_note_map.items()):
        text = note.text.removeprefix(f"{note.author}:").strip()
        if text:
            author = f"[{note.author}] " if note.author else ""
            writer.add("paragraph", author + text, 0, cell_range(row + 1, column + 1, column + 1))
