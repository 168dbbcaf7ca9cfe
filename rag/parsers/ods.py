"""ODS: an OpenDocument spreadsheet, each sheet a page, each row with its cells' range.

Rows and cells that repeat are written once each in the file, up to a million times for the empty rest of a sheet.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentEmpty, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.media_types import ODS
from rag.notes import Note
from rag.office.cells import cell_range
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
from rag.parsers.page_writer import PageWriter
from rag.parsers.sheet_writer import Cell, Row, RowCount, write_rows

_ROWS_REPEATED, _COLUMNS_REPEATED = (
    name("table", "number-rows-repeated"),
    name("table", "number-columns-repeated"),
)
_VALUE_TYPE, _NAME = name("office", "value-type"), name("table", "name")
_MOST_REPEATED_CELLS = 1_000  # of a text that is repeated; a filled row of a sheet is not wider
_LAST_COLUMN, _LAST_ROW = 16_384, 1_048_576


class OdsParser:
    """Reads an OpenDocument spreadsheet, a page a sheet."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        document = read(path, self._limits, "spreadsheet")
        writer = PageWriter(self._limits)
        count = RowCount(self._limits)
        pages: list[Page] = []
        for number, sheet in enumerate(document.body.iterchildren(TABLE), start=1):
            if number > self._limits.max_pages:
                raise DocumentTooLarge(Note("sheets_over", most=self._limits.max_pages))
            write_rows(writer, count.counted(_rows(sheet)), cell_range)
            pages.append(writer.finish(number, "sheet", sheet.get(_NAME, "")))
        if not any(page.text for page in pages):
            raise DocumentEmpty()
        return ParsedDocument(ODS, tuple(pages), document.title)


def _rows(sheet: etree._Element) -> Iterator[Row]:
    number = 1
    for element in sheet.iter(TABLE_ROW):
        cells = tuple(_cells(element))
        repeated = min(_repeated(element, _ROWS_REPEATED), _LAST_ROW)
        for offset in range(repeated if cells else 0):
            yield Row(number + offset, cells)
        number += repeated


def _cells(row: etree._Element) -> Iterator[Cell]:
    column = 1
    for element in row.iterchildren(TABLE_CELL, COVERED_CELL):
        repeated = min(_repeated(element, _COLUMNS_REPEATED), _LAST_COLUMN)
        text = "\n".join(paragraph_text(paragraph)[0] for paragraph in element.iterchildren(TEXT_P))
        if text.strip():
            is_text = element.get(_VALUE_TYPE, "string") == "string"
            for offset in range(min(repeated, _MOST_REPEATED_CELLS)):
                yield Cell(column + offset, text, is_text)
        column += repeated


def _repeated(element: etree._Element, attribute: str) -> int:
    said = element.get(attribute, "1")
    return max(int(said), 1) if said.isdecimal() and len(said) < 9 else 1
