"""Rows of a table stay together, columns of prose come one after the other, and lists stay lists."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from rag.documents import Page
from rag.limits import ParsingLimits
from rag.parsers.pdf import PdfParser


def _page(path: Path, placed: Iterable[tuple[float, float, str]]) -> Page:
    """Each piece of text at (x, y), in this order in the file."""
    canvas = Canvas(str(path), pagesize=(500, 700), invariant=1)
    canvas.setFont("Helvetica", 10)
    for x, y, text in placed:
        canvas.drawString(x, y, text)
    canvas.save()
    return PdfParser(ParsingLimits()).parse(path).pages[0]


def _tables(page: Page) -> list[list[str]]:
    return [page.text[b.start : b.end].split("\n") for b in page.blocks if b.kind == "table"]


def test_rows_without_any_ruling_become_a_table(tmp_path: Path) -> None:
    """Each cell is marked where it stands; what stands above and below is no part of it."""
    rows = [("Hall", "Scale", "Limit"), ("North", "Mettler 3", "600 kg"), ("South", "", "1.500 kg")]
    rows += [("East", "Bizerba", "80 kg")]
    placed = [(50.0, 650.0, "The scales of the house and what they may carry at most:")]
    for number, row in enumerate(rows):
        placed += [
            (x, 620.0 - 15 * number, cell) for x, cell in zip((50, 180, 300), row, strict=True) if cell
        ]
    placed.append((50.0, 540.0, "Whoever weighs more than that is asked to tell the office."))
    page = _page(tmp_path / "a.pdf", placed)
    assert _tables(page) == [
        ["Hall | Scale | Limit", "North | Mettler 3 | 600 kg", "South | | 1.500 kg", "East | Bizerba | 80 kg"]
    ]
    assert [block.kind for block in page.blocks] == ["paragraph", "table", "paragraph"]
    boxes = {page.text[anchor.start : anchor.end]: anchor.box for anchor in page.anchors}
    left, top, right, bottom = boxes["1.500 kg"] or (0, 0, 0, 0)
    assert 0.59 < left < 0.61 < right < 0.7
    assert top < 1 - 590 / 700 < bottom


def test_a_cell_over_two_lines_stays_one_cell(tmp_path: Path) -> None:
    """What is wrapped within its column belongs to the row above."""
    placed = [
        (50.0, 600.0, "Code"), (150.0, 600.0, "Meaning"), (350.0, 600.0, "Days"),
        (50.0, 580.0, "A1"), (150.0, 580.0, "Leave that was"), (350.0, 580.0, "12"),
        (150.0, 569.0, "not taken"),
        (50.0, 550.0, "B2"), (150.0, 550.0, "Illness"), (350.0, 550.0, "3"),
    ]  # fmt: skip
    assert _tables(_page(tmp_path / "a.pdf", placed)) == [
        ["Code | Meaning | Days", "A1 | Leave that was not taken | 12", "B2 | Illness | 3"]
    ]


def test_columns_that_a_file_writes_line_by_line_are_read_one_after_the_other(tmp_path: Path) -> None:
    """A sentence is not cut by its neighbour."""
    left = [f"The left column tells of the harbour in line {n}" for n in range(8)]
    right = [f"while the right one is about the railway, {n}" for n in range(8)]
    placed = []
    for number, (one, other) in enumerate(zip(left, right, strict=True)):
        placed += [(30.0, 650.0 - 12 * number, one), (270.0, 650.0 - 12 * number, other)]
    page = _page(tmp_path / "a.pdf", placed)
    assert " ".join(page.text.split()) == " ".join([*left, *right])
    assert _tables(page) == []


def test_numbered_items_are_no_table(tmp_path: Path) -> None:
    """However wide the blank behind their numbers is."""
    placed = []
    for number, text in enumerate(("Lock the gate", "Switch off the lamp", "Hand in the key"), start=1):
        placed += [(50.0, 650.0 - 14 * number, f"{number}."), (90.0, 650.0 - 14 * number, text)]
    page = _page(tmp_path / "a.pdf", placed)
    assert [block.kind for block in page.blocks] == ["list_item"] * 3
    assert page.text.split("\n")[0] == "1. Lock the gate"
