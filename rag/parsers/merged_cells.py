"""Merged cells: what one cell says over several rows is said in each of them, since a passage may hold only the last.

Merged columns are left as they are: their text stands once, in the row that is read anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO

from rag.office.cells import column_number
from rag.parsers.sheet_writer import Cell, Row

_MOST = 20_000  # merged ranges of a sheet that are looked at
_TAIL_BYTES = 4 * 2**20
_STEP = 2**18
_OVERLAP = 64
_END_OF_CELLS = re.compile(rb"</(?:\w+:)?sheetData>|<(?:\w+:)?sheetData\s*/>")
_ENDS_OF_VALUES = (b"</v>", b":v></", b"</is>", b":is></")
_ENDS_OF_ROWS = (b"</v></c></row>", b"</is></c></row>", b":v></x:c></x:row>")
_MERGED = re.compile(
    rb"""<(?:\w+:)?mergeCell\s[^>]{0,200}?ref=["']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})["']"""
)


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows and columns from 1, the last ones included."""

    top: int
    bottom: int
    left: int


@dataclass(frozen=True, slots=True)
class Survey:
    """Of a sheet: about how many of its cells have a value, how many rows at least end with one, and which cells are
    merged over several rows. is_blank: neither values nor formulas, whatever is styled."""

    values: int
    rows: int
    merged: list[Merged]
    is_blank: bool


def look_through(sheet: IO[bytes]) -> Survey:
    """What a sheet's XML holds, without parsing it: its merged cells stand behind all others."""
    kept, values, rows, is_behind, has_formulas = b"", 0, 0, False, False
    while part := sheet.read(_STEP):
        values += sum(part.count(end) for end in _ENDS_OF_VALUES)
        rows += sum(part.count(end) for end in _ENDS_OF_ROWS)
        has_formulas = has_formulas or b"<f" in part or b":f" in part
        kept += part
        if not is_behind and (end := _END_OF_CELLS.search(kept)):
            kept, is_behind = kept[end.end() :], True
        kept = kept[:_TAIL_BYTES] if is_behind else kept[-_OVERLAP:]
    if not is_behind:
        return Survey(values, rows, [], not values and not has_formulas)
    found = (match.groups() for match in _MERGED.finditer(kept))
    ranges = (Merged(int(top), int(bottom), column_number(left.decode())) for left, top, _, bottom in found)
    merged = [merged for merged in ranges if merged.bottom > merged.top][:_MOST]
    return Survey(values, rows, merged, not values and not has_formulas)


def filled(rows: Iterator[Row], ranges: Iterable[Merged]) -> Iterator[Row]:
    """The rows with the text of merged cells in each row that holds anything else."""
    coming = sorted(ranges, key=lambda merged: merged.top, reverse=True)
    open_ones: dict[
        int, tuple[int, Cell]
    ] = {}  # column → last row and cell; ranges of a column do not overlap
    for row in rows:
        for column in [column for column, (bottom, _) in open_ones.items() if bottom < row.number]:
            del open_ones[column]
        taken = {cell.column for cell in row.cells}
        missing = (
            [cell for column, (_, cell) in open_ones.items() if column not in taken] if row.cells else []
        )
        while coming and coming[-1].top <= row.number:
            merged = coming.pop()
            own = next((cell for cell in row.cells if cell.column == merged.left), None)
            if own is not None and merged.top == row.number:
                open_ones[merged.left] = (merged.bottom, own)
        if missing:
            cells = sorted((*row.cells, *missing), key=lambda cell: cell.column)
            row = replace(row, cells=tuple(cells))
        yield row
