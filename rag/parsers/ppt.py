"""PPT: PowerPoint 97 to 2003, without PowerPoint: each slide a page, its title as heading, speaker's notes behind."""

from __future__ import annotations

import struct
from pathlib import Path

from rag.documents import Page, ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.media_types import PPT
from rag.notes import Note
from rag.ole import open_container
from rag.parsers.page_writer import PageWriter
from rag.parsers.ppt_binary import BinaryPresentation, Slide
from rag.tidy_text import clean, collapse

# Fields of the date and the slide's number hold a star.
_FIELDS = frozenset({"", "*"})


class PptParser:
    """Reads an old PowerPoint presentation, a page a slide."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        with open_container(path, self._limits.max_inflated_bytes) as container:
            data = container.stream("PowerPoint Document")
            current_user = container.stream("Current User")
        if data is None or current_user is None:
            raise DocumentDamaged(Note("slides_missing"))
        writer = PageWriter(self._limits)
        pages: list[Page] = []
        try:
            for number, slide in enumerate(BinaryPresentation(data, current_user).slides(), start=1):
                if number > self._limits.max_pages:
                    raise DocumentTooLarge(Note("slides_over", most=self._limits.max_pages))
                pages.append(writer.finish(number, "slide", _write(writer, slide)))
        except (struct.error, IndexError, ValueError, KeyError) as error:
            raise DocumentDamaged(Note("records_mismatch")) from error
        if not any(page.text for page in pages):
            raise DocumentEmpty()
        title = next((page.label for page in pages if page.label), "")
        return ParsedDocument(PPT, tuple(pages), title)


def _write(writer: PageWriter, slide: Slide) -> str:
    """Write a slide; returns its title."""
    title = ""
    seen: set[str] = set()
    for text in slide.texts:
        words = collapse(clean(text.text.replace("\v", " ")))
        if words in _FIELDS or words in seen:
            continue
        seen.add(words)
        if text.is_title and not title:
            title = words.replace("\n", " ")
            writer.add("heading", title, 1)
        elif "\n" in words:
            for line in words.split("\n"):
                writer.add("list_item", line)
        else:
            writer.add("paragraph", words)
    for text in slide.notes:
        words = collapse(clean(text.text.replace("\v", " ")))
        if words not in _FIELDS:
            writer.add("paragraph", words)
    return title
