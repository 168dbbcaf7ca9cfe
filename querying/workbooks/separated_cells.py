"""The cells of files of separated values: all of them texts, whose kinds are found column by column."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from querying.workbooks.grid import GridRow, Sheet
from querying.workbooks.text_values import decimal_mark
from rag.errors import DocumentDamaged, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.office.separated import separated

_ROWS_LOOKED_AT = 2_000


def read_separated(path: Path, limits: ParsingLimits) -> Iterator[Sheet]:
    """One sheet without a name. Raises a DocumentRefused."""
    file = separated(path.read_bytes())
    rows: list[GridRow] = []
    marks = {",": 0, ".": 0}
    cells = 0
    try:
        for number, fields in file.rows():
            filled = [(at, text) for at, field in enumerate(fields, start=1) if (text := field.strip())]
            if not filled:
                continue
            columns = tuple(at for at, _ in filled)
            rows.append(GridRow(number, columns, tuple(text for _, text in filled), (None,) * len(columns)))
            cells += len(columns)
            if len(rows) > limits.max_rows:
                raise DocumentTooLarge(Note("rows_over", most=limits.max_rows))
            if cells > limits.max_cells:
                raise DocumentTooLarge(Note("too_many_cells", sheet="''", count=cells, most=limits.max_cells))
            if len(rows) <= _ROWS_LOOKED_AT:
                for _, text in filled:
                    if mark := decimal_mark(text):
                        marks[mark] += 1
    except csv.Error as error:
        raise DocumentDamaged(Note("rows_unclear")) from error
    has_comma = marks[","] > marks["."] if marks[","] != marks["."] else (file.delimiter == ";" or None)
    yield Sheet("", rows, has_decimal_comma=has_comma)
