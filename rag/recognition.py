"""Text recognition (OCR) as the parsers see it: a picture of a page goes in, lines with places and confidence come out.

Knows nothing of who recognises; reads the TSV that tesseract writes (tesseract(1), "Output").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Box = tuple[float, float, float, float]
_WORD_LEVEL = "5"
_COLUMNS = 12
_MAX_WORDS = 50_000  # of a page; what claims more is no page


@dataclass(frozen=True, slots=True)
class GreyImage:
    """Rows of one byte a pixel, without gaps; 0 is black. dpi: how many of them make an inch of paper."""

    width: int
    height: int
    pixels: bytes
    dpi: int

    def as_pgm(self) -> bytes:
        """Netpbm's "P5": the plainest format that every recogniser reads."""
        return f"P5\n{self.width} {self.height}\n255\n".encode() + self.pixels


@dataclass(frozen=True, slots=True)
class RecognisedLine:
    """A printed line. box: in shares of the picture, from its upper left corner."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    """Paragraphs of lines in reading order. confidence: mean of the words kept, by letters, 0 to 100."""

    paragraphs: tuple[tuple[RecognisedLine, ...], ...] = ()
    confidence: float = 0.0
    words_left_out: int = 0


class RecognitionFailed(Exception):
    """One picture could not be read; the sentence is for the document's notes."""


class Recogniser(Protocol):
    """Reads one picture after another. max_pages: how many of one document it is willing to read."""

    @property
    def dpi(self) -> int: ...

    @property
    def max_pages(self) -> int: ...

    @property
    def warning(self) -> str:
        """What the owner of a recognised document should know, such as missing languages; or empty."""

    def read(self, image: GreyImage) -> RecognisedPage:
        """Raises RecognitionFailed."""


def read_tsv(tsv: str, image: GreyImage, min_confidence: float) -> RecognisedPage:
    """tesseract's words as lines and paragraphs; words below min_confidence (0 to 100) are left out.

    Rows that are not what they should be are passed over: the program that wrote them met a stranger's picture.
    """
    paragraphs: dict[tuple[str, str], dict[str, list[tuple[str, Box]]]] = {}
    letters = left_out = 0
    weighed = 0.0
    for row in tsv.split("\n", _MAX_WORDS)[1:]:
        cells = row.split("\t", _COLUMNS - 1)
        if len(cells) < _COLUMNS or cells[0] != _WORD_LEVEL or not cells[-1].strip():
            continue
        try:
            left, top, width, height = (int(cell) for cell in cells[6:10])
            confidence = float(cells[10])
        except ValueError:
            continue
        if not math.isfinite(confidence) or confidence < min_confidence:
            left_out += 1
            continue
        word = cells[-1].strip()
        letters += len(word)
        weighed += len(word) * min(confidence, 100.0)
        lines = paragraphs.setdefault((cells[2], cells[3]), {})
        lines.setdefault(cells[4], []).append((word, (left, top, left + width, top + height)))
    read = [tuple([_line(words, image) for words in lines.values()]) for lines in paragraphs.values()]
    return RecognisedPage(tuple(read), weighed / letters if letters else 0.0, left_out)


def _line(words: Sequence[tuple[str, Box]], image: GreyImage) -> RecognisedLine:
    left, top = min(box[0] for _, box in words), min(box[1] for _, box in words)
    right, bottom = max(box[2] for _, box in words), max(box[3] for _, box in words)
    shares = (left / image.width, top / image.height, right / image.width, bottom / image.height)
    box = (_share(shares[0]), _share(shares[1]), _share(shares[2]), _share(shares[3]))
    return RecognisedLine(" ".join([word for word, _ in words]), box)


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0)
