"""DOC: Word 97 to 2003, without Word: body with headings, lists and tables, then notes, comments and text boxes.

Pictures, drawn objects, field codes, hidden and deleted text are left out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty
from rag.limits import ParsingLimits
from rag.media_types import DOC
from rag.notes import Note
from rag.ole import open_container
from rag.parsers.doc_binary import BinaryDocument, Part
from rag.parsers.page_writer import PageWriter
from rag.tidy_text import clean, collapse

_BEHIND_THE_BODY = ("footnotes", "endnotes", "comments", "boxes")
_PARAGRAPH_END = re.compile("[\r\x07\x0c]")
_FIELD_MARK = re.compile("[\x13\x14\x15]")  # begins a field's code, its result, ends it
_CELL = "\x07"
_CHARACTERS = str.maketrans(
    {"\x0b": "\n", "\x0e": "\n", "\x1e": "-", "\x1f": "", "\x01": "", "\x02": "", "\x05": "", "\x08": ""}
)


class DocParser:
    """Reads an old Word document as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        with open_container(path, self._limits.max_inflated_bytes) as container:
            word = container.stream("WordDocument")
            tables = (container.stream("0Table") or b"", container.stream("1Table") or b"")
        if word is None:
            raise DocumentDamaged(Note("text_missing"))
        try:
            document = BinaryDocument(word, tables)
            page_writer = PageWriter(self._limits)
            for part in sorted(document.parts, key=_order):
                if part.name == "body":
                    _Body(page_writer).write(document, part)
                elif part.name in _BEHIND_THE_BODY:
                    for text in _PARAGRAPH_END.split(_visible(document, part)):
                        page_writer.add("paragraph", text.translate(_CHARACTERS))
        except (struct.error, IndexError, ValueError, KeyError, OverflowError) as error:
            raise DocumentDamaged(Note("parts_mismatch")) from error
        page = page_writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        title = next((page.text[b.start : b.end] for b in page.blocks if b.kind == "heading"), "")
        return ParsedDocument(DOC, (page,), title)


def _order(part: Part) -> int:
    return part.start


def _visible(document: BinaryDocument, part: Part) -> str:
    """A part's characters without hidden ones and field codes, each of them blanked: positions stay."""
    characters = list(document.text(part))
    for start, end in document.hidden(part):
        for index in range(start, end):
            if not _PARAGRAPH_END.match(characters[index]):
                characters[index] = "\0"
    return _without_field_codes("".join(characters))


def _without_field_codes(text: str) -> str:
    parts: list[str] = []
    in_code: list[bool] = []  # of every field that is open
    codes = at = 0
    for mark in _FIELD_MARK.finditer(text):
        run = text[at : mark.start()]
        parts += ["\0" * len(run) if codes else run, "\0"]
        at = mark.end()
        if mark[0] == "\x13":
            in_code.append(True)
            codes += 1
        elif in_code:
            codes -= in_code.pop()
            if mark[0] == "\x14":
                in_code.append(False)
    return "".join(parts) + text[at:]


class _Body:
    """Paragraphs in order; what ends with a cell mark is gathered into a table."""

    def __init__(self, writer: PageWriter) -> None:
        self._writer = writer
        self._cell: list[str] = []
        self._cells: list[str] = []
        self._rows: list[str] = []

    def write(self, document: BinaryDocument, part: Part) -> None:
        for start, text, mark in _paragraphs(_visible(document, part)):
            style = document.paragraph(part.start + start + len(text))
            shown = text.replace("\0", "").translate(_CHARACTERS)
            if mark == _CELL and style.ends_row:
                self._end_row()
            elif mark == _CELL:
                self._cells.append(collapse(clean(" ".join([*self._cell, shown]))).replace("\n", " "))
                self._cell.clear()
            elif style.in_table:
                self._cell.append(shown)
            else:
                self._end_table()
                if style.level and len(shown) <= 300:
                    self._writer.add("heading", shown.replace("\n", " "), style.level)
                else:
                    self._writer.add("list_item" if style.is_item else "paragraph", shown)
        self._end_table()

    def _end_row(self) -> None:
        if any(self._cells):
            self._rows.append(" | ".join(self._cells))
        self._cells.clear()

    def _end_table(self) -> None:
        self._end_row()
        if self._rows:
            self._writer.add("table", "\n".join(self._rows))
        self._rows.clear()
        if self._cell:
            self._writer.add("paragraph", "\n".join(self._cell))
        self._cell.clear()


def _paragraphs(text: str) -> Iterator[tuple[int, str, str]]:
    """(start, text, mark that ends it)."""
    start = 0
    for match in _PARAGRAPH_END.finditer(text):
        yield start, text[start : match.start()], match[0]
        start = match.end()
    if start < len(text):
        yield start, text[start:], "\r"
