"""RTF: paragraphs, headings, lists and tables; notes, headers and footers once each behind the text.

Pictures, objects, field codes and hidden text are left out; nothing outside of the file is opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentEmpty
from rag.limits import ParsingLimits
from rag.media_types import RTF
from rag.notes import Note
from rag.parsers.page_writer import PageWriter
from rag.parsers.rtf_tokens import Token, Tokens
from rag.tidy_text import clean, collapse

# fmt: off
_SKIPPED = frozenset({
    "fonttbl", "colortbl", "pict", "object", "objdata", "datastore", "themedata", "xmlnstbl", "listtable",
    "listoverridetable", "revtbl", "rsidtbl", "generator", "filetbl", "pgptbl", "fldinst", "info", "bkmkstart",
    "bkmkend", "nonshppict", "atnid", "atnauthor", "atntime", "atndate", "atnref", "sp", "mmath", "xe", "tc",
    "nextfile", "template", "background", "pnseclvl",
})
_ASIDES = frozenset({
    "footnote", "annotation", "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf",
})
_MARKERS = frozenset({"listtext", "pntext"})
_KNOWN_OPTIONAL = frozenset({"shpinst", "annotation", "nesttableprops", "shptxt"})
_PARAGRAPH_ENDS = frozenset({"par", "sect", "page", "column"})
# fmt: on
_HEADING_STYLE = re.compile(r"(?:heading|título|titulo|überschrift|titre)\s*(\d)", re.IGNORECASE)
_NUMBERED = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class _Group:
    """What a closing brace undoes. destination: body, skipped, aside, marker, styles or title."""

    destination: str = "body"
    style: int = 0
    outline: int = 9
    is_hidden: bool = False
    in_table: bool = False


@dataclass(slots=True)
class _Collected:
    """Text on its way to a block."""

    text: list[str] = field(default_factory=list)
    marker: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    style_name: list[str] = field(default_factory=list)
    title: list[str] = field(default_factory=list)


class RtfParser:
    """Reads a Rich Text file as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        data = path.read_bytes().decode("latin-1").lstrip()
        if not data.startswith("{\\rtf"):
            raise DocumentDamaged(Note("rtf_begin"))
        writer = PageWriter(self._limits)
        reading = _Reading(writer)
        for token in Tokens(data):
            reading.take(token)
        title = reading.finish()
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        title = title or next((page.text[b.start : b.end] for b in page.blocks if b.kind == "heading"), "")
        return ParsedDocument(RTF, (page,), title, reading.notes)


class _Reading:
    """Follows the groups of one file and writes block after block."""

    def __init__(self, writer: PageWriter) -> None:
        self._writer = writer
        self._group = _Group()
        self._stack: list[_Group] = []
        self._collected = _Collected()
        self._headings: dict[int, int] = {}
        self._asides: dict[str, None] = {}
        self._has_changes = False

    @property
    def notes(self) -> tuple[str, ...]:
        return (Note("tracked_changes"),) if self._has_changes else ()

    def take(self, token: Token) -> None:
        if token.kind == "open":
            self._stack.append(self._group)
        elif token.kind == "close":
            self._close()
        elif token.kind == "text":
            self._text(token.text)
        elif token.is_optional and token.text not in _KNOWN_OPTIONAL | _ASIDES | _MARKERS | _PARAGRAPH_ENDS:
            self._group = replace(self._group, destination="skipped")
        else:
            self._word(token.text, token.number)

    def finish(self) -> str:
        """Write what is left; returns the title."""
        self._end_paragraph()
        self._end_table()
        for aside in self._asides:
            self._writer.add("paragraph", aside)
        return collapse(clean(_whole(self._collected.title))).replace("\n", " ")

    def _close(self) -> None:
        left = self._group
        self._group = self._stack.pop() if self._stack else _Group()
        if left.destination == "styles":
            self._learn_style(left)
        elif left.destination == "aside" and self._group.destination != "aside":
            text = collapse(clean(_whole(self._collected.aside)))
            self._collected.aside.clear()
            if text and not text.isdigit():
                self._asides.setdefault(text)

    def _learn_style(self, group: _Group) -> None:
        name = _HEADING_STYLE.match(_whole(self._collected.style_name).strip())
        self._collected.style_name.clear()
        if name:
            self._headings[group.style] = int(name[1])
        elif group.outline < 6:
            self._headings[group.style] = group.outline + 1

    def _text(self, text: str) -> None:
        if self._group.is_hidden:
            return
        match self._group.destination:
            case "body":
                self._collected.text.append(text)
            case "aside":
                self._collected.aside.append(text)
            case "marker":
                self._collected.marker.append(text)
            case "styles":
                self._collected.style_name.append(text)
            case "title":
                self._collected.title.append(text)

    def _word(self, word: str, number: int | None) -> None:
        group = self._group
        if word in ("v", "deleted"):
            self._has_changes |= word == "deleted" and number != 0
            self._group = replace(group, is_hidden=number != 0)
        elif word == "s" and number is not None:
            self._group = replace(group, style=number)
        elif word == "outlinelevel" and number is not None:
            self._group = replace(group, outline=number)
        elif word == "title" and group.destination == "skipped":
            self._group = replace(group, destination="title")
        elif word in ("shptxt", "stylesheet") or word in _SKIPPED or word in _ASIDES or word in _MARKERS:
            self._group = replace(group, destination=_destination(word, group.destination))
        elif group.destination == "body":
            self._body_word(word)
        elif group.destination == "aside" and word in _PARAGRAPH_ENDS | {"cell", "row"}:
            self._collected.aside.append("\n")

    def _body_word(self, word: str) -> None:
        collected = self._collected
        if word in _PARAGRAPH_ENDS:
            if self._group.in_table:
                collected.text.append(" ")
            else:
                self._end_paragraph()
        elif word == "pard":
            self._group = replace(self._group, style=0, outline=9, in_table=False)
        elif word in ("intbl", "trowd"):
            self._group = replace(self._group, in_table=True)
        elif word == "cell":
            collected.cells.append(collapse(clean(_whole(collected.text))).replace("\n", " "))
            collected.text.clear()
            collected.marker.clear()
        elif word == "nestcell":
            collected.text.append(" ")
        elif word == "row":
            if any(collected.cells):
                collected.rows.append(" | ".join(collected.cells))
            collected.cells.clear()

    def _end_paragraph(self) -> None:
        collected = self._collected
        text = _whole(collected.text)
        marker = _whole(collected.marker).strip()
        collected.text.clear()
        collected.marker.clear()
        if not text.strip():
            return
        self._end_table()
        level = self._level()
        if level and len(text) <= 300:
            self._writer.add("heading", text.replace("\n", " "), level)
        elif marker:
            # A bullet is no part of the words that are quoted, a number is.
            self._writer.add("list_item", f"{marker} {text}" if _NUMBERED.search(marker) else text)
        else:
            self._writer.add("paragraph", text)

    def _end_table(self) -> None:
        collected = self._collected
        if any(collected.cells):
            collected.rows.append(" | ".join(collected.cells))
        if collected.rows:
            self._writer.add("table", "\n".join(collected.rows))
        collected.rows.clear()
        collected.cells.clear()

    def _level(self) -> int:
        if self._group.outline < 6:
            return self._group.outline + 1
        return self._headings.get(self._group.style, 0)


def _destination(word: str, present: str) -> str:
    if present == "skipped" and word != "shptxt":
        return "skipped"
    if word == "stylesheet":
        return "styles"
    if word == "shptxt":
        return "body"
    if word in _ASIDES:
        return "aside"
    return "marker" if word in _MARKERS else "skipped"


def _whole(parts: list[str]) -> str:
    """Joined; characters beyond U+FFFF come as two halves."""
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
