"""Puts a page together block by block, so that every block is an exact span of clean Unicode text.

Shared by all parsers; knows nothing of formats. Clean means: NFC, one kind of line end, no control or
non-characters, no soft hyphens, no runs of blanks.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from rag.documents import Anchor, Block, BlockKind, Page, Unit
from rag.errors import DocumentTooLarge
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.tidy_text import clean, collapse

# Paragraphs and headings; a book of a thousand pages has a tenth of it.
_MAX_BLOCKS = 400_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a block that knows where it stands in its document: a printed line, a cell.

    before: what is written between it and the piece before it, as it is. ref, box: as of an Anchor.
    """

    text: str
    before: str = " "
    ref: str = ""
    box: tuple[float, float, float, float] | None = None


class PageWriter:
    """Collects the blocks of one page after another.

    The characters of all pages count against `limits.max_text_chars`.
    """

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits
        self._written_chars = 0
        self._written_blocks = 0
        self._parts: list[str] = []
        self._blocks: list[Block] = []
        self._anchors: list[Anchor] = []
        self._length = 0

    def add(self, kind: BlockKind, text: str, level: int = 0, ref: str = "") -> None:
        """Append a block; one without any text is left out. Only code keeps its indentation.

        ref: where it stands in the document, kept as an anchor over the block.
        """
        text = clean(text)
        text = text.expandtabs(4).strip("\n").rstrip() if kind == "code" else collapse(text)
        if not text.strip():
            return
        start = self._begin(kind, len(text))
        self._append(text)
        if ref:
            self._anchors.append(Anchor(start, self._length, ref))
        self._blocks.append(
            Block(kind, start, self._length, max(1, min(level, 6)) if kind == "heading" else 0)
        )

    def add_table(self, rows: Iterable[tuple[str, str]], header_rows: int = 0) -> int:
        """Append a table of (reference, text) rows, a line each; how many of them had text and were written.

        header_rows: how many of the rows that have text name the columns, at most six.
        """
        start = written = 0
        for ref, text in rows:
            line = _tidy(text).replace("\n", " ")
            if not line:
                continue
            if written:
                self._count(len(line))
                self._append("\n")
            else:
                start = self._begin("table", len(line))
            at = self._length
            self._append(line)
            if ref:
                self._anchors.append(Anchor(at, self._length, ref))
            written += 1
        if written:
            self._blocks.append(Block("table", start, self._length, min(header_rows, written, 6)))
        return written

    def add_code(self, lines: Iterable[tuple[str, str]]) -> None:
        """Append a block of (reference, text) lines that keep their indentation; without text it is left out."""
        start: int | None = None
        for ref, text in lines:
            line = clean(text).replace("\n", " ").expandtabs(4).rstrip()
            if start is None and not line:
                continue
            if start is None:
                start = self._begin("code", len(line))
            else:
                self._count(len(line) + 1)
                self._append("\n")
            if line and ref:
                self._anchors.append(Anchor(self._length, self._length + len(line), ref))
            self._append(line)
        if start is not None:
            self._blocks.append(Block("code", start, self._length))

    def add_pieces(self, kind: BlockKind, pieces: Iterable[Piece], level: int = 0) -> None:
        """Append a block that is put together from pieces; each is cleaned alone, so that its anchor is exact.

        Pieces without text are left out, and so is what stands before the first.
        """
        start = -1
        for piece in pieces:
            text = _tidy(piece.text)
            if not text:
                continue
            if start < 0:
                start = self._begin(kind, len(text))
            else:
                self._count(len(text))
                self._append(piece.before)
            begin = self._length
            self._append(text)
            if piece.box is not None or piece.ref:
                self._anchors.append(Anchor(begin, self._length, piece.ref, piece.box))
        if start >= 0:
            level = max(1, min(level, 6)) if kind == "heading" else min(level, 6)
            self._blocks.append(Block(kind, start, self._length, level))

    def finish(self, number: int | None, unit: Unit = "page", label: str = "") -> Page:
        """The page so far; the next block begins another one."""
        label = collapse(clean(label)).replace("\n", " ")
        page = Page(number, "".join(self._parts), tuple(self._blocks), unit, label, tuple(self._anchors))
        self._parts, self._blocks, self._anchors, self._length = [], [], [], 0
        return page

    def _begin(self, kind: BlockKind, chars: int) -> int:
        """Set the block to come apart from the one before it; where it starts."""
        self._count(chars)
        self._written_blocks += 1
        if self._written_blocks > _MAX_BLOCKS:
            raise DocumentTooLarge(Note("too_many_paragraphs", most=_MAX_BLOCKS))
        if self._blocks:
            beside = kind == "list_item" and self._blocks[-1].kind == "list_item"
            self._append("\n" if beside else "\n\n")
        return self._length

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def _count(self, chars: int) -> None:
        self._written_chars += chars
        if self._written_chars > self._limits.max_text_chars:
            raise DocumentTooLarge(Note("too_much_text", most=self._limits.max_text_chars))


def _tidy(text: str) -> str:
    """Clean and collapsed; most printed lines are so already and pass by two looks."""
    if text.isprintable() and "  " not in text and unicodedata.is_normalized("NFC", text):
        return text.strip()
    return collapse(clean(text))
