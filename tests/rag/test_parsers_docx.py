"""Word documents: what stands beside the text, and where each paragraph and row stands; every file is made here."""

from __future__ import annotations

from pathlib import Path

import pytest
from docx import Document
from docx.document import Document as DocxDocument
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from rag.chunking import split
from rag.documents import Page, locate
from rag.limits import ParsingLimits
from rag.parsers.docx import DocxParser
from rag.settings import ChunkingSettings
from tests.documents import docx_with

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@pytest.fixture
def word() -> DocxDocument:
    """An empty document to be filled."""
    return Document()


def _page(document: DocxDocument, path: Path) -> Page:
    document.save(str(path))
    (page,) = DocxParser(ParsingLimits()).parse(path).pages
    return page


def _refs(page: Page) -> list[tuple[str, str]]:
    return [(anchor.ref, page.text[anchor.start : anchor.end]) for anchor in page.anchors]


def test_paragraphs_and_rows_of_a_word_document_are_counted(word: DocxDocument, tmp_path: Path) -> None:
    """Empty paragraphs do not count, headings do; rows are counted in their table."""
    word.add_heading("Leave", 1)
    word.add_paragraph("")
    word.add_paragraph("Everybody has 23 days.")
    table = word.add_table(rows=2, cols=2)
    for row, texts in zip(table.rows, (("Years", "Days"), ("5", "2")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    word.add_paragraph("Ask early.")
    assert _refs(_page(word, tmp_path / "a.docx")) == [
        ("¶ 1", "Leave"),
        ("¶ 2", "Everybody has 23 days."),
        ("table 1, row 1", "Years | Days"),
        ("table 1, row 2", "5 | 2"),
        ("¶ 3", "Ask early."),
    ]


def test_a_passage_of_a_word_document_says_heading_and_paragraph(word: DocxDocument, tmp_path: Path) -> None:
    """What a citation shows of a format without pages."""
    word.add_heading("Leave", 1)
    word.add_paragraph("Everybody has 23 days.")
    path = tmp_path / "a.docx"
    page = _page(word, path)
    (chunk,) = split(DocxParser(ParsingLimits()).parse(path), ChunkingSettings())
    place = locate(page.unit, chunk.page, page.label, chunk.ref, chunk.headings)
    assert (place.page, place.heading, place.ref) == (None, "Leave", "¶ 1 – ¶ 2")


def test_headers_footers_and_comments_stand_once_each(word: DocxDocument, tmp_path: Path) -> None:
    """A comment says who wrote it and which paragraph it is about; a header of all sections is written once."""
    word.sections[0].header.paragraphs[0].text = "Confidential"
    word.sections[0].footer.paragraphs[0].text = "Acme Ltd"
    word.add_paragraph("First.")
    second = word.add_paragraph("Second.")
    word.add_section()
    word.add_comment(second.runs, text="Is this right?", author="Ana", initials="A")
    assert _refs(_page(word, tmp_path / "a.docx")) == [
        ("header", "Confidential"),
        ("¶ 1", "First."),
        ("¶ 2", "Second."),
        ("footer", "Acme Ltd"),
        ("comment, ¶ 2", "[Ana] Is this right?"),
    ]


def test_rows_marked_as_heading_and_first_rows_set_apart_are_headers(
    word: DocxDocument, tmp_path: Path
) -> None:
    """Two marked rows are a header of two; a table without any mark or look has none."""
    marked, plain = word.add_table(rows=3, cols=2), word.add_table(rows=2, cols=2)
    for number, table in enumerate((marked, plain)):
        for row, line in enumerate(table.rows):
            for column, cell in enumerate(line.cells):
                cell.text = f"t{number}r{row}c{column}"
    for row in marked.rows[:2]:
        row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    plain._tbl.tblPr.find(qn("w:tblLook")).set(qn("w:firstRow"), "0")
    assert [block.level for block in _page(word, tmp_path / "a.docx").blocks] == [2, 0]


def test_a_cell_merged_over_rows_is_said_in_each(word: DocxDocument, tmp_path: Path) -> None:
    """The last row of a region still names it."""
    table = word.add_table(rows=2, cols=2)
    table.cell(0, 1).text, table.cell(1, 1).text = "Oslo", "Bergen"
    table.cell(0, 0).merge(table.cell(1, 0)).text = "North"
    assert _page(word, tmp_path / "a.docx").text == "North | Oslo\nNorth | Bergen"


def test_text_boxes_and_notes_below_the_line_are_read(tmp_path: Path) -> None:
    """A box stands behind the paragraph it hangs on; footnotes and endnotes are counted each."""
    body = (
        "<w:p><w:r><w:t>Outside</w:t></w:r><w:r><w:txbxContent><w:p><w:r><w:t>Inside</w:t></w:r></w:p>"
        "</w:txbxContent></w:r></w:p><w:p><w:r><w:t>After</w:t></w:r></w:p>"
    )
    relations = "".join(
        f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}s" Target="{kind}s.xml"/>'
        for number, kind in enumerate(("footnote", "endnote"))
    )
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    parts = {
        "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}">{relations}</Relationships>',
    }
    for kind in ("footnote", "endnote"):
        notes = "".join(
            f"<w:{kind} {mark}><w:p><w:r><w:t>{kind} text</w:t></w:r></w:p></w:{kind}>"
            for mark in ('w:type="separator"', 'w:id="2"')
        )
        parts[f"word/{kind}s.xml"] = f'<w:{kind}s xmlns:w="{WORD}">{notes}</w:{kind}s>'
    path = docx_with(tmp_path / "a.docx", {name: text.encode() for name, text in parts.items()})
    (page,) = DocxParser(ParsingLimits()).parse(path).pages
    assert _refs(page) == [
        ("¶ 1", "Outside"),
        ("¶ 1", "Inside"),
        ("¶ 2", "After"),
        ("footnote 1", "footnote text"),
        ("endnote 1", "endnote text"),
    ]
