"""What was recognised on a picture, as lines and blocks like those of a printed page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from rag.parsers.pdf_layout import LIST_ITEM, Paragraph, Words, separators
from rag.parsers.pdf_lines import LINE_END_HYPHEN, Line
from rag.recognition import GreyImage, RecognisedLine, RecognisedPage

_HEADING_SCALE = 1.5
_LARGE_HEADING_SCALE = 2.2
_MAX_HEADING_CHARS = 100
_HYPHENS = ("-", "\u2010", "\u00ad", "\u2014")


def lines_of(page: RecognisedPage, image: GreyImage) -> list[list[Line]]:
    """Paragraphs and list items as lines, lengths in pixels; hyphens at their ends as pdfium has them."""
    found: list[list[Line]] = []
    for paragraph in page.paragraphs:
        begun = False
        for line, following in zip(paragraph, (*paragraph[1:], None), strict=True):
            if not begun or LIST_ITEM.match(line.text):
                found.append([])
                begun = True
            found[-1].append(_line(line, following, image))
    return found


def _line(line: RecognisedLine, following: RecognisedLine | None, image: GreyImage) -> Line:
    text = line.text
    if len(text) > 2 and text.endswith(_HYPHENS) and text[-2].isalpha() and following is not None:
        text = text[:-1] + (LINE_END_HYPHEN if following.text[:1].islower() else text[-1])
    left, top, right, bottom = line.box
    height = (1 - bottom) * image.height
    size = max((bottom - top) * image.height, 1.0)
    left, right = left * image.width, right * image.width
    return Line(text, left, right, height, height, size, False, False, 0, (line.box,))


def paragraphs_of(read: Sequence[Sequence[Line]], words: Words) -> Iterator[Paragraph]:
    """Blocks; a single line much higher than the page's others is a heading."""
    heights = [line.size for paragraph in read for line in paragraph]
    usual = median(heights) if heights else 1.0
    for paragraph in read:
        pieces = words.pieces(paragraph, separators(paragraph))
        scale = paragraph[0].size / usual
        is_heading = (
            len(paragraph) == 1
            and scale >= _HEADING_SCALE
            and 3 < len(paragraph[0].text) <= _MAX_HEADING_CHARS
            and any(character.isalpha() for character in paragraph[0].text)
        )
        if is_heading:
            yield Paragraph("heading", pieces, 1 if scale >= _LARGE_HEADING_SCALE else 2)
        else:
            yield Paragraph("list_item" if LIST_ITEM.match(paragraph[0].text) else "paragraph", pieces)
