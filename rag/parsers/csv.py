"""CSV and TSV: one table; delimiter and encoding are found out, a row's reference is its number in the file.

What looks like a formula stays text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty
from rag.limits import ParsingLimits
from rag.media_types import CSV
from rag.notes import Note
from rag.office.separated import Separated, separated
from rag.parsers.page_writer import PageWriter
from rag.parsers.sheet_writer import Cell, Row, RowCount, write_rows

_NUMBER = re.compile(r"[-+(]?\s*[€$£¥]?\s*[\d.,' \u00a0\u202f]*\d\)?\s*(?:%|[€$£¥]|[A-Z]{3})?\Z")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d{2}.*)?\Z|\d{1,2}:\d{2}(?::\d{2})?\Z")
_TRUTH = frozenset({"true", "false", "verdadero", "falso"})


class CsvParser:
    """Reads a file of separated values as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        file = separated(path.read_bytes())
        writer = PageWriter(self._limits)
        rows = RowCount(self._limits).counted(_rows(file))
        try:
            write_rows(writer, rows, lambda row, _first, _last: f"row {row}", has_gaps=False)
        except csv.Error as error:
            raise DocumentDamaged(Note("rows_unclear")) from error
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        return ParsedDocument(CSV, (page,), "", file.notes)


def _rows(file: Separated) -> Iterator[Row]:
    for number, fields in file.rows():
        yield Row(
            number,
            tuple(
                Cell(column, field, _is_text(field.strip()))
                for column, field in enumerate(fields, start=1)
                if field.strip()
            ),
        )


def _is_text(field: str) -> bool:
    return not (_NUMBER.match(field) or _DATE.match(field) or field.lower() in _TRUTH)
