"""ODT: an OpenDocument text as one page; notes, comments, headers and footers once each behind the text."""

from __future__ import annotations

from pathlib import Path

from rag.documents import ParsedDocument
from rag.errors import DocumentEmpty
from rag.limits import ParsingLimits
from rag.media_types import ODT
from rag.notes import Note
from rag.office.open_document import name, read
from rag.parsers.open_document import BodyWriter
from rag.parsers.page_writer import PageWriter

_CHANGES = name("text", "tracked-changes")


class OdtParser:
    """Reads an OpenDocument text as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        document = read(path, self._limits, "text")
        writer = PageWriter(self._limits)
        body = BodyWriter(writer)
        body.write(document.body)
        body.finish()
        for margin in dict.fromkeys(document.margins):
            writer.add("paragraph", margin)
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        changed = next(document.body.iter(_CHANGES), None) is not None
        notes = (Note("tracked_changes"),) if changed else ()
        first = next((page.text[b.start : b.end] for b in page.blocks if b.kind == "heading"), "")
        return ParsedDocument(ODT, (page,), document.title or first, notes)
