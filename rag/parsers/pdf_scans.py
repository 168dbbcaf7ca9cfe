"""Which pages of a PDF are pictures of text, and what a recogniser gets to see of them."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Sequence

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag.parsers.pdf_lines import Line
from rag.recognition import GreyImage

MAX_PIXELS = 25_000_000  # an A4 page at 500 dpi
_FEW_CHARS = 100  # a stamp, a page number
_MOST_OF_THE_PAGE = 0.5
_MAX_OBJECTS = 2_000
# What fonts without a Unicode table leave behind: private use, replacement and control characters.
_UNREADABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd]")
_MUCH = 0.3


def is_scan(page: pdfium.PdfPage, lines: Sequence[Line]) -> bool:
    """Whether the page's own text is missing, unreadable, or no more than a stamp on a picture."""
    text = "".join([line.text for line in lines])
    if not text:
        return not is_blank(page)
    if not text.isascii() and len(_UNREADABLE.findall(text)) > _MUCH * len(text):
        return True
    return len(text) < _FEW_CHARS and _largest_picture(page) > _MOST_OF_THE_PAGE


def is_blank(page: pdfium.PdfPage) -> bool:
    """Whether nothing at all is drawn on it."""
    return bool(raw.FPDFPage_CountObjects(page.raw) <= 0)


def _largest_picture(page: pdfium.PdfPage) -> float:
    """Its share of the page."""
    width, height = page.get_size()
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    largest = 0.0
    for index in range(min(raw.FPDFPage_CountObjects(page.raw), _MAX_OBJECTS)):
        found = raw.FPDFPage_GetObject(page.raw, index)
        if raw.FPDFPageObj_GetType(found) != raw.FPDF_PAGEOBJ_IMAGE:
            continue
        if raw.FPDFPageObj_GetBounds(found, left, bottom, right, top):
            area = max(right.value - left.value, 0) * max(top.value - bottom.value, 0)
            largest = max(largest, area / max(width * height, 1.0))
    return largest


def picture_of(page: pdfium.PdfPage, dpi: int) -> GreyImage:
    """The page in shades of grey; a large sheet is drawn less finely. PdfiumError where it cannot be drawn."""
    width, height = page.get_size()
    scale = min(dpi / 72, math.sqrt(MAX_PIXELS / max(width * height, 1.0)))
    bitmap = page.render(scale=scale, grayscale=True)
    try:
        content = memoryview(bitmap.buffer).cast("B")
        rows = [content[row * bitmap.stride :][: bitmap.width] for row in range(bitmap.height)]
        return GreyImage(bitmap.width, bitmap.height, b"".join(rows), round(scale * 72))
    finally:
        bitmap.close()
