"""ODP: an OpenDocument presentation, each slide a page, its title as heading, speaker's notes behind."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentEmpty, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.media_types import ODP
from rag.notes import Note
from rag.office.open_document import TABLE, TEXT_H, TEXT_P, name, paragraph_text, read
from rag.parsers.open_document import BodyWriter, table_text
from rag.parsers.page_writer import PageWriter
from rag.tidy_text import clean, collapse

_SLIDE, _FRAME, _NOTES = name("draw", "page"), name("draw", "frame"), name("presentation", "notes")
_CLASS = name("presentation", "class")
_FIELDS = frozenset({"date-time", "page-number", "footer", "header"})
_GROUP = name("draw", "g")


class OdpParser:
    """Reads an OpenDocument presentation, a page a slide."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        document = read(path, self._limits, "presentation")
        writer = PageWriter(self._limits)
        pages: list[Page] = []
        for number, slide in enumerate(document.body.iterchildren(_SLIDE), start=1):
            if number > self._limits.max_pages:
                raise DocumentTooLarge(Note("slides_over", most=self._limits.max_pages))
            pages.append(writer.finish(number, "slide", _write(writer, slide)))
        if not any(page.text for page in pages):
            raise DocumentEmpty()
        title = document.title or next((page.label for page in pages if page.label), "")
        return ParsedDocument(ODP, tuple(pages), title)


def _write(writer: PageWriter, slide: etree._Element) -> str:
    """Write a slide, its title first; returns the title."""
    title = ""
    body = BodyWriter(writer)
    shapes = [shape for shape in slide if isinstance(shape.tag, str) and shape.tag != _NOTES]
    for shape in shapes:
        if shape.get(_CLASS) in ("title",) and not title:
            title = collapse(clean(_words(shape))).replace("\n", " ")
            writer.add("heading", title, 1)
            shapes = [other for other in shapes if other is not shape] if title else shapes
    for shape in shapes:
        if shape.get(_CLASS) in _FIELDS:
            continue
        for table in shape.iter(TABLE):
            writer.add("table", table_text(table))
        if next(shape.iter(TABLE), None) is None:
            body.write(_holder(shape))
    for notes in slide.iterchildren(_NOTES):
        for frame in notes.iter(_FRAME):
            if frame.get(_CLASS) == "notes":
                writer.add("paragraph", _words(frame))
    body.finish()
    return title


def _holder(shape: etree._Element) -> etree._Element:
    """What has the shape's paragraphs as its children: the text box of a frame, or the shape itself."""
    box = shape.find(name("draw", "text-box"))
    return box if box is not None else shape


def _words(shape: etree._Element) -> str:
    return "\n".join(paragraph_text(paragraph)[0] for paragraph in shape.iter(TEXT_P, TEXT_H))
