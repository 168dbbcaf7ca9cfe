"""Markdown (CommonMark with tables): rendered to plain text, so that a quote reads as the page would show it.

Front matter is skipped, its title kept. Embedded HTML gives its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.decoding import decode
from rag.documents import ParsedDocument
from rag.errors import DocumentDangerous, DocumentEmpty
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.parsers.html import write_fragment
from rag.parsers.page_writer import PageWriter
from rag.tidy_text import clean

_MAX_NESTING = 120  # markdown-it leaves out in silence what lies deeper; a nested list counts twice
_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"""^title:[ \t]*(["']?)(.+?)\1[ \t]*$""", re.MULTILINE)


class MarkdownParser:
    """Reads Markdown as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits
        self._markdown = MarkdownIt("commonmark", {"maxNesting": _MAX_NESTING}).enable("table")

    def parse(self, path: Path) -> ParsedDocument:
        decoded = decode(path.read_bytes())
        source = clean(decoded.text)
        title = ""
        if front_matter := _FRONT_MATTER.match(source):
            source = source[front_matter.end() :]
            named = _TITLE.search(front_matter[1])
            title = named[2].strip() if named else ""
        writer = PageWriter(self._limits)
        tokens = self._markdown.parse(source)
        if any(token.level >= _MAX_NESTING - 1 for token in tokens):
            raise DocumentDangerous(Note("lists_too_deep"))
        _Tokens(writer).write(tokens)
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        title = title or next((page.text[b.start : b.end] for b in page.blocks if b.kind == "heading"), "")
        return ParsedDocument("text/markdown", (page,), title, (decoded.note,) if decoded.note else ())


class _Tokens:
    """Walks the flat token list; lists and tables are followed by a counter each."""

    def __init__(self, writer: PageWriter) -> None:
        self._writer = writer
        self._heading = 0
        self._numbers: list[int | None] = []  # next number of each open list, None for bullets
        self._marker = ""
        self._rows: list[list[str]] = []
        self._in_table = False

    def write(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            self._open_or_close(token)
            if token.type == "inline":
                self._inline(inline_text(token.children or ()))
            elif token.type in ("fence", "code_block"):
                self._writer.add("code", token.content)
            elif token.type == "html_block":
                write_fragment(self._writer, token.content)

    def _open_or_close(self, token: Token) -> None:
        match token.type:
            case "heading_open":
                self._heading = int(token.tag[1])
            case "heading_close":
                self._heading = 0
            case "bullet_list_open":
                self._numbers.append(None)
            case "ordered_list_open":
                self._numbers.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
            case "list_item_open":
                self._marker = self._next_marker()
            case "table_open":
                self._in_table, self._rows = True, []
            case "tr_open":
                self._rows.append([])
            case "table_close":
                self._in_table = False
                self._writer.add("table", "\n".join(" | ".join(row) for row in self._rows))

    def _inline(self, text: str) -> None:
        if self._in_table:
            self._rows[-1].append(text.replace("\n", " ").strip())
        elif self._heading:
            self._writer.add("heading", text, self._heading)
        elif self._numbers:
            self._writer.add("list_item", self._marker + text)
            self._marker = ""
        else:
            self._writer.add("paragraph", text)

    def _next_marker(self) -> str:
        number = self._numbers[-1]
        if number is None:
            return ""  # a bullet is no part of the words that are quoted
        self._numbers[-1] = number + 1
        return f"{number}. "


def inline_text(tokens: Sequence[Token]) -> str:
    """What a reader sees of inline Markdown; a soft break is a blank, a picture its description."""
    parts: list[str] = []
    for token in tokens:
        if token.type in ("text", "code_inline", "image"):
            parts.append(token.content)
        elif token.type == "softbreak":
            parts.append(" ")
        elif token.type == "hardbreak" or (token.type == "html_inline" and token.content.startswith("<br")):
            parts.append("\n")
    return "".join(parts)
