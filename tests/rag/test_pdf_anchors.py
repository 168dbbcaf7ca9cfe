"""Every printed line of a PDF is marked where it stands on the page as it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from rag.documents import Page, ParsedDocument
from rag.limits import ParsingLimits
from rag.parsers.page_writer import PageWriter, Piece
from rag.parsers.pdf import PdfParser

LIMITS = ParsingLimits()
WIDTH, HEIGHT = 400.0, 600.0
Box = tuple[float, float, float, float]


def _parse(path: Path) -> ParsedDocument:
    return PdfParser(LIMITS).parse(path)


def _canvas(path: Path, degrees: int = 0) -> Canvas:
    # reportlab swaps the sides of a page that is turned by a quarter.
    size = (HEIGHT, WIDTH) if degrees % 180 else (WIDTH, HEIGHT)
    canvas = Canvas(str(path), pagesize=size, invariant=1)
    canvas.setPageRotation(degrees)
    canvas.setFont("Helvetica", 20)
    return canvas


def _marked(page: Page) -> dict[str, Box]:
    return {page.text[anchor.start : anchor.end]: anchor.box for anchor in page.anchors if anchor.box}


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_line_of_a_turned_page_is_marked_where_the_reader_sees_it(degrees: int, tmp_path: Path) -> None:
    """A line of 20 points that begins at (40, 120) of a page of 400 × 600 points, turned clockwise."""
    canvas = _canvas(tmp_path / "a.pdf", degrees)
    words = "Ten past nine"
    canvas.drawString(40, 120, words)
    canvas.save()
    end = 40 + canvas.stringWidth(words, "Helvetica", 20)
    left, right, low, high = 40 / WIDTH, end / WIDTH, (120 - 5) / HEIGHT, (120 + 16) / HEIGHT
    expected = {
        0: (left, 1 - high, right, 1 - low),
        90: (low, left, high, right),
        180: (1 - right, low, 1 - left, high),
        270: (1 - high, 1 - right, 1 - low, 1 - left),
    }
    page = _parse(tmp_path / "a.pdf").pages[0]
    assert page.text == words
    assert _marked(page)[words] == pytest.approx(expected[degrees], abs=0.015)


def test_what_the_crop_box_hides_is_not_counted(tmp_path: Path) -> None:
    """Shares are of the visible part."""
    canvas = _canvas(tmp_path / "a.pdf")
    canvas.setCropBox((100, 300, 300, 500))
    canvas.drawString(100, 400, "Half way")
    canvas.save()
    left, _, _, bottom = _marked(_parse(tmp_path / "a.pdf").pages[0])["Half way"]
    assert abs(left) < 0.01
    assert 0.5 < bottom < 0.56


def test_lines_that_run_upwards_are_one_paragraph(tmp_path: Path) -> None:
    """A sheet printed sideways reads as if it were held the right way."""
    canvas = _canvas(tmp_path / "a.pdf")
    canvas.rotate(90)
    canvas.drawString(100, -100, "The hall is locked at ten in the")
    canvas.drawString(100, -124, "evening by the guard.")
    canvas.save()
    page = _parse(tmp_path / "a.pdf").pages[0]
    assert page.text == "The hall is locked at ten in the evening by the guard."
    boxes = list(_marked(page).values())
    assert all(bottom - top > 3 * (right - left) * WIDTH / HEIGHT for left, top, right, bottom in boxes)


def test_a_word_cut_at_a_lines_end_has_an_anchor_on_each_line(tmp_path: Path) -> None:
    """The text is whole again, and both halves are marked."""
    canvas = _canvas(tmp_path / "a.pdf")
    canvas.drawString(40, 400, "Please confirm the con-")
    canvas.drawString(40, 376, "firmation of the order")
    canvas.save()
    page = _parse(tmp_path / "a.pdf").pages[0]
    assert page.text == "Please confirm the confirmation of the order"
    (first, upper), (second, lower) = _marked(page).items()
    assert (first, second) == ("Please confirm the con", "firmation of the order")
    assert upper[3] <= lower[3] - 0.02
    assert abs(upper[0] - lower[0]) < 0.01


def test_anchors_cover_every_word_in_order(tmp_path: Path) -> None:
    """What lies between two anchors is white space, on all pages."""
    canvas = _canvas(tmp_path / "a.pdf")
    for number in range(1, 5):
        canvas.setFont("Helvetica", 9)
        canvas.drawString(40, 580, f"Handbook – page {number}")
        for line in range(30):
            canvas.drawString(
                40, 540 - 12 * line, f"Line {line}: “güte” – {'x' * (line * 7 % 30)} of {number}"
            )
        canvas.showPage()
    canvas.save()
    for page in _parse(tmp_path / "a.pdf").pages:
        rest, reached = "", 0
        for anchor in page.anchors:
            rest += page.text[reached : anchor.start]
            reached = anchor.end
        assert len(page.anchors) == 31
        assert not (rest + page.text[reached:]).strip()


def test_pieces_are_cleaned_one_by_one_and_empty_ones_leave_no_trace() -> None:
    """Offsets stay exact whatever cleaning takes away."""
    writer = PageWriter(LIMITS)
    box = (0.0, 0.0, 1.0, 1.0)
    pieces = [
        Piece("\u00ad \x00", box=box),
        Piece(" e\u0301t\u00e9  1\u200b ", "\n", box=box),
        Piece("\ufeff", box=box),
        Piece("2", " | ", "B2"),
    ]
    writer.add_pieces("paragraph", pieces)
    writer.add_pieces("paragraph", [Piece(" ")])
    page = writer.finish(1)
    assert page.text == "été 1 | 2"
    assert [(page.text[a.start : a.end], a.ref) for a in page.anchors] == [("été 1", ""), ("2", "B2")]
    assert len(page.blocks) == 1
