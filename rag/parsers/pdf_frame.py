"""How a PDF page lies before its reader: rotation and crop box taken into account. Pure but for two calls to pdfium."""

from __future__ import annotations

from dataclasses import dataclass

import pypdfium2.raw as pdfium
from pypdfium2 import PdfPage

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PageFrame:
    """left, bottom: of the visible part in the file's own coordinates. width, height: in points, as shown.

    quarters: how often the page is turned clockwise by 90 degrees when it is shown.
    """

    left: float
    bottom: float
    width: float
    height: float
    quarters: int

    @classmethod
    def of(cls, page: PdfPage) -> PageFrame:
        """Of a page as pdfium shows it."""
        visible = pdfium.FS_RECTF()
        pdfium.FPDF_GetPageBoundingBox(page.raw, visible)
        quarters = max(pdfium.FPDFPage_GetRotation(page.raw), 0) % 4
        across, up = visible.right - visible.left, visible.top - visible.bottom
        width, height = (up, across) if quarters % 2 else (across, up)
        return cls(visible.left, visible.bottom, max(width, 1.0), max(height, 1.0), quarters)

    def shown(self, left: float, bottom: float, right: float, top: float) -> Box:
        """A rectangle of the file as (left, bottom, right, top) in points from the lower left corner as shown."""
        left, right = left - self.left, right - self.left
        bottom, top = bottom - self.bottom, top - self.bottom
        match self.quarters:
            case 0:
                return left, bottom, right, top
            case 1:
                return bottom, self.height - right, top, self.height - left
            case 2:
                return self.width - right, self.height - top, self.width - left, self.height - bottom
            case _:
                return self.width - top, left, self.width - bottom, right

    def direction(self, across: float, up: float) -> int:
        """Where text of this direction runs as shown: 0 to the right, 1 upwards, 2 to the left, 3 downwards."""
        match self.quarters:
            case 1:
                across, up = up, -across
            case 2:
                across, up = -across, -up
            case 3:
                across, up = -up, across
        if abs(across) >= abs(up):
            return 0 if across >= 0 else 2
        return 1 if up > 0 else 3

    def turned(self, box: Box, direction: int) -> Box:
        """A shown rectangle as a reader sees it who holds the page so that this direction runs to the right."""
        left, bottom, right, top = box
        match direction:
            case 0:
                return box
            case 1:
                return bottom, self.width - right, top, self.width - left
            case 2:
                return self.width - right, self.height - top, self.width - left, self.height - bottom
            case _:
                return self.height - top, left, self.height - bottom, right

    def shares(self, box: Box) -> Box:
        """A shown rectangle as `rag.documents.Anchor.box`."""
        left, bottom, right, top = box
        width, height = self.width, self.height
        left, right = left / width, right / width
        top, bottom = 1 - top / height, 1 - bottom / height
        if left >= 0 and top >= 0 and right <= 1 and bottom <= 1 and left <= right and top <= bottom:
            return left, top, right, bottom  # nearly always
        return _inside(left), _inside(top), _inside(right), _inside(bottom)


def _inside(share: float) -> float:
    return min(max(share, 0.0), 1.0)
