"""Tables and side-by-side columns of a PDF page, told by where the words of neighbouring lines are aligned.

Ruling lines are not looked at: most tables have none, and pdfplumber, which goes by them, finds none of those
(measured: docs/documents.md). A page is looked at letter by letter only where its lines are full of gaps. A wrong guess
changes the order of words, never a word. Pure but for the places of letters, which are asked for.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean

from rag.parsers.page_writer import Piece
from rag.parsers.pdf_frame import Box
from rag.parsers.pdf_lines import LINE_END_HYPHEN, Letters, Line

_WIDE = 0.62  # of its type's size a letter takes up on average, gaps counted; fixed pitch has 0.6
_GAP = 1.0  # of the size of type; the blanks of justified lines stay below
_MIN_ROWS = 3
_ROW_PITCH = 3.2
_WRAPPED_PITCH = 1.3
_MAX_SINGLES = 2
_PROSE_CHARS = 25
_NEAR_LINES = 2
_LONG_CHARS, _LONG_LINES = 50, 6
_BLANKS = re.compile(r"\s+")
_MARKER = re.compile(r"(?:[•◦▪■●○‣∙–—*-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])\Z")


@dataclass(frozen=True, slots=True)
class Segment:
    """Part of a line without larger gaps. line: its index among the page's."""

    text: str
    left: float
    right: float
    box: Box
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """rows: cells by column, each with the segments that it holds. at: how many of the page's lines stand before it."""

    at: int
    rows: tuple[tuple[tuple[Segment, ...], ...], ...]

    def pieces(self) -> Iterator[Piece]:
        """A line a row, cells joined by bars, empty ones kept apart by them."""
        for row in self.rows:
            before = "\n"
            for cell in row:
                if cell:
                    text = " ".join([segment.text for segment in cell])
                    yield Piece(text, before, "", _around([segment.box for segment in cell]))
                    before = " | "
                else:
                    before += "| "


@dataclass(slots=True)
class _Row:
    top: float
    size: float
    is_bold: bool
    segments: list[Segment] = field(default_factory=list)


def looks_tabular(lines: Sequence[Line]) -> bool:
    """Whether enough lines have gaps or stand beside each other for a closer look."""
    wide = sum(_is_wide(line) for line in lines)
    beside = sum(
        abs(left.low - right.top) < 0.3 * right.size and right.left > left.right
        for left, right in itertools.pairwise(lines)
    )
    return wide + beside >= _MIN_ROWS


def _is_wide(line: Line) -> bool:
    return len(line.text) > 3 and line.right - line.left > _WIDE * len(line.text) * line.size


def looks_interleaved(lines: Sequence[Line], letters: Letters) -> bool:
    """Whether long lines go over a gap, as where a file writes two columns line by line; up to three are looked at."""
    long = [line for line in lines if len(line.text) >= _LONG_CHARS and not line.direction]
    if len(long) < _LONG_LINES:
        return False
    samples = (long[len(long) * quarter // 4] for quarter in (2, 1, 3))
    return all(len(_segments(line, 0, letters)) > 1 for line in samples)


def arrange(lines: Sequence[Line], letters: Letters, *, everywhere: bool) -> tuple[list[Line], list[Table]]:
    """(the lines that stand in no table, columns one after the other; the tables).

    everywhere: look at all lines, not only at those near one that is full of gaps.
    """
    kept: list[Line] = []
    tables: list[Table] = []
    reached = 0
    for run in _runs(_rows(lines, letters, everywhere)):
        bands = _bands(run)
        if bands is None:
            continue
        first = min(segment.line for row in run for segment in row.segments)
        last = max(segment.line for row in run for segment in row.segments)
        kept += lines[reached:first]
        reached = last + 1
        cells = [_cells(row, bands) for row in run]
        if _are_columns_of_prose(cells, len(bands)):
            kept += _in_columns(cells, lines, len(bands))
        else:
            tables.append(Table(len(kept), tuple(_joined(run, cells))))
    kept += lines[reached:]
    return kept, tables


def _rows(lines: Sequence[Line], letters: Letters, everywhere: bool) -> list[_Row]:
    """Lines that follow each other on one height are one row."""
    rows: list[_Row] = []
    wide = [index for index, line in enumerate(lines) if _is_wide(line)]
    near = {index + step for index in wide for step in range(-_NEAR_LINES, _NEAR_LINES + 1)}
    for index, line in enumerate(lines):
        segments = _segments(line, index, letters if everywhere or index in near else None)
        above = rows[-1] if rows else None
        beside = above is not None and abs(above.top - line.top) < 0.4 * line.size and line.direction == 0
        if above is not None and beside and segments[0].left > above.segments[-1].right:
            above.segments += segments
            above.is_bold = above.is_bold and line.is_bold
        else:
            rows.append(_Row(line.top, line.size, line.is_bold, segments))
    return rows


def _segments(line: Line, index: int, letters: Letters | None) -> list[Segment]:
    """Cut at the blanks that are wider than blanks are; letters: None for a line that is not to be looked at."""
    around = _around(line.boxes) if line.boxes else (0.0, 0.0, 0.0, 0.0)
    whole = [Segment(line.text, line.left, line.right, around, index)]
    may_be_cut = " " in line.text and not line.direction and LINE_END_HYPHEN not in line.text
    if letters is None or not may_be_cut or not letters.knows(line):
        return whole
    found: list[Segment] = []
    start, begin = 0, letters.box(line, 0)
    for blank in [*_BLANKS.finditer(line.text), None]:
        stop, following = blank.span() if blank else (len(line.text), len(line.text))
        # The blank behind a list item's number is no gap between two cells.
        if blank and _MARKER.match(line.text[start:stop]):
            continue
        end = letters.box(line, stop - 1)
        after = letters.box(line, following) if blank else None
        if after is None or after[0] - end[2] > _GAP * line.size:
            left, right = min(begin[0], end[0]), max(begin[2], end[2])
            found.append(Segment(line.text[start:stop], left, right, letters.around(begin, end), index))
            if after is not None:
                start, begin = following, after
    return found if all(a.right <= b.left for a, b in itertools.pairwise(found)) else whole


def _runs(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Rows one below the other, most of them of several segments."""
    run: list[_Row] = []
    for row in [*rows, None]:
        singles = len(list(itertools.takewhile(lambda above: len(above.segments) == 1, reversed(run))))
        goes_on = (
            row is not None
            and bool(run)
            and 0 < run[-1].top - row.top < _ROW_PITCH * max(row.size, run[-1].size)
            and (len(row.segments) > 1 or (not row.is_bold and singles < _MAX_SINGLES))
        )
        if not goes_on:
            run = run[: len(run) - singles]
            if sum(len(above.segments) > 1 for above in run) >= _MIN_ROWS:
                yield run
            run = []
            if row is None or len(row.segments) < 2:
                continue
        if row is not None:
            run.append(row)


def _bands(run: Sequence[_Row]) -> list[tuple[float, float]] | None:
    """From where to where each column reaches, by the rows of the commonest number of cells; None where none agree."""
    counts = Counter(len(row.segments) for row in run if len(row.segments) > 1)
    usual = max(counts, key=lambda count: (counts[count], count))
    spans = sorted(
        (segment.left, segment.right) for row in run if len(row.segments) == usual for segment in row.segments
    )
    bands = [spans[0]]
    for left, right in spans[1:]:
        if left < bands[-1][1]:
            bands[-1] = (bands[-1][0], max(bands[-1][1], right))
        else:
            bands.append((left, right))
    if len(bands) < 2:
        return None
    filled = sum(sum(bool(cell) for cell in _cells(row, bands)) > 1 for row in run)
    return bands if filled >= max(_MIN_ROWS, 0.6 * len(run)) else None


def _cells(row: _Row, bands: Sequence[tuple[float, float]]) -> list[list[Segment]]:
    cells: list[list[Segment]] = [[] for _ in bands]
    for segment in row.segments:
        overlaps = [min(segment.right, right) - max(segment.left, left) for left, right in bands]
        # What reaches over several columns stands in the first of them.
        touched = [band for band, overlap in enumerate(overlaps) if overlap > 0]
        cells[touched[0] if touched else overlaps.index(max(overlaps))].append(segment)
    return cells


def _are_columns_of_prose(rows: Sequence[Sequence[Sequence[Segment]]], count: int) -> bool:
    """Two or three columns, all of them of long pieces of text."""
    if count > 3:
        return False
    lengths = [[len(s.text) for row in rows for s in row[band]] for band in range(count)]
    return all(of_band and mean(of_band) >= _PROSE_CHARS for of_band in lengths)


def _in_columns(
    rows: Sequence[Sequence[Sequence[Segment]]], lines: Sequence[Line], count: int
) -> Iterator[Line]:
    for band in range(count):
        for row in rows:
            for segment in row[band]:
                yield replace(
                    lines[segment.line],
                    text=segment.text,
                    left=segment.left,
                    right=segment.right,
                    boxes=(segment.box,),
                )


def _joined(
    run: Sequence[_Row], rows: Sequence[Sequence[Sequence[Segment]]]
) -> list[tuple[tuple[Segment, ...], ...]]:
    """A row of one cell close below another row is the rest of that cell."""
    found: list[list[list[Segment]]] = []
    for number, (row, cells) in enumerate(zip(run, rows, strict=True)):
        filled = [band for band, cell in enumerate(cells) if cell]
        close = number > 0 and run[number - 1].top - row.top < _WRAPPED_PITCH * row.size
        if found and close and len(filled) == 1 and found[-1][filled[0]]:
            found[-1][filled[0]] += cells[filled[0]]
        else:
            found.append([list(cell) for cell in cells])
    return [tuple([tuple(cell) for cell in row]) for row in found]


def _around(boxes: Sequence[Box]) -> Box:
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
