"""Presentations: a page a slide, with everything on it that is text; every file is made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.parsers.pptx import PptxParser
from tests.documents import zipped
from tests.office_documents import SPACES, pptx, relationships, shape

LIMITS = ParsingLimits()
TABLE = (
    '<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tblPr firstRow="1"/>'
    "<a:tr><a:tc><a:txBody><a:p><a:r><a:t>City</a:t></a:r></a:p></a:txBody></a:tc>"
    "<a:tc><a:txBody><a:p><a:r><a:t>Units</a:t></a:r></a:p></a:txBody></a:tc></a:tr>"
    "<a:tr><a:tc><a:txBody><a:p><a:r><a:t>Oslo</a:t></a:r></a:p></a:txBody></a:tc>"
    "<a:tc><a:txBody><a:p><a:r><a:t>3</a:t></a:r></a:p></a:txBody></a:tc></a:tr>"
    "</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
)
CHART_FRAME = '<p:graphicFrame><a:graphic><c:chart r:id="rId7"/></a:graphic></p:graphicFrame>'
CHART = (
    f"<c:chartSpace {SPACES}><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich></c:tx>"
    "</c:title><c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:strCache><c:pt idx='0'><c:v>North</c:v></c:pt>"
    "</c:strCache></c:strRef></c:tx><c:cat><c:strRef><c:strCache><c:pt idx='0'><c:v>Q1</c:v></c:pt>"
    "<c:pt idx='1'><c:v>Q2</c:v></c:pt></c:strCache></c:strRef></c:cat><c:val><c:numRef><c:numCache>"
    "<c:formatCode>0%</c:formatCode><c:pt idx='0'><c:v>0.25</c:v></c:pt><c:pt idx='1'><c:v>0.5</c:v></c:pt>"
    "</c:numCache></c:numRef></c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>"
)


def _read(path: Path) -> ParsedDocument:
    return PptxParser(LIMITS).parse(path)


def _blocks_of(page: Page) -> list[tuple[str, str]]:
    return [(block.kind, page.text[block.start : block.end]) for block in page.blocks]


def test_each_slide_is_a_page_with_its_title_first(tmp_path: Path) -> None:
    """Slides are counted from one; the title names the slide wherever it stands in the file."""
    slides = [shape("Be kind\nBe quick", "body") + shape("Our rules", "title"), shape("Thanks", "ctrTitle")]
    document = _read(pptx(tmp_path / "a.pptx", slides))
    first, second = document.pages
    assert document.title == "Our rules"
    assert (first.number, first.unit, first.label) == (1, "slide", "Our rules")
    assert (second.number, second.unit, second.label) == (2, "slide", "Thanks")
    assert _blocks_of(first) == [
        ("heading", "Our rules"),
        ("list_item", "Be kind"),
        ("list_item", "Be quick"),
    ]


def test_tables_groups_and_charts_of_a_slide_are_read_and_its_furniture_is_not(tmp_path: Path) -> None:
    """The numbers behind a chart are a table in the chart's own format; page numbers and dates are no text."""
    grouped = f"<p:grpSp><p:grpSp>{shape('Deep inside')}</p:grpSp></p:grpSp>"
    furniture = shape("7", "sldNum") + shape("1 May", "dt")
    added = {
        "ppt/slides/_rels/slide1.xml.rels": relationships({"rId7": ("chart", "../charts/chart1.xml")}),
        "ppt/charts/chart1.xml": CHART.encode(),
    }
    (page,) = _read(pptx(tmp_path / "a.pptx", [grouped + TABLE + CHART_FRAME + furniture], added)).pages
    assert _blocks_of(page) == [
        ("paragraph", "Deep inside"),
        ("table", "City | Units\nOslo | 3"),
        ("paragraph", "Sales"),
        ("table", "| North\nQ1 | 25%\nQ2 | 50%"),
    ]
    assert page.blocks[1].level == 1


def test_what_the_speaker_wrote_is_read_with_its_slide(tmp_path: Path) -> None:
    """Notes say that they are notes."""
    added = {
        "ppt/slides/_rels/slide1.xml.rels": relationships(
            {"rId1": ("notesSlide", "../notesSlides/notesSlide1.xml")}
        ),
        "ppt/notesSlides/notesSlide1.xml": (
            f"<p:notes {SPACES}><p:cSld><p:spTree>{shape('Say hello', 'body')}{shape('1', 'sldNum')}"
            "</p:spTree></p:cSld></p:notes>"
        ).encode(),
    }
    (page,) = _read(pptx(tmp_path / "a.pptx", [shape("Hi", "title")], added)).pages
    assert page.text == "Hi\n\nSay hello"
    assert [(page.text[anchor.start : anchor.end], anchor.ref) for anchor in page.anchors] == [
        ("Say hello", "notes")
    ]


def test_a_broken_slide_does_not_cost_the_others(tmp_path: Path) -> None:
    """Its number stays, and the owner is told; so is an empty one."""
    added = {"ppt/slides/slide2.xml": b"not xml"}
    document = _read(pptx(tmp_path / "a.pptx", [shape("One"), "", "<p:pic/>"], added))
    assert [(page.number, page.text) for page in document.pages] == [(1, "One"), (2, ""), (3, "")]
    assert document.notes == (
        "Slide 2 is damaged and was left out.",
        "Slide 3 has no text of its own; pictures are not read.",
    )


def test_a_presentation_without_a_list_of_slides_is_read_by_their_numbers(tmp_path: Path) -> None:
    """Ten comes behind two."""
    slides = [shape(f"Slide {number}") for number in range(1, 11)]
    document = _read(pptx(tmp_path / "a.pptx", slides, {"ppt/presentation.xml": b""}))
    assert [page.text for page in document.pages] == [f"Slide {number}" for number in range(1, 11)]


def test_parts_elsewhere_are_not_followed(tmp_path: Path) -> None:
    """A chart by address is no chart."""
    links = relationships({"rId7": ("chart", "http://127.0.0.1:9/chart1.xml")}, mode="External")
    path = pptx(
        tmp_path / "a.pptx", [shape("Only") + CHART_FRAME], {"ppt/slides/_rels/slide1.xml.rels": links}
    )
    assert _read(path).pages[0].text == "Only"


def test_presentations_beyond_the_limits_and_without_text_are_refused(tmp_path: Path) -> None:
    """The sentence names both numbers; pictures alone are no text."""
    path = pptx(tmp_path / "a.pptx", [shape("a"), shape("b")])
    with pytest.raises(DocumentTooLarge, match="2 slides; 1 are allowed"):
        PptxParser(ParsingLimits(max_pages=1)).parse(path)
    with pytest.raises(DocumentEmpty):
        _read(pptx(tmp_path / "b.pptx", ["<p:pic/>"]))
    with pytest.raises(DocumentEmpty):
        _read(zipped(tmp_path / "c.pptx", {"[Content_Types].xml": b"", "ppt/x.xml": b""}))
    with pytest.raises(DocumentDamaged):
        _read(_cut(path))


def _cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:300])
    return path
