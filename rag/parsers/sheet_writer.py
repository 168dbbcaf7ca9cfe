"""Writes rows of cells as tables of text: one line a row, titles above them as headings, header rows marked.

Shared by XLSX, XLS and CSV. Rows come one by one and are not kept: of a table only its first rows are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rag.errors import DocumentTooLarge
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.parsers.page_writer import PageWriter

_LOOK_AHEAD = 12  # rows of a table by which its header is judged
_LONGEST_NAME = 80  # characters of a column's name
_LONGEST_TITLE = 120
_MOST_TITLES = 4  # lone texts above a table; more are a list
_WIDEST_GAP = 16  # empty cells in a row that keep their place
_BAR = " | "


@dataclass(frozen=True, slots=True)
class Cell:
    """column: from 1. is_text: neither number, date nor truth value."""

    column: int
    text: str
    is_text: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A row with its cells that are not empty, from left to right. number: from 1, as the program shows it."""

    number: int
    cells: tuple[Cell, ...]


class RowCount:
    """How many rows of a document were read; DocumentTooLarge beyond the limit."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limit = limits.max_rows
        self._rows = 0

    def counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows that hold something."""
        for row in rows:
            if not row.cells:
                continue
            self._rows += 1
            if self._rows > self._limit:
                raise DocumentTooLarge(Note("rows_over", most=self._limit))
            yield row


Reference = Callable[[int, int, int], str]
"""From a row's number, first and last column to what an anchor says."""


def write_rows(
    writer: PageWriter, rows: Iterator[Row], reference: Reference, *, has_gaps: bool = True
) -> None:
    """Write all rows. has_gaps: an empty row may part one table from the next, as on a sheet but not in CSV."""
    stream = _Rows(rows)
    is_first = True
    while ahead := stream.ahead(_LOOK_AHEAD):
        titles = _titles(ahead)
        for row in titles:
            stream.take()
            _write_title(writer, row, reference, is_last=not stream.ahead(1))
        if titles:
            is_first = True
            continue
        header = _header_rows(ahead, is_first)
        left = min(row.cells[0].column for row in ahead)
        table = _table(stream, ahead, has_gaps, needs_contrast=header > 0)
        writer.add_table(_lines(table, left, reference), header)
        is_first = False


class _Rows:
    """Rows with a look ahead that ends at a gap."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._waiting: list[Row] = []

    def ahead(self, count: int) -> list[Row]:
        """The next rows that follow each other without a gap; empty at the end."""
        while len(self._waiting) < count and (row := next(self._rows, None)) is not None:
            self._waiting.append(row)
        found = self._waiting[:1]
        for row in self._waiting[1:count]:
            if row.number != found[-1].number + 1:
                break
            found.append(row)
        return found

    def take(self) -> Row:
        return self._waiting.pop(0)


def _titles(ahead: Sequence[Row]) -> Sequence[Row]:
    """Lone texts above a wider row or a gap; many of them are a list."""
    lone = next(
        (at for at, row in enumerate(ahead) if len(row.cells) > 1 or not row.cells[0].is_text), len(ahead)
    )
    return ahead[:lone] if lone <= _MOST_TITLES else ()


def _write_title(writer: PageWriter, row: Row, reference: Reference, *, is_last: bool) -> None:
    cell = row.cells[0]
    ref = reference(row.number, cell.column, cell.column)
    is_sentence = len(cell.text) > _LONGEST_TITLE or cell.text.rstrip().endswith((".", ":", ";"))
    if is_last or is_sentence:
        writer.add("paragraph", cell.text, 0, ref)
    else:
        writer.add("heading", cell.text.replace("\n", " "), 2, ref)


def _header_rows(ahead: Sequence[Row], is_first: bool) -> int:
    """How many of a table's first rows name its columns: 0 or 1.

    A header is short distinct texts over what follows; behind a gap it must also stand over something that is no text.
    """
    first, rest = ahead[0], ahead[1:]
    names = [cell.text for cell in first.cells]
    widest = max(len(row.cells) for row in ahead)
    if not rest or len(names) < 2 or len(names) < (widest + 1) // 2:
        return 0
    if not all(cell.is_text and len(cell.text) <= _LONGEST_NAME for cell in first.cells):
        return 0
    if len(set(names)) < len(names):
        return 0
    return 1 if is_first or _has_contrast(first, rest) else 0


def _has_contrast(first: Row, rest: Sequence[Row]) -> bool:
    """Whether a text of the first row stands over a number, a date or a truth value."""
    columns = {cell.column for cell in first.cells}
    return any(not cell.is_text and cell.column in columns for row in rest for cell in row.cells)


def _table(stream: _Rows, ahead: list[Row], has_gaps: bool, *, needs_contrast: bool) -> Iterator[Row]:
    """Rows up to a gap behind which another table begins."""
    last = stream.take()
    yield last
    while ahead := stream.ahead(_LOOK_AHEAD):
        is_gap = has_gaps and ahead[0].number != last.number + 1
        if is_gap and (not needs_contrast or _titles(ahead) or _header_rows(ahead, False)):
            return
        last = stream.take()
        yield last


def _lines(rows: Iterator[Row], left: int, reference: Reference) -> Iterator[tuple[str, str]]:
    """Reference and text of each row; empty cells between others keep their place."""
    for row in rows:
        texts: list[str] = []
        reached = min(left, row.cells[0].column)
        for cell in row.cells:
            texts += [""] * min(cell.column - reached, _WIDEST_GAP)
            texts.append(cell.text)
            reached = cell.column + 1
        yield reference(row.number, row.cells[0].column, row.cells[-1].column), _BAR.join(texts)
