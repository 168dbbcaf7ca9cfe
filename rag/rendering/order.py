"""What a picture of a page is to show; plain values, so that it travels as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MIN_WIDTH_PX, MAX_WIDTH_PX = 100, 2000
MAX_MARKS = 200

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PageOrder:
    """number: 1-based; width_px: of the picture. marks: (left, top, right, bottom) in shares of the page."""

    number: int
    width_px: int
    marks: tuple[Box, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the forkserver's control socket; a mark is exact to a ten-thousandth of the page."""
        marks = [[round(share, 4) for share in mark] for mark in self.marks[:MAX_MARKS]]
        return {"number": self.number, "width_px": self.width_px, "marks": marks}

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> PageOrder:
        """The other end of it."""
        return cls(told["number"], told["width_px"], tuple(_box(mark) for mark in told["marks"]))


def _box(told: Sequence[float]) -> Box:
    left, top, right, bottom = told
    return left, top, right, bottom
