"""The lines of one PDF page, with where they stand and how large they are set.

pdfium gives a page's text in one call and in reading order; per line only seven more calls are made, because each
call through ctypes costs about a microsecond and a page has thousands of characters.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2.raw as pdfium
from pypdfium2 import PdfTextPage

# pdfium's sign for a hyphen at a line's end; it has dropped the line break that stood behind it.
LINE_END_HYPHEN = "\ufffe"
_BOLD_WEIGHT = 600
_ITALIC, _FORCE_BOLD = 1 << 6, 1 << 18  # font descriptor flags, ISO 32000-1, table 123


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line. Lengths in points, y upwards from the page's lower edge.

    left, top: where the first character's base line begins; right, low: where the last one ends (they differ in
    height where a line-end hyphen has joined two lines). size: of the type in its middle,
    since bullets and initials are set in their own.
    """

    text: str
    left: float
    right: float
    top: float
    low: float
    size: float
    is_bold: bool
    is_italic: bool


def read_lines(page: PdfTextPage) -> Iterator[Line]:
    """The lines of a page in reading order; one that is hyphenated over a line's end comes as one."""
    text = page.get_text_range()
    same_index = len(text) == page.count_chars()
    reader = _CharacterReader(page)
    start = 0
    for raw in text.split("\r\n"):
        stripped = raw.strip()
        if stripped:
            first = start + len(raw) - len(raw.lstrip())
            last = first + len(stripped) - 1
            if not same_index:
                first = max(pdfium.FPDFText_GetCharIndexFromTextIndex(page.raw, first), 0)
                last = max(pdfium.FPDFText_GetCharIndexFromTextIndex(page.raw, last), 0)
            yield reader.line(stripped, first, last)
        start += len(raw) + 2


class _CharacterReader:
    """Asks pdfium for single characters, with one set of buffers for the whole page."""

    def __init__(self, page: PdfTextPage) -> None:
        self._page = page.raw
        self._x, self._y = ctypes.c_double(), ctypes.c_double()
        self._box, self._matrix = pdfium.FS_RECTF(), pdfium.FS_MATRIX()
        self._name = ctypes.create_string_buffer(128)
        self._flags = ctypes.c_int()

    def line(self, text: str, first: int, last: int) -> Line:
        pdfium.FPDFText_GetCharOrigin(self._page, first, self._x, self._y)
        left, top = self._x.value, self._y.value
        is_bold, is_italic = self._style(first)
        if is_bold or is_italic:
            also_bold, also_italic = self._style(last)
            is_bold, is_italic = is_bold and also_bold, is_italic and also_italic
        pdfium.FPDFText_GetCharOrigin(self._page, last, self._x, self._y)
        pdfium.FPDFText_GetLooseCharBox(self._page, last, self._box)
        right = max(self._box.right, self._x.value)
        return Line(
            text, left, right, top, self._y.value, self._size((first + last) // 2), is_bold, is_italic
        )

    def _size(self, index: int) -> float:
        """The font's size times the scale of its matrix: many files set everything at size 1 and scale it."""
        size: float = pdfium.FPDFText_GetFontSize(self._page, index)
        if pdfium.FPDFText_GetMatrix(self._page, index, self._matrix):
            size *= math.hypot(self._matrix.c, self._matrix.d)
        return max(size, 1.0)

    def _style(self, index: int) -> tuple[bool, bool]:
        """Bold by weight or, where the file does not say, by the font's name; italic likewise."""
        is_bold = pdfium.FPDFText_GetFontWeight(self._page, index) >= _BOLD_WEIGHT
        length = pdfium.FPDFText_GetFontInfo(self._page, index, self._name, 128, self._flags)
        name = self._name.value if 0 < length <= 128 else b""
        flags = self._flags.value if length else 0
        is_italic = bool(flags & _ITALIC) or b"Italic" in name or b"Oblique" in name
        return is_bold or b"Bold" in name or bool(flags & _FORCE_BOLD), is_italic
