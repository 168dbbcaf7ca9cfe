"""Rich Text, OpenDocument, e-books, old Office files and source code: what single formats need beyond the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.documents import Page, ParsedDocument
from rag.errors import (
    DocumentDamaged,
    DocumentDangerous,
    DocumentEncrypted,
    DocumentTooLarge,
    UnsupportedFormat,
)
from rag.limits import ParsingLimits
from rag.parsers.doc import DocParser
from rag.parsers.epub import EpubParser
from rag.parsers.odp import OdpParser
from rag.parsers.ods import OdsParser
from rag.parsers.odt import OdtParser
from rag.parsers.plain_text import PlainTextParser
from rag.parsers.ppt import PptParser
from rag.parsers.rtf import RtfParser
from rag.parsers.source_code import SourceCodeParser
from tests.ole_documents import ROW_END, WordParagraph, cell, doc, ppt
from tests.open_documents import encrypted_manifest, epub, open_document, rtf, rtf_text, sheet, slide

LIMITS = ParsingLimits()


def _blocks(document: ParsedDocument) -> list[tuple[str, str]]:
    (page,) = document.pages
    return _of(page)


def _of(page: Page) -> list[tuple[str, str]]:
    return [(block.kind, page.text[block.start : block.end]) for block in page.blocks]


def _refs(page: Page) -> list[tuple[str, str]]:
    return [(anchor.ref, page.text[anchor.start : anchor.end]) for anchor in page.anchors]


def test_rich_text_keeps_headings_lists_and_tables(tmp_path: Path) -> None:
    """By style or outline level; cells of a row are joined by bars, a bullet is no part of the words."""
    body = r"\pard\s1 Scales\par\pard\outlinelevel1 Limits\par\pard One \b bold\b0  word.\par"
    body += r"{\listtext\'95\tab}first\par{\listtext 2.\tab}second\par"
    body += r"\trowd\intbl Hall\cell Limit\cell\row\trowd\intbl 2\cell 600 kg\cell\row\pard After.\par"
    document = RtfParser(LIMITS).parse(rtf(tmp_path / "x", body))
    assert _blocks(document) == [
        ("heading", "Scales"),
        ("heading", "Limits"),
        ("paragraph", "One bold word."),
        ("list_item", "first"),
        ("list_item", "2. second"),
        ("table", "Hall | Limit\n2 | 600 kg"),
        ("paragraph", "After."),
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"caf\'e9 \ldblquote x\rdblquote\emdash", "café “x”—"),
        (r"{\f1 \'cf\'f0\'e8\'e2\'e5\'f2} ok", "Привет ok"),
        (r"{\f2 \'93\'fa\'96\'7b}", "日本"),
        (r"\u8364? \u-10179?\u-8704?", "€ 😀"),
        (r"{\uc2 \u241\'c3\'b1o} {\uc0 \u241o}", "ño ño"),
        (rtf_text("Ángel, 日本語, Привет"), "Ángel, 日本語, Привет"),
        (r"a\~b \_ c\{d\}\\", "a b ‑ c{d}\\"),
        (r"shown{\v hidden} {\*\unknown hidden}{\pict 89504e47}shown", "shown shown"),
        (r"see {\field{\*\fldinst HYPERLINK x}{\fldrslt the page}}", "see the page"),
        (r"a{\bin4 }}}}b", None),
    ],
)
def test_rich_text_writes_characters_in_many_ways(body: str, text: str | None, tmp_path: Path) -> None:
    """Code pages by font, Unicode with and without a stand-in, fields by their result."""
    document = RtfParser(LIMITS).parse(rtf(tmp_path / "x", rf"\pard {body}\par"))
    assert text is None or document.pages[0].text == text


def test_notes_headers_and_footers_of_rich_text_stand_behind_once(tmp_path: Path) -> None:
    """They interrupt no sentence."""
    body = (
        r"{\header Running head\par}One{\footnote\pard The note.\par} sentence.\par{\header Running head\par}"
    )
    document = RtfParser(LIMITS).parse(rtf(tmp_path / "x", body))
    assert [text for _, text in _blocks(document)] == ["One sentence.", "Running head", "The note."]


def test_rich_text_nested_without_end_is_dangerous(tmp_path: Path) -> None:
    """Nothing recurses; the depth is counted."""
    with pytest.raises(DocumentDangerous, match="nested deeper"):
        RtfParser(LIMITS).parse(rtf(tmp_path / "x", "{" * 100_000))


def test_an_open_text_is_read_with_all_that_hangs_on_it(tmp_path: Path) -> None:
    """Blanks that are counted, lists, tables, boxes; notes and comments behind, deleted text not at all."""
    body = """<text:tracked-changes><text:deletion><text:p>deleted</text:p></text:deletion></text:tracked-changes>
      <text:h text:outline-level="2">Limits</text:h>
      <text:p>One<text:s text:c="3"/>two<text:line-break/>three<text:note><text:note-citation>1</text:note-citation>
      <text:note-body><text:p>The note.</text:p></text:note-body></text:note></text:p>
      <text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>
      <text:section><text:p>inside<office:annotation><dc:creator>Ana</dc:creator><text:p>Why?</text:p>
      </office:annotation></text:p></text:section>
      <text:p>x<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame></text:p>
      <table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>
      <table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"""
    document = OdtParser(LIMITS).parse(open_document(tmp_path / "x", "text", body))
    assert _blocks(document) == [
        ("heading", "Limits"),
        ("paragraph", "One two\nthree"),
        ("list_item", "item"),
        ("paragraph", "inside"),
        ("paragraph", "x"),
        ("paragraph", "boxed"),
        ("table", "a | b"),
        ("paragraph", "The note."),
        ("paragraph", "[Ana] Why?"),
    ]
    assert document.notes == (
        "The document has tracked changes; it was read as if all of them were accepted.",
    )


def test_open_documents_with_a_password_or_entities_are_refused(tmp_path: Path) -> None:
    """With the reason of each."""
    locked = open_document(tmp_path / "x", "text", "", {"META-INF/manifest.xml": encrypted_manifest()})
    with pytest.raises(DocumentEncrypted):
        OdtParser(LIMITS).parse(locked)
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    with pytest.raises(DocumentDangerous, match="declares a document type"):
        OdtParser(LIMITS).parse(open_document(tmp_path / "y", "text", "", {"styles.xml": entities}))


def test_an_open_sheet_is_a_page_with_cell_ranges(tmp_path: Path) -> None:
    """The million empty rows behind it cost nothing."""
    first = sheet("Prices", [["Article", "Price"], ["Screw", 12], ["Nut", 7]])
    document = OdsParser(LIMITS).parse(
        open_document(tmp_path / "x", "spreadsheet", first + sheet("Empty", []))
    )
    page, empty = document.pages
    assert (page.unit, page.number, page.label) == ("sheet", 1, "Prices")
    assert _refs(page) == [("A1:B1", "Article | Price"), ("A2:B2", "Screw | 12"), ("A3:B3", "Nut | 7")]
    assert (empty.label, empty.text) == ("Empty", "")


def test_rows_that_repeat_without_end_are_too_many(tmp_path: Path) -> None:
    """A filled row is written a million times by one attribute."""
    body = sheet("x", [["full"]]).replace(
        "<table:table-row>", '<table:table-row table:number-rows-repeated="1048576">'
    )
    with pytest.raises(DocumentTooLarge, match="rows"):
        OdsParser(ParsingLimits(max_rows=1_000)).parse(open_document(tmp_path / "x", "spreadsheet", body))


def test_open_slides_are_pages_with_their_notes(tmp_path: Path) -> None:
    """The title is the heading and the page's name."""
    body = slide("Scales", "One", "Say it slowly.") + slide("", "Two")
    first, second = OdpParser(LIMITS).parse(open_document(tmp_path / "x", "presentation", body)).pages
    assert (first.unit, first.number, first.label) == ("slide", 1, "Scales")
    assert _of(first) == [("heading", "Scales"), ("paragraph", "One"), ("paragraph", "Say it slowly.")]
    assert (second.number, second.text) == (2, "Two")


def test_chapters_of_a_book_stand_in_reading_order(tmp_path: Path) -> None:
    """The title is the book's own; a chapter that is missing is told."""
    path = epub(tmp_path / "x", ["<h1>One</h1><p>first</p>", "<h1>Two</h1><p>second</p>"])
    document = EpubParser(LIMITS).parse(path)
    assert document.title == "The book"
    assert [text for _, text in _blocks(document)] == ["One", "first", "Two", "second"]


def test_a_book_with_locked_chapters_needs_its_shop(tmp_path: Path) -> None:
    """Fonts that are scrambled do not matter."""
    reference = '<encryption xmlns="urn:x"><CipherReference URI="OEBPS/{}"/></encryption>'
    member = "META-INF/encryption.xml"
    locked = epub(tmp_path / "x", ["<p>a</p>"], {member: reference.format("text/c0.xhtml").encode()})
    with pytest.raises(DocumentEncrypted):
        EpubParser(LIMITS).parse(locked)
    fonts = epub(tmp_path / "y", ["<p>a</p>"], {member: reference.format("font.otf").encode()})
    assert EpubParser(LIMITS).parse(fonts).pages[0].text == "a"


def test_an_old_word_document_is_read_without_word(tmp_path: Path) -> None:
    """Headings by style, tables by their marks, fields by their result, hidden marks not at all."""
    paragraphs = [
        WordParagraph("Scales", 1),
        WordParagraph("See \x13 HYPERLINK \x13 PAGE \x14 1\x15 x \x14the ñ page\x15.\x0bNext\x1fline"),
        cell("Hall"),
        cell("Limit"),
        ROW_END,
        cell("2"),
        cell("600 kg"),
        ROW_END,
        WordParagraph("After."),
    ]
    assert _blocks(DocParser(LIMITS).parse(doc(tmp_path / "x", paragraphs))) == [
        ("heading", "Scales"),
        ("paragraph", "See the ñ page.\nNextline"),
        ("table", "Hall | Limit\n2 | 600 kg"),
        ("paragraph", "After."),
    ]


def test_old_word_documents_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    """A password, a Word older than the format, a table of pieces that lies."""
    paragraphs = [WordParagraph("x")]
    with pytest.raises(DocumentEncrypted):
        DocParser(LIMITS).parse(doc(tmp_path / "x", paragraphs, flags=0x0300))
    with pytest.raises(UnsupportedFormat, match="Word 95"):
        DocParser(LIMITS).parse(doc(tmp_path / "y", paragraphs, version=0x68))
    with pytest.raises(DocumentDamaged):
        DocParser(LIMITS).parse(doc(tmp_path / "z", paragraphs, flags=0))


def test_old_slides_are_pages_with_title_and_notes(tmp_path: Path) -> None:
    """In the order of the presentation; placeholders of dates and numbers are left out."""
    document = PptParser(LIMITS).parse(
        ppt(tmp_path / "x", [("Scales", "one\rtwo", "Slowly."), ("Next", "*", "")])
    )
    first, second = document.pages
    assert (first.unit, first.number, first.label, second.label) == ("slide", 1, "Scales", "Next")
    assert _of(first) == [
        ("heading", "Scales"),
        ("list_item", "one"),
        ("list_item", "two"),
        ("paragraph", "Slowly."),
    ]
    assert second.text == "Next"


def test_old_slides_with_a_password_are_named_so(tmp_path: Path) -> None:
    """The mark stands beside the slides."""
    with pytest.raises(DocumentEncrypted):
        PptParser(LIMITS).parse(ppt(tmp_path / "x", [("a", "b", "")], token=0xF3D1C4DF))


def test_code_is_cut_where_its_functions_begin_and_cited_by_line(tmp_path: Path) -> None:
    """Indentation stays; an empty line within a function cuts nothing."""
    path = tmp_path / "x"
    path.write_text(
        "import os\r\n\r\n\r\ndef one():\r\n\tx = 1\r\n\r\n\treturn x\r\n\r\ndef two():\r\n    pass\r\n"
    )
    (page,) = SourceCodeParser(LIMITS).parse(path).pages
    assert _of(page) == [
        ("code", "import os"),
        ("code", "def one():\n    x = 1\n\n    return x"),
        ("code", "def two():\n    pass"),
    ]
    assert _refs(page)[0] == ("line 1", "import os")
    assert _refs(page)[-1] == ("line 10", "    pass")


def test_lines_of_plain_text_are_numbered_as_editors_count_them(tmp_path: Path) -> None:
    """Whatever ends them; a form feed ends none."""
    path = tmp_path / "x"
    path.write_bytes(b"TITLE\r\n\r\nfirst\x0cline  here\r\nsecond\r\r- item\n")
    (page,) = PlainTextParser(LIMITS).parse(path).pages
    assert [ref for ref, _ in _refs(page)] == ["line 1", "line 3", "line 4", "line 6"]
    assert _refs(page)[2:] == [("line 4", "second"), ("line 6", "- item")]


def test_a_log_of_very_many_lines_keeps_its_anchors_few(tmp_path: Path) -> None:
    """Several lines share the reference of the first."""
    path = tmp_path / "x"
    path.write_text("entry\n" * 50_000)
    (page,) = PlainTextParser(LIMITS).parse(path).pages
    assert 10_000 < len(page.anchors) <= 20_000
    assert page.anchors[1].ref == "line 4"
