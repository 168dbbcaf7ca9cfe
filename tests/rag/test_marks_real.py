"""Real documents: what is quoted stands on the page it is said to be on, and the mark lies over those very words.

The judge is pdfium's own text of the page and of the inside of the boxes, which has not gone through our parser.
"""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest

from rag.anchors import boxes
from rag.citations import find_quote
from rag.documents import Page
from rag.limits import ParsingLimits
from rag.parsers.pdf import PdfParser
from rag.sentences import split_sentences

HANDBOOK = "pdf/derived__chapter13-trustee-handbook-125p.pdf"


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _under_the_mark(document: pdfium.PdfDocument, page: Page, start: int, end: int) -> str:
    assert page.number is not None
    seen = document[page.number - 1]
    text = seen.get_textpage()
    found = ""
    for left, top, right, bottom in boxes(page.anchors, start, end, page.text):
        x0, y0 = _on_page(seen, left, bottom)
        x1, y1 = _on_page(seen, right, top)
        found += text.get_text_bounded(min(x0, x1) - 1, min(y0, y1), max(x0, x1) + 1, max(y0, y1))
    return _squeezed(found)


def _on_page(page: pdfium.PdfPage, across: float, down: float) -> tuple[float, float]:
    size = 100_000
    x, y = raw.ctypes.c_double(), raw.ctypes.c_double()
    raw.FPDF_DeviceToPage(page, 0, 0, size, size, 0, round(across * size), round(down * size), x, y)
    return x.value, y.value


def test_the_answers_of_the_questions_are_marked_on_their_pages(test_data: Path) -> None:
    """Each gold quote is found on its page, and lies under its mark."""
    rows = [json.loads(line) for line in (test_data / "docs" / "questions.jsonl").read_text().splitlines()]
    wanted = [row for row in rows if row["file"] == HANDBOOK]
    path = test_data / "docs" / HANDBOOK
    document, pages = pdfium.PdfDocument(path), PdfParser(ParsingLimits()).parse(path).pages

    for row in wanted:
        page = pages[row["page"] - 1]
        span = find_quote(row["quote"], page.text)
        assert span is not None, row["quote"]
        inner = _squeezed(row["quote"])[3:-3]  # marks are good to a few letters
        assert inner in _under_the_mark(document, page, *span), row["quote"]
    assert len(wanted) >= 8


@pytest.mark.parametrize(
    "name",
    [
        "docling__multi_page.pdf",
        "docling__amt_handbook_sample.pdf",
        "pdfjs__rotated.pdf",
        "sample-files__pdflatex-4-pages.pdf",
        "unstructured__fake-memo.pdf",
    ],
)
def test_every_sentence_lies_under_its_mark(test_data: Path, name: str) -> None:
    """Columns, rotated pages, words parted at line ends."""
    path = test_data / "docs" / "pdf" / name
    document, pages = pdfium.PdfDocument(path), PdfParser(ParsingLimits()).parse(path).pages

    for page in pages:
        for start, end in split_sentences(page.text, 0, len(page.text)):
            quote, seen = _squeezed(page.text[start:end]), _under_the_mark(document, page, start, end)
            alike = SequenceMatcher(None, quote, seen, autojunk=False).ratio()
            assert len(quote) < 25 or quote in seen or alike >= 0.85, (page.number, page.text[start:end])
