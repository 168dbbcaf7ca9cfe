"""The body of ODT and of what is built like it: paragraphs, headings, lists and tables as blocks."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from rag.documents import BlockKind
from rag.office.open_document import (
    ANNOTATION,
    COVERED_CELL,
    CREATOR,
    TABLE,
    TABLE_CELL,
    TABLE_ROW,
    TEXT_BOX,
    TEXT_H,
    TEXT_ITEM,
    TEXT_LIST,
    TEXT_P,
    line,
    name,
    paragraph_text,
)
from rag.parsers.page_writer import PageWriter

_THROUGH = frozenset(
    {TEXT_ITEM, name("text", "list-header"), name("text", "section"), name("text", "index-body")}
)


@dataclass(slots=True)
class BodyWriter:
    """Writes paragraphs, headings, lists and tables below an element; notes and comments come behind the text."""

    writer: PageWriter
    asides: list[str] = field(default_factory=list)

    def write(self, parent: etree._Element) -> None:
        todo: list[tuple[etree._Element, BlockKind]] = [(child, "paragraph") for child in reversed(parent)]
        while todo:
            element, kind = todo.pop()
            if element.tag == TABLE:
                self.writer.add("table", table_text(element))
            elif element.tag in (TEXT_P, TEXT_H):
                self._paragraph(element, kind)
            elif element.tag == TEXT_LIST:
                todo.extend((child, "list_item") for child in reversed(element))
            elif element.tag in _THROUGH or element.tag in _FRAMES or _is_index(element):
                todo.extend((child, kind) for child in reversed(element))

    def _paragraph(self, element: etree._Element, kind: BlockKind) -> None:
        text, hanging = paragraph_text(element)
        level = element.get(name("text", "outline-level"), "1")
        if element.tag == TEXT_H and level.isdecimal():
            self.writer.add("heading", text.replace("\n", " "), int(level))
        else:
            self.writer.add(kind, text)
        for found in hanging:
            if found.tag != TEXT_BOX:
                self.asides.append(_aside(found))
            elif _depth(found) < _MAX_BOXES:
                self.write(found)

    def finish(self) -> None:
        """Write what was put behind the text."""
        for aside in self.asides:
            self.writer.add("paragraph", aside)
        self.asides.clear()


_FRAMES = frozenset(
    {name("draw", "frame"), name("draw", "g"), TEXT_BOX, name("draw", "custom-shape"), name("draw", "a")}
)
_MAX_BOXES = 20  # text boxes within text boxes


def _is_index(element: etree._Element) -> bool:
    return isinstance(element.tag, str) and element.tag.endswith(
        ("-index", "table-of-content", "bibliography")
    )


def _depth(element: etree._Element) -> int:
    return sum(1 for _ in element.iterancestors(TEXT_BOX))


def _aside(element: etree._Element) -> str:
    """A footnote's text; a comment's with its author."""
    texts = (paragraph_text(paragraph)[0] for paragraph in element.iter(TEXT_P, TEXT_H))
    text = "\n".join(texts)
    author = element.findtext(CREATOR) if element.tag == ANNOTATION else None
    return f"[{author}] {text}" if author and text.strip() else text


def table_text(table: etree._Element) -> str:
    """One line a row, cells joined by a bar; nested tables are part of their cell, repeated rows are written once."""
    rows = []
    for row in table.iter(TABLE_ROW):
        if next(row.iterancestors(TABLE)) is not table:
            continue
        cells = [
            line(" ".join(paragraph_text(paragraph)[0] for paragraph in cell.iter(TEXT_P, TEXT_H)))
            for cell in row.iterchildren(TABLE_CELL, COVERED_CELL)
        ]
        if any(cells):
            rows.append(" | ".join(cells).rstrip(" |") if not cells[-1] else " | ".join(cells))
    return "\n".join(rows)
