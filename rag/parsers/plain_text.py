"""Plain text: paragraphs at empty lines, headings only where the layout says so beyond doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rag.decoding import decode
from rag.documents import ParsedDocument
from rag.errors import DocumentEmpty
from rag.limits import ParsingLimits
from rag.parsers.page_writer import PageWriter

_UNDERLINE = re.compile(r"\s*(={3,}|-{3,}|~{3,})\s*$")
_NUMBERED_HEADING = re.compile(r"(\d+(?:\.\d+){0,5})\.?\s+[^\W\d_].{0,78}$")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•◦▪–]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s+\S")
_ENDS_SENTENCE = (".", ",", ";", ":", "?", "!")


class PlainTextParser:
    """Reads text of any encoding as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        decoded = decode(path.read_bytes())
        writer = PageWriter(self._limits)
        for paragraph in _paragraphs(decoded.text):
            _write_paragraph(writer, paragraph)
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        title = next((page.text[b.start : b.end] for b in page.blocks if b.kind == "heading"), "")
        return ParsedDocument("text/plain", (page,), title, (decoded.note,) if decoded.note else ())


def _paragraphs(text: str) -> Iterator[list[str]]:
    """Runs of lines between empty ones."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip():
            lines.append(line.rstrip())
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def _write_paragraph(writer: PageWriter, lines: list[str]) -> None:
    if len(lines) >= 2 and _UNDERLINE.match(lines[1]) and len(lines[0].strip()) <= 100:
        writer.add("heading", lines[0], 1 if "=" in lines[1] else 2)
        lines = lines[2:]
    elif len(lines) == 1 and (level := _heading_level(lines[0].strip())):
        writer.add("heading", lines[0], level)
        return
    group: list[str] = []
    is_item = False
    for line in lines:
        if _LIST_ITEM.match(line):
            _flush(writer, group, is_item)
            group, is_item = [line], True
        else:
            group.append(line)
    _flush(writer, group, is_item)


def _flush(writer: PageWriter, lines: list[str], is_item: bool) -> None:
    if lines:
        writer.add("list_item" if is_item else "paragraph", "\n".join(lines))


def _heading_level(line: str) -> int:
    """0 where a line that stands alone is no heading; else its level by numbering, capitals count as 1."""
    if line.endswith(_ENDS_SENTENCE) or len(line) > 90:
        return 0
    if numbered := _NUMBERED_HEADING.match(line):
        return numbered[1].count(".") + 1
    letters = [character for character in line if character.isalpha()]
    return 1 if len(letters) >= 4 and len(line.split()) <= 10 and all(c.isupper() for c in letters) else 0
