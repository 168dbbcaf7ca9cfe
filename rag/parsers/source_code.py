"""Source code, configuration and markup kept as text: blocks of code, each line with its number.

A new block begins after an empty line where the text is not indented: a function, a class, a section of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rag.decoding import decode
from rag.documents import ParsedDocument
from rag.errors import DocumentEmpty
from rag.limits import ParsingLimits
from rag.media_types import SOURCE
from rag.parsers.page_writer import PageWriter
from rag.parsers.plain_text import LINE_END, LineReferences


class SourceCodeParser:
    """Reads a file of code as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        decoded = decode(path.read_bytes())
        writer = PageWriter(self._limits)
        lines = LINE_END.split(decoded.text)
        refs = LineReferences(len(lines))
        for block in _blocks(lines):
            writer.add_code((refs.of(number), text) for number, text in block)
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        return ParsedDocument(SOURCE, (page,), "", (decoded.note,) if decoded.note else ())


def _blocks(lines: list[str]) -> Iterator[list[tuple[int, str]]]:
    """Numbered lines up to an empty one behind which the text begins at the margin again; none empty at the ends."""
    block: list[tuple[int, str]] = []
    empty: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            if block:
                empty.append((number, ""))
            continue
        if empty and not line[0].isspace() and line[0] not in "})]":
            yield block
            block, empty = [], []
        block += [*empty, (number, line)]
        empty = []
    if block:
        yield block
