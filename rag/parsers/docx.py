"""DOCX: the header, then the body in document order with tables, then notes, footers, charts and comments once each.

python-docx opens the package; the text is read from the XML itself, because `Paragraph.text` leaves out insertions
under review, content controls and text boxes. Nothing outside of the file is opened: relationships to other places
are not followed. Word does not store pages, so the document is one page, and a place in it is the number of its
paragraph, empty ones not counted ("¶ 12"), or of a table's row; automatic list numbers are not stored either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from docx import Document
from docx.document import Document as DocxDocument
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from lxml import etree

from rag.archives import check_contents, open_archive
from rag.documents import BlockKind, ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty
from rag.limits import ParsingLimits
from rag.media_types import DOCX
from rag.notes import Note
from rag.parsers.chart import write_chart
from rag.parsers.docx_table import header_rows, table_rows
from rag.parsers.page_writer import PageWriter
from rag.tidy_text import clean, collapse

_PARAGRAPH, _TABLE = qn("w:p"), qn("w:tbl")
_TEXTS = frozenset({qn("w:t"), "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"})
_TEXT_BOX = qn("w:txbxContent")
_CHARACTERS = {
    qn("w:tab"): " ",
    qn("w:br"): "\n",
    qn("w:cr"): "\n",
    qn("w:noBreakHyphen"): "-",
    qn("w:ptab"): " ",
}
# Deleted or moved-away text, field codes, the second form of drawings, and properties (w:tabs hold w:tab).
_UNSEEN = frozenset(
    {qn("w:del"), qn("w:moveFrom"), qn("w:instrText"), qn("w:delText"), qn("w:pPr"), qn("w:rPr"), _TEXT_BOX}
    | {"{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
)
_SDT_CONTENT_PARENTS = frozenset(
    {qn("w:sdt"), qn("w:sdtContent"), qn("w:customXml"), qn("w:ins"), qn("w:moveTo")}
)
_HEADING_STYLE = re.compile(r"(?:heading|título|titulo|überschrift|titre)\s*(\d)", re.IGNORECASE)
_BULLETED = re.compile(r"list|lista|aufz", re.IGNORECASE)
_NOTES = ("footnote", "endnote")
_SEPARATORS = frozenset({"separator", "continuationSeparator", "continuationNotice"})
_SAFE = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


class DocxParser:
    """Reads a Word document as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        with open_archive(path, self._limits) as archive:
            check_contents(archive, self._limits)
        try:
            document = Document(str(path))
            return self._read(document)
        except (OpcError, KeyError, ValueError, AttributeError, etree.LxmlError) as error:
            raise DocumentDamaged(Note("word_parts_mismatch")) from error

    def _read(self, document: DocxDocument) -> ParsedDocument:
        writer = PageWriter(self._limits)
        notes: list[str] = []
        for text in _margin_texts(document, "header"):
            writer.add("paragraph", text, 0, "header")
        body = _Body(writer, _heading_levels(document))
        for element in _blocks(document.element.body):
            body.write(element)
        for kind in _NOTES:
            for number, text in enumerate(_notes(document, kind), start=1):
                writer.add("paragraph", text, 0, f"{kind} {number}")
        for text in _margin_texts(document, "footer"):
            writer.add("paragraph", text, 0, "footer")
        for part in _related(document, "chart"):
            write_chart(writer, etree.fromstring(part, _SAFE))
        for identifier, comment in _comments(document):
            paragraph = body.commented.get(identifier)
            writer.add("paragraph", comment, 0, f"comment, ¶ {paragraph}" if paragraph else "comment")
        if _has_changes(document):
            notes.append(Note("tracked_changes"))
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        title = collapse(clean(document.core_properties.title or "")) or next(
            (page.text[b.start : b.end] for b in page.blocks if b.kind == "heading"), ""
        )
        return ParsedDocument(DOCX, (page,), title, tuple(notes))


def _heading_levels(document: DocxDocument) -> dict[str, int]:
    """Style id → heading level, by the style's name or outline level, its ancestors' included."""
    levels: dict[str, int] = {}
    for style in document.styles.element.iterfind(qn("w:style")):
        name = style.find(qn("w:name"))
        outline = style.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
        style_name = name.get(qn("w:val"), "") if name is not None else ""
        identifier = style.get(qn("w:styleId"), "")
        if match := _HEADING_STYLE.match(style_name):
            levels[identifier] = int(match[1])
        elif style_name.lower() in ("title", "título", "titulo"):
            levels[identifier] = 1
        elif outline is not None and outline.get(qn("w:val"), "9") in "012345":
            levels[identifier] = int(outline.get(qn("w:val"))) + 1
    return levels


def _blocks(parent: etree._Element) -> Iterator[etree._Element]:
    """Paragraphs and tables in order, through content controls and insertions; no deeper."""
    todo = list(reversed(parent))
    while todo:
        element = todo.pop()
        if element.tag in (_PARAGRAPH, _TABLE):
            yield element
        elif element.tag in _SDT_CONTENT_PARENTS:
            todo.extend(reversed(element))


class _Body:
    """Writes the body and counts its paragraphs and tables. commented: comment id → number of its paragraph."""

    def __init__(self, writer: PageWriter, styles: dict[str, int]) -> None:
        self.commented: dict[str, int] = {}
        self._writer = writer
        self._styles = styles
        self._paragraphs = 0
        self._tables = 0

    def write(self, element: etree._Element) -> None:
        """One paragraph with its text boxes, or one table."""
        if element.tag == _TABLE:
            self._tables += 1
            rows = table_rows(element, _text)
            told = ((f"table {self._tables}, row {number}", row) for number, row in enumerate(rows, start=1))
            self._writer.add_table(told, header_rows(element, rows))
            return
        text = _text(element)
        boxes = [
            "\n".join(_text(paragraph) for paragraph in box.iterchildren(_PARAGRAPH))
            for box in element.iter(_TEXT_BOX)
            if not any(ancestor.tag in _UNSEEN - {_TEXT_BOX} for ancestor in box.iterancestors())
        ]
        self._paragraphs += bool(text.strip()) or any(box.strip() for box in boxes)
        for mark in element.iter(qn("w:commentReference")):
            self.commented[mark.get(qn("w:id"), "")] = self._paragraphs
        kind, level = _kind(element, self._styles, text)
        ref = f"¶ {self._paragraphs}"
        self._writer.add(kind, text.replace("\n", " ") if kind == "heading" else text, level, ref)
        for box in boxes:
            self._writer.add("paragraph", box, 0, ref)


def _kind(paragraph: etree._Element, styles: dict[str, int], text: str) -> tuple[BlockKind, int]:
    properties = paragraph.find(qn("w:pPr"))
    if properties is None:
        return "paragraph", 0
    style = properties.find(qn("w:pStyle"))
    identifier = style.get(qn("w:val"), "") if style is not None else ""
    outline = properties.find(qn("w:outlineLvl"))
    if len(text) <= 300:
        if identifier in styles:
            return "heading", styles[identifier]
        if outline is not None and outline.get(qn("w:val"), "9") in "012345":
            return "heading", int(outline.get(qn("w:val"))) + 1
    if properties.find(qn("w:numPr")) is not None or _BULLETED.match(identifier):
        return "list_item", 0
    return "paragraph", 0


def _text(paragraph: etree._Element) -> str:
    """The paragraph as it would print, with changes accepted and text boxes left for later."""
    parts: list[str] = []
    todo = list(reversed(paragraph))
    while todo:
        element = todo.pop()
        if element.tag in _TEXTS:
            parts.append(element.text or "")
        elif element.tag in _CHARACTERS:
            parts.append(_CHARACTERS[element.tag])
        elif element.tag not in _UNSEEN:
            todo.extend(reversed(element))
    return "".join(parts)


def _margin_texts(document: DocxDocument, margin: str) -> Iterator[str]:
    """Headers or footers of all sections, each text once."""
    seen: set[str] = set()
    for section in document.sections:
        for name in (margin, f"first_page_{margin}", f"even_page_{margin}"):
            part = getattr(section, name)
            if part.is_linked_to_previous:
                continue
            text = collapse(
                clean("\n".join(_text(paragraph) for paragraph in part._element.iter(_PARAGRAPH)))
            )
            if text and not text.isdigit() and text not in seen:
                seen.add(text)
                yield text


def _related(document: DocxDocument, kind: str) -> Iterator[bytes]:
    """The parts of this kind within the package that the document refers to."""
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.rpartition("/")[2] == kind:
            yield relation.target_part.blob


def _notes(document: DocxDocument, kind: str) -> Iterator[str]:
    """The texts of its footnotes or endnotes."""
    for part in _related(document, f"{kind}s"):
        for note in etree.fromstring(part, _SAFE).iterchildren(qn(f"w:{kind}")):
            if note.get(qn("w:type")) not in _SEPARATORS:
                yield "\n".join(_text(paragraph) for paragraph in note.iter(_PARAGRAPH))


def _comments(document: DocxDocument) -> Iterator[tuple[str, str]]:
    """Identifier and text of each comment, with its author."""
    if next(_related(document, "comments"), None) is None:
        return  # python-docx would make an empty part
    for comment in document.comments:
        text = collapse(clean(comment.text))
        if text:
            yield str(comment.comment_id), f"[{comment.author}] {text}" if comment.author else text


def _has_changes(document: DocxDocument) -> bool:
    return next(document.element.body.iter(qn("w:del"), qn("w:ins")), None) is not None
