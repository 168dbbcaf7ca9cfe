"""Plain text: paragraphs at empty lines, headings only where the layout says so beyond doubt, lines with numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rag.decoding import decode
from rag.documents import BlockKind, ParsedDocument
from rag.errors import DocumentEmpty
from rag.limits import ParsingLimits
from rag.parsers.page_writer import PageWriter, Piece

# As editors count lines; a form feed or a Unicode separator is no line of its own.
LINE_END = re.compile(r"\r\n?|\n")
# Beyond, an anchor stands for several lines: a log of a million lines is found to the fifty, and stays small.
MAX_LINE_ANCHORS = 20_000

_UNDERLINE = re.compile(r"\s*(={3,}|-{3,}|~{3,})\s*$")
_NUMBERED_HEADING = re.compile(r"(\d+(?:\.\d+){0,5})\.?\s+[^\W\d_].{0,78}$")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•◦▪–]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])\s+\S")
_ENDS_SENTENCE = (".", ",", ";", ":", "?", "!")

NumberedLine = tuple[int, str]


class PlainTextParser:
    """Reads text of any encoding as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        decoded = decode(path.read_bytes())
        writer = PageWriter(self._limits)
        write_text(writer, decoded.text, numbered=True)
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        title = next((page.text[b.start : b.end] for b in page.blocks if b.kind == "heading"), "")
        return ParsedDocument("text/plain", (page,), title, (decoded.note,) if decoded.note else ())


def write_text(writer: PageWriter, text: str, *, numbered: bool = False) -> None:
    """Write running text paragraph by paragraph. numbered: with anchors such as "line 12"."""
    lines = LINE_END.split(text)
    refs = LineReferences(len(lines)) if numbered else None
    for paragraph in _paragraphs(lines):
        _write_paragraph(writer, paragraph, refs)


class LineReferences:
    """Says "line 12"; in files of very many lines several share the reference of the first."""

    def __init__(self, lines: int) -> None:
        self._stride = -(-lines // MAX_LINE_ANCHORS) or 1

    def of(self, number: int) -> str:
        """number: 1-based."""
        return f"line {number - (number - 1) % self._stride}"


def _paragraphs(lines: list[str]) -> Iterator[list[NumberedLine]]:
    """Runs of lines between empty ones."""
    run: list[NumberedLine] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            run.append((number, line.rstrip()))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _write_paragraph(writer: PageWriter, lines: list[NumberedLine], refs: LineReferences | None) -> None:
    number, first = lines[0]
    ref = refs.of(number) if refs else ""
    if len(lines) >= 2 and _UNDERLINE.match(lines[1][1]) and len(first.strip()) <= 100:
        writer.add("heading", first, 1 if "=" in lines[1][1] else 2, ref)
        lines = lines[2:]
    elif len(lines) == 1 and (level := _heading_level(first.strip())):
        writer.add("heading", first, level, ref)
        return
    group: list[NumberedLine] = []
    is_item = False
    for line in lines:
        if _LIST_ITEM.match(line[1]):
            _flush(writer, group, refs, is_item)
            group, is_item = [line], True
        else:
            group.append(line)
    _flush(writer, group, refs, is_item)


def _flush(writer: PageWriter, lines: list[NumberedLine], refs: LineReferences | None, is_item: bool) -> None:
    kind: BlockKind = "list_item" if is_item else "paragraph"
    if refs is None:
        writer.add(kind, "\n".join(text for _, text in lines))
        return
    pieces: list[Piece] = []
    last_ref, run = "", list[str]()
    for number, text in lines:
        ref = refs.of(number)
        if ref != last_ref and run:
            pieces.append(Piece("\n".join(run), "\n", last_ref))
            run = []
        last_ref = ref
        run.append(text)
    pieces.append(Piece("\n".join(run), "\n", last_ref))
    writer.add_pieces(kind, pieces)


def _heading_level(line: str) -> int:
    """0 where a line that stands alone is no heading; else its level by numbering, capitals count as 1."""
    if line.endswith(_ENDS_SENTENCE) or len(line) > 90:
        return 0
    if numbered := _NUMBERED_HEADING.match(line):
        return numbered[1].count(".") + 1
    letters = [character for character in line if character.isalpha()]
    return 1 if len(letters) >= 4 and len(line.split()) <= 10 and all(c.isupper() for c in letters) else 0
