"""Files of separated values: encoding, delimiter and quotation marks are found out.

Row numbers count as a spreadsheet would: a quoted line end does not begin a row.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rag.decoding import decode
from rag.notes import Note

# Of equally good ones the first counts: decimal commas make commas as regular as semicolons.
_DELIMITERS = ("\t", ";", "|", ",")
_SAMPLE_CHARS = 64 * 1024
_LONGEST_FIELD = 16 * 2**20
_DECLARED = re.compile(r'\A"?sep=(.)"?\r?\n', re.IGNORECASE)
_LINE_END = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class Separated:
    """The text of a file and how it is cut into rows. first_number: of its first row; a `sep=` line is above it."""

    text: str
    delimiter: str
    is_quoted: bool
    first_number: int
    notes: tuple[str, ...] = ()

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Numbers and fields. Raises csv.Error."""
        csv.field_size_limit(_LONGEST_FIELD)  # the module's own is 128 KiB
        reader = csv.reader(
            io.StringIO(self.text),
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.is_quoted else csv.QUOTE_NONE,
        )
        return enumerate(reader, start=self.first_number)


def separated(content: bytes) -> Separated:
    """How a file's rows are to be read."""
    decoded = decode(content)
    text = _LINE_END.sub("\n", decoded.text.replace("\0", ""))
    declared = _DECLARED.match(text)
    delimiter = declared[1] if declared else _delimiter(text[:_SAMPLE_CHARS])
    if declared:
        text = text[declared.end() :]
    notes = [decoded.note] if decoded.note else []
    is_quoted = _quotes_match(text, delimiter)
    if not is_quoted:
        notes.append(Note("csv_quotes"))
    return Separated(text, delimiter, is_quoted, 2 if declared else 1, tuple(notes))


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
