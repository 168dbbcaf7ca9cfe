"""CSV and TSV: one table; delimiter and encoding are found out, a row's reference is its number in the file.

What looks like a formula stays text. Row numbers count as a spreadsheet would: a quoted line end does not begin a row.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rag.decoding import decode
from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty
from rag.limits import ParsingLimits
from rag.media_types import CSV
from rag.notes import Note
from rag.parsers.page_writer import PageWriter
from rag.parsers.sheet_writer import Cell, Row, RowCount, write_rows

# Of equally good ones the first counts: decimal commas make commas as regular as semicolons.
_DELIMITERS = ("\t", ";", "|", ",")
_SAMPLE_CHARS = 64 * 1024
_LONGEST_FIELD = 16 * 2**20
_DECLARED = re.compile(r'\A"?sep=(.)"?\r?\n', re.IGNORECASE)
_LINE_END = re.compile(r"\r\n?")
_NUMBER = re.compile(r"[-+(]?\s*[€$£¥]?\s*[\d.,' \u00a0\u202f]*\d\)?\s*(?:%|[€$£¥]|[A-Z]{3})?\Z")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d{2}.*)?\Z|\d{1,2}:\d{2}(?::\d{2})?\Z")
_TRUTH = frozenset({"true", "false", "verdadero", "falso"})


class CsvParser:
    """Reads a file of separated values as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        csv.field_size_limit(_LONGEST_FIELD)  # the module's own is 128 KiB
        decoded = decode(path.read_bytes())
        text = _LINE_END.sub("\n", decoded.text.replace("\0", ""))
        declared = _DECLARED.match(text)
        delimiter = declared[1] if declared else _delimiter(text[:_SAMPLE_CHARS])
        if declared:
            text = text[declared.end() :]
        notes = [decoded.note] if decoded.note else []
        quoting = csv.QUOTE_MINIMAL
        if not _quotes_match(text, delimiter):
            quoting = csv.QUOTE_NONE
            notes.append(Note("csv_quotes"))
        writer = PageWriter(self._limits)
        rows = RowCount(self._limits).counted(_rows(text, delimiter, quoting, 2 if declared else 1))
        try:
            write_rows(writer, rows, lambda row, _first, _last: f"row {row}", has_gaps=False)
        except csv.Error as error:
            raise DocumentDamaged(Note("rows_unclear")) from error
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        return ParsedDocument(CSV, (page,), "", tuple(notes))


def _delimiter(sample: str) -> str:
    """The one that cuts most rows into the same number of fields, more than one."""

    def regularity(delimiter: str) -> float:
        try:
            widths = Counter(len(row) for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row)
        except csv.Error:
            return 0.0
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        return round(count / widths.total(), 1) if width > 1 else 0.0

    return max(_DELIMITERS, key=regularity) if any(map(regularity, _DELIMITERS)) else ","


def _quotes_match(text: str, delimiter: str) -> bool:
    """Whether quoted fields end; one that does not swallows the rest of the file, and the reader gives up on it."""
    if text.count('"') % 2 == 0:
        return True
    opened = re.compile(rf'(?:^|{re.escape(delimiter)})"', re.MULTILINE)
    return not opened.search(text)


def _rows(text: str, delimiter: str, quoting: int, first_number: int) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    for number, fields in enumerate(reader, start=first_number):
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
