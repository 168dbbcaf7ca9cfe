"""A page of a PDF as a picture, by pdfium; annotations and filled forms are drawn, scripts are not run."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from rag.errors import DocumentDamaged, DocumentEncrypted, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.rendering.order import PageOrder
from rag.rendering.pixels import BYTES_PER_PIXEL, MAX_PIXELS, Picture

_ENCRYPTED = frozenset({raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY})


class PdfRenderer:
    """Renders in the child of one picture; nothing is kept between two."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def render(self, path: Path, order: PageOrder) -> bytes:
        """A PNG. Raises a DocumentRefused, DocumentDamaged for a page that is not there or cannot be drawn."""
        try:
            document = pdfium.PdfDocument(path)
        except pdfium.PdfiumError as error:
            if getattr(error, "err_code", None) in _ENCRYPTED:
                raise DocumentEncrypted from error
            raise DocumentDamaged from error
        try:
            if not 1 <= order.number <= min(len(document), self._limits.max_pages):
                raise DocumentDamaged(f"It has no page {order.number}.")
            if document.get_formtype() != raw.FORMTYPE_NONE:
                document.init_forms()
            picture = _draw(document, order)
        except pdfium.PdfiumError as error:
            raise DocumentDamaged(f"Page {order.number} cannot be drawn.") from error
        finally:
            document.close()
        picture.mark(order.marks)
        return picture.as_png()


def _draw(document: pdfium.PdfDocument, order: PageOrder) -> Picture:
    page = document[order.number - 1]
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        raise DocumentDamaged(f"Page {order.number} has no size.")
    scale = min(order.width_px / width, (MAX_PIXELS / (width * height)) ** 0.5)
    if min(width, height) * scale < 1:
        raise DocumentTooLarge(f"Page {order.number} is too long and thin to be shown.")
    bitmap = page.render(scale=scale, rev_byteorder=True, force_bitmap_format=raw.FPDFBitmap_BGR)
    try:
        return _picture(bitmap)
    finally:
        bitmap.close()
        page.close()


def _picture(bitmap: pdfium.PdfBitmap) -> Picture:
    """Without the gap that pdfium leaves at the end of each row."""
    content = memoryview(
        ctypes.cast(bitmap.buffer, ctypes.POINTER(ctypes.c_ubyte * len(bitmap.buffer))).contents
    )
    used = bitmap.width * BYTES_PER_PIXEL
    if bitmap.stride == used:
        return Picture(bitmap.width, bitmap.height, bytearray(content))
    pixels = bytearray()
    for row in range(bitmap.height):
        pixels += content[row * bitmap.stride : row * bitmap.stride + used]
    return Picture(bitmap.width, bitmap.height, pixels)
