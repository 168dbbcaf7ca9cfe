"""XLSX: one page a sheet, its rows as lines of text, values as the sheet shows them; formulas by their stored values.

The XML is read as a stream, so that memory does not grow with a sheet, and neither a false dimension nor a million
empty rows matter. openpyxl's read-only mode is no faster and knows neither merged cells nor comments there; calamine is
faster, but makes a full rectangle of a sheet and drops the formats that make 0.25 a percentage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.media_types import XLSX
from rag.notes import Note
from rag.office.cells import cell_range
from rag.office.package import OfficePackage, opened_package
from rag.office.workbook import Sheet, counts_from_1904, formats_of, sheets_of, strings_of
from rag.parsers.merged_cells import Survey, filled, look_through
from rag.parsers.page_writer import PageWriter
from rag.parsers.sheet_comments import comments_of
from rag.parsers.sheet_values import SheetValues
from rag.parsers.sheet_writer import Row, RowCount, write_rows

_MOST_ROWS = 2**20  # empty ones included
Progress = Callable[[int, int], None]


class XlsxParser:
    """Reads an Excel workbook, a page a sheet. progress: sheets done, sheets in all."""

    def __init__(self, limits: ParsingLimits, progress: Progress = lambda _done, _total: None) -> None:
        self._limits = limits
        self._progress = progress

    def parse(self, path: Path) -> ParsedDocument:
        with opened_package(path, self._limits) as package:
            return self._read(package)

    def _read(self, package: OfficePackage) -> ParsedDocument:
        book = next(iter(package.related("", "officeDocument")), "xl/workbook.xml")
        root = package.part(book)
        sheets = sheets_of(package, book, root) if root is not None else []
        if root is None or not sheets:
            raise DocumentDamaged(Note("sheets_missing"))
        if len(sheets) > self._limits.max_pages:
            raise DocumentTooLarge(Note("too_many_sheets", count=len(sheets), most=self._limits.max_pages))
        strings = strings_of(package, book, self._limits.max_cells)
        values = SheetValues(strings, formats_of(package, book), counts_from_1904(root))
        pages = self._pages(package, sheets, values)
        if not any(page.text for page in pages):
            raise DocumentEmpty()
        return ParsedDocument(XLSX, tuple(pages), package.title(), tuple(_notes(sheets, pages, values)))

    def _pages(self, package: OfficePackage, sheets: Sequence[Sheet], values: SheetValues) -> list[Page]:
        writer = PageWriter(self._limits)
        count = RowCount(self._limits)
        pages: list[Page] = []
        for number, sheet in enumerate(sheets, start=1):
            if sheet.part:
                survey = self._looked_through(package, sheet)
                if not survey.is_blank:
                    rows = filled(_rows(package, sheet.part, values), survey.merged)
                    write_rows(writer, count.counted(rows), cell_range)
                for comment in comments_of(package, sheet.part):
                    writer.add("paragraph", comment.text, 0, comment.cell)
            pages.append(writer.finish(number, "sheet", sheet.name))
            self._progress(number, len(sheets))
        return pages

    def _looked_through(self, package: OfficePackage, sheet: Sheet) -> Survey:
        """What a sheet holds; DocumentTooLarge where it would take minutes to read."""
        with package.opened(sheet.part) as stream:
            found = look_through(stream)
        if found.values > self._limits.max_cells:
            raise DocumentTooLarge(
                Note(
                    "too_many_cells",
                    sheet=repr(sheet.name[:80]),
                    count=found.values,
                    most=self._limits.max_cells,
                )
            )
        if found.rows > self._limits.max_rows:
            raise DocumentTooLarge(
                Note(
                    "too_many_rows", sheet=repr(sheet.name[:80]), count=found.rows, most=self._limits.max_rows
                )
            )
        return found


def _notes(sheets: Sequence[Sheet], pages: Sequence[Page], values: SheetValues) -> Iterator[str]:
    read = [sheet.name for sheet, page in zip(sheets, pages, strict=True) if sheet.is_hidden and page.text]
    if read:
        yield Note("hidden_sheets", names=", ".join(read))
    if values.formulas_without_value:
        yield Note("formulas_without_value", count=values.formulas_without_value)


def _rows(package: OfficePackage, part: str, values: SheetValues) -> Iterator[Row]:
    """All rows in order of the file; a row without a number follows the one before it."""
    number = 0
    for count, element in enumerate(package.elements(part, "{*}row")):
        if count >= _MOST_ROWS:
            raise DocumentTooLarge(Note("rows_impossible"))
        told = element.get("r", "")
        number = int(told) if told.isdecimal() and len(told) <= 7 else number + 1
        yield Row(number, values.cells(element))
