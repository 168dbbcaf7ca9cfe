"""The lines of one PDF page, with where they stand and how large they are set.

pdfium gives a page's text in one call and in reading order; per line only eight more calls are made, because each
call through ctypes costs about a microsecond and a page has thousands of characters.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2.raw as pdfium
from pypdfium2 import PdfTextPage

from rag.parsers.pdf_frame import Box, PageFrame

# pdfium's sign for a hyphen at a line's end; it has dropped the line break that stood behind it.
LINE_END_HYPHEN = "\ufffe"
_BOLD_WEIGHT = 600
_ITALIC, _FORCE_BOLD = 1 << 6, 1 << 18  # font descriptor flags, ISO 32000-1, table 123


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line. Lengths in points, y upwards from the lower edge of the page, held so that the line can be read.

    left, right: where it begins and ends. top, low: the height of its first and of its last character (they differ
    where a line-end hyphen has joined two lines). size: of the type in its middle, since bullets and initials are set
    in their own. direction: as of `PageFrame.direction`. boxes: of each part between line-end hyphens, in shares of
    the page as shown. first, last: pdfium's numbers of its characters.
    """

    text: str
    left: float
    right: float
    top: float
    low: float
    size: float
    is_bold: bool
    is_italic: bool
    direction: int = 0
    boxes: tuple[Box, ...] = ()
    first: int = -1
    last: int = -1


def read_lines(page: PdfTextPage, frame: PageFrame) -> Iterator[Line]:
    """The lines of a page in the file's order; one that is hyphenated over a line's end comes as one."""
    text = page.get_text_range()
    same_index = len(text) == page.count_chars()
    reader = _CharacterReader(page, frame)
    start = 0
    for raw in text.split("\r\n"):
        stripped = raw.strip()
        if stripped:
            first = start + len(raw) - len(raw.lstrip())
            spans = [(first + begin, first + end) for begin, end in _parts(stripped)]
            if not same_index:
                spans = [(character_index(page, begin), character_index(page, end)) for begin, end in spans]
            yield reader.line(stripped, spans)
        start += len(raw) + 2


def character_index(page: PdfTextPage, text_index: int) -> int:
    """pdfium numbers its characters; the text leaves some of them out."""
    return max(int(pdfium.FPDFText_GetCharIndexFromTextIndex(page.raw, text_index)), 0)


def _parts(text: str) -> list[tuple[int, int]]:
    """First and last position of each part that a line-end hyphen ends."""
    if LINE_END_HYPHEN not in text:
        return [(0, len(text) - 1)]
    spans, start = [], 0
    for part in text.split(LINE_END_HYPHEN):
        end = start + len(part)
        spans.append((min(start, len(text) - 1), max(min(end, len(text)) - 1, min(start, len(text) - 1))))
        start = end + 1
    return spans


class Letters:
    """Where single letters of a page's lines stand, each asked for when it is needed."""

    def __init__(self, page: PdfTextPage, frame: PageFrame) -> None:
        self._page = page.raw
        self._frame = frame
        self._box = pdfium.FS_RECTF()

    def knows(self, line: Line) -> bool:
        """Not where pdfium's characters and the line's text differ in number."""
        return line.last - line.first + 1 == len(line.text)

    def box(self, line: Line, at: int) -> Box:
        """Of the letter `line.text[at]`: left, bottom, right and top in points as shown."""
        box = self._box
        pdfium.FPDFText_GetLooseCharBox(self._page, line.first + at, box)
        return self._frame.shown(box.left, box.bottom, box.right, box.top)

    def around(self, first: Box, last: Box) -> Box:
        """From one letter to another of the same line, in shares of the page."""
        return self._frame.shares(
            (
                min(first[0], last[0]),
                min(first[1], last[1]),
                max(first[2], last[2]),
                max(first[3], last[3]),
            )
        )


class _CharacterReader:
    """Asks pdfium for single characters, with one set of buffers for the whole page."""

    def __init__(self, page: PdfTextPage, frame: PageFrame) -> None:
        self._page = page.raw
        self._frame = frame
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._box, self._matrix = pdfium.FS_RECTF(), pdfium.FS_MATRIX()
        self._name = ctypes.create_string_buffer(128)
        self._flags = ctypes.c_int()

    def line(self, text: str, spans: list[tuple[int, int]]) -> Line:
        """spans: first and last character of each of its parts."""
        first, last = spans[0][0], spans[-1][1]
        frame = self._frame
        is_bold, is_italic = self._style(first)
        if is_bold or is_italic:
            also_bold, also_italic = self._style(last)
            is_bold, is_italic = is_bold and also_bold, is_italic and also_italic
        size, direction = self._size((first + last) // 2)
        if size <= 1.0:  # a blank that pdfium made up has none
            size, direction = self._size(first)
        shown = [self._shown(begin, end) for begin, end in spans]
        begins, ends = frame.turned(shown[0], direction), frame.turned(shown[-1], direction)
        return Line(
            text,
            begins[0],
            ends[2],
            self._height(first, direction),
            self._height(last, direction),
            size,
            is_bold,
            is_italic,
            direction,
            tuple([frame.shares(box) for box in shown]),
            first,
            last,
        )

    def _shown(self, first: int, last: int) -> Box:
        """The rectangle around two characters of one line, and so around all between them."""
        page, box = self._page, self._box
        pdfium.FPDFText_GetLooseCharBox(page, first, box)
        left, bottom, right, top = box.left, box.bottom, box.right, box.top
        if last != first:
            pdfium.FPDFText_GetLooseCharBox(page, last, box)
            left, bottom = min(left, box.left), min(bottom, box.bottom)
            right, top = max(right, box.right), max(top, box.top)
        return self._frame.shown(left, bottom, right, top)

    def _height(self, index: int, direction: int) -> float:
        """Of a character's base line."""
        pdfium.FPDFText_GetCharOrigin(self._page, index, self._x, self._y)
        x, y = self._x.value, self._y.value
        return self._frame.turned(self._frame.shown(x, y, x, y), direction)[1]

    def _size(self, index: int) -> tuple[float, int]:
        """The font's size times the scale of its matrix (many files set everything at size 1), and its direction."""
        size: float = pdfium.FPDFText_GetFontSize(self._page, index)
        direction = 0
        matrix = self._matrix
        if pdfium.FPDFText_GetMatrix(self._page, index, matrix):
            size *= math.hypot(matrix.c, matrix.d)
            direction = self._frame.direction(matrix.a, matrix.b)
        return max(size, 1.0), direction

    def _style(self, index: int) -> tuple[bool, bool]:
        """Bold by weight or, where the file does not say, by the font's name; italic likewise."""
        is_bold = pdfium.FPDFText_GetFontWeight(self._page, index) >= _BOLD_WEIGHT
        length = pdfium.FPDFText_GetFontInfo(self._page, index, self._name, 128, self._flags)
        name = self._name.value if 0 < length <= 128 else b""
        flags = self._flags.value if length else 0
        is_italic = bool(flags & _ITALIC) or b"Italic" in name or b"Oblique" in name
        return is_bold or b"Bold" in name or bool(flags & _FORCE_BOLD), is_italic
