"""Filled forms, comments and attachments of a PDF are read too; its scripts are not run."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
from reportlab.lib.colors import yellow
from reportlab.pdfgen.canvas import Canvas

from rag.limits import ParsingLimits
from rag.parsers.pdf import PdfParser

LIMITS = ParsingLimits()


def _canvas(path: Path) -> Canvas:
    canvas = Canvas(str(path), pagesize=(400, 600), invariant=1)
    canvas.drawString(40, 560, "Application for leave")
    return canvas


def test_what_was_filled_into_a_form_is_text(tmp_path: Path) -> None:
    """With the field's description and its place; empty and unticked fields, and passwords, are left out."""
    canvas = _canvas(tmp_path / "form.pdf")
    form = canvas.acroForm
    form.textfield(name="who", tooltip="Name", value="Ángel Núñez", x=100, y=300, width=200, height=20)
    form.textfield(name="empty", value="", x=100, y=260, width=200, height=20)
    form.textfield(name="pin", value="4711", fieldFlags="password", x=100, y=220, width=200, height=20)
    form.checkbox(name="paid", tooltip="Paid leave", checked=True, x=100, y=180, size=20)
    form.checkbox(name="unpaid", tooltip="Unpaid leave", checked=False, x=100, y=140, size=20)
    form.choice(
        name="days", tooltip="Days", value="ten", options=["five", "ten"], x=100, y=100, width=80, height=20
    )
    canvas.save()
    page = PdfParser(LIMITS).parse(tmp_path / "form.pdf").pages[0]
    text = page.text.split("\n\n")
    assert text == ["Application for leave", "Name: Ángel Núñez\nPaid leave: ☒\nDays: ten"]
    boxes = {page.text[anchor.start : anchor.end]: anchor.box for anchor in page.anchors}
    assert boxes["Name: Ángel Núñez"] == pytest.approx((0.25, 280 / 600, 0.75, 300 / 600), abs=0.01)


def test_comments_are_read_with_their_place(tmp_path: Path) -> None:
    """A note that a colleague left on the page can be found and cited."""
    canvas = _canvas(tmp_path / "a.pdf")
    canvas.highlightAnnotation(
        "Ask the works council first",
        (100, 300, 200, 320),
        Color=[1, 1, 0],
        QuadPoints=[100, 320, 200, 320, 100, 300, 200, 300],
    )
    canvas.setFillColor(yellow)
    canvas.save()
    page = PdfParser(LIMITS).parse(tmp_path / "a.pdf").pages[0]
    assert page.text == "Application for leave\n\nAsk the works council first"
    assert page.anchors[-1].box == pytest.approx((0.25, 280 / 600, 0.5, 0.5), abs=0.01)


def test_files_inside_of_a_pdf_become_documents_of_their_own(tmp_path: Path) -> None:
    """They are named in the notes; a cover without words is no reason to refuse what it carries."""
    document = pypdfium2.PdfDocument.new()
    document.new_page(400, 600)
    document.new_attachment("prices.csv").set_data(b"a,b\n1,2\n")
    document.save(tmp_path / "portfolio.pdf")
    document.close()
    read = PdfParser(LIMITS).parse(tmp_path / "portfolio.pdf")
    assert [(child.name, child.content) for child in read.children] == [("prices.csv", b"a,b\n1,2\n")]
    assert "It carries the attachment prices.csv." in read.notes


def test_attachments_beyond_the_limit_are_named_and_left_out(tmp_path: Path) -> None:
    """Inside of a PDF the same limits hold as inside of an archive."""
    document = pypdfium2.PdfDocument.new()
    document.new_page(400, 600)
    document.new_attachment("small.txt").set_data(b"small")
    document.new_attachment("large.bin").set_data(bytes(10_000))
    document.save(tmp_path / "a.pdf")
    document.close()
    read = PdfParser(ParsingLimits(max_inflated_bytes=1000)).parse(tmp_path / "a.pdf")
    assert [child.name for child in read.children] == ["small.txt"]
    assert any("large.bin" in note for note in read.notes)


def test_the_pdf_library_has_no_interpreter_for_scripts() -> None:
    """JavaScript of a document cannot be run by what is not there."""
    assert not {"V8", "XFA"} & set(pypdfium2.PDFIUM_INFO.flags)
