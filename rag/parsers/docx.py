"""DOCX: body in document order with tables, then headers, footers, footnotes and comments once each.

python-docx opens the package; the text is read from the XML itself, because `Paragraph.text` leaves out insertions
under review, content controls and text boxes. Nothing outside of the file is opened: relationships to other places
are not followed. Word does not store pages, so the document is one page; automatic list numbers are not stored either.
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
from rag.parsers.page_writer import PageWriter, clean, collapse

_PARAGRAPH, _TABLE, _ROW, _CELL = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_TEXT, _TEXT_BOX = qn("w:t"), qn("w:txbxContent")
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
_FOOTNOTES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
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
            raise DocumentDamaged("Its Word parts do not fit together.") from error

    def _read(self, document: DocxDocument) -> ParsedDocument:
        writer = PageWriter(self._limits)
        styles = _heading_levels(document)
        notes: list[str] = []
        for text in _margin_texts(document, "header"):
            writer.add("paragraph", text)
        for element in _blocks(document.element.body):
            _write(writer, element, styles)
        for text in _footnotes(document):
            writer.add("paragraph", text)
        for text in _margin_texts(document, "footer"):
            writer.add("paragraph", text)
        for comment in _comments(document):
            writer.add("paragraph", comment)
        if _has_changes(document):
            notes.append("The document has tracked changes; it was read as if all of them were accepted.")
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


def _write(writer: PageWriter, element: etree._Element, styles: dict[str, int]) -> None:
    if element.tag == _TABLE:
        writer.add("table", _table_text(element))
        return
    text = _text(element)
    kind, level = _kind(element, styles, text)
    if kind == "heading":
        text = text.replace("\n", " ")
    writer.add(kind, text, level)
    for box in element.iter(_TEXT_BOX):
        if not any(ancestor.tag in _UNSEEN - {_TEXT_BOX} for ancestor in box.iterancestors()):
            writer.add("paragraph", "\n".join(_text(paragraph) for paragraph in box.iterchildren(_PARAGRAPH)))


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
        if element.tag == _TEXT:
            parts.append(element.text or "")
        elif element.tag in _CHARACTERS:
            parts.append(_CHARACTERS[element.tag])
        elif element.tag not in _UNSEEN:
            todo.extend(reversed(element))
    return "".join(parts)


def _table_text(table: etree._Element) -> str:
    """One line a row, cells joined by a bar; nested tables are part of their cell."""
    rows = []
    for row in table.iter(_ROW):
        if next(row.iterancestors(_TABLE)) is not table:
            continue
        cells = []
        for cell in row.iter(_CELL):
            if next(cell.iterancestors(_ROW)) is row:
                texts = (collapse(clean(_text(paragraph))) for paragraph in cell.iter(_PARAGRAPH))
                cells.append(" ".join(text.replace("\n", " ") for text in texts if text))
        if any(cells):
            rows.append(" | ".join(cells))
    return "\n".join(rows)


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


def _footnotes(document: DocxDocument) -> Iterator[str]:
    for relation in document.part.rels.values():
        if relation.reltype != _FOOTNOTES or relation.is_external:
            continue
        for note in etree.fromstring(relation.target_part.blob, _SAFE).iterchildren(qn("w:footnote")):
            if note.get(qn("w:type")) not in _SEPARATORS:
                yield "\n".join(_text(paragraph) for paragraph in note.iter(_PARAGRAPH))


def _comments(document: DocxDocument) -> Iterator[str]:
    if not any(relation.reltype.endswith("/comments") for relation in document.part.rels.values()):
        return  # python-docx would make an empty part
    for comment in document.comments:
        text = collapse(clean(comment.text))
        if text:
            yield f"[{comment.author}] {text}" if comment.author else text


def _has_changes(document: DocxDocument) -> bool:
    return next(document.element.body.iter(qn("w:del"), qn("w:ins")), None) is not None
