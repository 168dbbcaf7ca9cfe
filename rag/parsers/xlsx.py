"""XLSX: one page a sheet, its rows as lines of text, values as the sheet shows them; formulas by their stored values.

The XML is read as a stream, so that memory does not grow with a sheet, and neither a false dimension nor a million
empty rows matter. openpyxl's read-only mode is no faster and knows neither merged cells nor comments there; calamine is
faster, but makes a full rectangle of a sheet and drops the formats that make 0.25 a percentage.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lxml import etree

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.media_types import XLSX
from rag.notes import Note
from rag.parsers.merged_cells import Survey, filled, look_through
from rag.parsers.number_formats import BUILT_IN, GENERAL, NumberFormat, number_format
from rag.parsers.office_package import OfficePackage, opened_package
from rag.parsers.page_writer import PageWriter
from rag.parsers.sheet_comments import comments_of
from rag.parsers.sheet_values import SheetValues, string_text
from rag.parsers.sheet_writer import Row, RowCount, cell_range, write_rows

_SHEET_KINDS = frozenset({"worksheet", "chartsheet", "dialogsheet", "xlMacrosheet"})
_MOST_ROWS = 2**20  # empty ones included
_STEP = 2**18
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """part: where its cells stand; empty for a sheet that is all chart."""

    name: str
    part: str
    is_hidden: bool


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
        sheets = _sheets(package, book, root) if root is not None else []
        if root is None or not sheets:
            raise DocumentDamaged(Note("sheets_missing"))
        if len(sheets) > self._limits.max_pages:
            raise DocumentTooLarge(Note("too_many_sheets", count=len(sheets), most=self._limits.max_pages))
        strings = _strings(package, book, self._limits.max_cells)
        values = SheetValues(strings, _formats(package, book), _counts_from_1904(root))
        pages = self._pages(package, sheets, values)
        if not any(page.text for page in pages):
            raise DocumentEmpty()
        return ParsedDocument(XLSX, tuple(pages), package.title(), tuple(_notes(sheets, pages, values)))

    def _pages(self, package: OfficePackage, sheets: Sequence[_Sheet], values: SheetValues) -> list[Page]:
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

    def _looked_through(self, package: OfficePackage, sheet: _Sheet) -> Survey:
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


def _sheets(package: OfficePackage, book: str, root: etree._Element) -> list[_Sheet]:
    relations = {relation.identifier: relation for relation in package.relations(book)}
    found = []
    for element in root.iterfind("{*}sheets/{*}sheet"):
        identifier = next((value for name, value in element.items() if name.endswith("}id")), "")
        relation = relations.get(identifier)
        if relation is None or relation.kind not in _SHEET_KINDS:
            continue
        part = relation.target if relation.kind == "worksheet" and relation.target in package else ""
        found.append(_Sheet(element.get("name", ""), part, element.get("state", "visible") != "visible"))
    return found


def _notes(sheets: Sequence[_Sheet], pages: Sequence[Page], values: SheetValues) -> Iterator[str]:
    read = [sheet.name for sheet, page in zip(sheets, pages, strict=True) if sheet.is_hidden and page.text]
    if read:
        yield Note("hidden_sheets", names=", ".join(read))
    if values.formulas_without_value:
        yield Note("formulas_without_value", count=values.formulas_without_value)


def _counts_from_1904(root: etree._Element) -> bool:
    properties = root.find("{*}workbookPr")
    return properties is not None and properties.get("date1904", "0") in ("1", "true", "on")


def _strings(package: OfficePackage, book: str, most: int) -> list[str]:
    part = next(iter(package.related(book, "sharedStrings")), posixpath.dirname(book) + "/sharedStrings.xml")
    if part not in package:
        return []
    with package.opened(part) as stream:
        count = sum(content.count(b"</si>") for content in iter(lambda: stream.read(_STEP), b""))
    if count > most:
        raise DocumentTooLarge(Note("too_many_texts", count=count, most=most))
    return [string_text(element) for element in islice(package.elements(part, "{*}si"), most)]


def _formats(package: OfficePackage, book: str) -> list[NumberFormat]:
    """By the number of a cell's style."""
    root = package.part(next(iter(package.related(book, "styles")), posixpath.dirname(book) + "/styles.xml"))
    if root is None:
        return []
    codes = {str(number): code for number, code in BUILT_IN.items()} | {
        element.get("numFmtId", ""): element.get("formatCode", "")
        for element in root.iterfind("{*}numFmts/{*}numFmt")
    }
    known = {number: number_format(code) for number, code in codes.items()}
    styles = root.iterfind("{*}cellXfs/{*}xf")
    return [known.get(style.get("numFmtId", "0"), GENERAL) for style in styles]


def _rows(package: OfficePackage, part: str, values: SheetValues) -> Iterator[Row]:
    """All rows in order of the file; a row without a number follows the one before it."""
    number = 0
    for count, element in enumerate(package.elements(part, "{*}row")):
        if count >= _MOST_ROWS:
            raise DocumentTooLarge(Note("rows_impossible"))
        told = element.get("r", "")
        number = int(told) if told.isdecimal() and len(told) <= 7 else number + 1
        yield Row(number, values.cells(element))
