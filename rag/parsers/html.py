"""HTML: the text a reader sees, in document order, without the page's furniture.

Nothing is fetched. The tree is walked with a stack of our own: hostile pages nest deeper than Python recurses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from rag.decoding import decode
from rag.documents import ParsedDocument
from rag.errors import DocumentDamaged, DocumentDangerous, DocumentEmpty, DocumentRefused, DocumentTooLarge
from rag.limits import ParsingLimits
from rag.notes import Note
from rag.parsers.html_furniture import furniture
from rag.parsers.page_writer import PageWriter
from rag.tidy_text import clean

# fmt: off
_FURNITURE = frozenset({
    "script", "style", "noscript", "template", "nav", "footer", "svg", "math", "iframe", "object", "embed",
    "canvas", "audio", "video", "head", "select", "datalist", "button", "dialog",
})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr",
    "html", "legend", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th",
    "thead", "tr", "ul", "caption",
})
# fmt: on
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([a-zA-Z0-9_-]{2,40})""", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_WHITE = re.compile(r"\s+")

_Step = tuple[Literal["start", "end"], HtmlElement] | tuple[Literal["text"], str]


class HtmlParser:
    """Reads a web page as one page."""

    def __init__(self, limits: ParsingLimits) -> None:
        self._limits = limits

    def parse(self, path: Path) -> ParsedDocument:
        data = path.read_bytes()
        declared = _DECLARED.search(data[:4096])
        decoded = decode(data, declared[1].decode("ascii") if declared else None)
        root = _tree(decoded.text)
        writer = PageWriter(self._limits)
        write_tree(writer, root, furniture(root))
        page = writer.finish(None)
        if not page.text:
            raise DocumentEmpty()
        title = _title(root) or next(
            (page.text[b.start : b.end] for b in page.blocks if b.kind == "heading"), ""
        )
        return ParsedDocument("text/html", (page,), title, (decoded.note,) if decoded.note else ())


def write_fragment(writer: PageWriter, markup: str) -> bool:
    """Write the text of a piece of HTML, as it stands in Markdown files, mails and e-books; unreadable pieces are
    left out. Whether there was any text.
    """
    try:
        return write_tree(writer, _tree(markup)) > 0
    except DocumentTooLarge:
        raise
    except DocumentRefused:
        return False


def _tree(markup: str) -> HtmlElement:
    # Bytes, not str: lxml refuses a str that declares its own encoding. huge_tree: 2048 levels instead of 256.
    data = markup.encode("utf-8", errors="replace")
    parser = HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, huge_tree=True)
    try:
        root = document_fromstring(data, parser=parser)
    except etree.ParserError as error:
        raise DocumentEmpty() from error
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise DocumentDamaged() from error
    if any(entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise DocumentDangerous(Note("page_too_deep"))
    return root


def _title(root: HtmlElement) -> str:
    for element in root.iter("title"):
        return _WHITE.sub(" ", clean(str(element.text or ""))).strip()
    return ""


def write_tree(writer: PageWriter, root: HtmlElement, left_out: frozenset[HtmlElement] = frozenset()) -> int:
    """Write all visible text below an element; returns in how many blocks."""
    flow = _Flow(writer)
    for step in _walk(root, left_out):
        if step[0] == "text":
            flow.text(step[1])
        elif step[0] == "start":
            flow.start(step[1])
        else:
            flow.end(step[1])
    flow.flush()
    return flow.written


def _walk(root: HtmlElement, left_out: frozenset[HtmlElement]) -> Iterator[_Step]:
    """Start, text and end in document order; furniture is passed over, a data table is one step without insides."""
    todo: list[_Step] = [("start", root)]
    while todo:
        step = todo.pop()
        yield step
        if step[0] != "start":
            continue
        element = step[1]
        todo.append(("end", element))
        if _is_data_table(element):
            continue
        for child in reversed(element):
            if child.tail:
                todo.append(("text", child.tail))
            if isinstance(child.tag, str) and child not in left_out and not _is_furniture(child):
                todo.append(("start", child))
        if element.text:
            todo.append(("text", element.text))


def _is_furniture(element: HtmlElement) -> bool:
    if element.tag in _FURNITURE:
        return True
    if element.tag == "header":
        return (
            element.find(".//h1") is None
            and element.getparent() is not None
            and element.getparent().tag == "body"
        )
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or element.get("role") in ("navigation", "banner", "contentinfo", "search")
        or bool(_HIDDEN.search(element.get("style") or ""))
    )


def _is_data_table(element: HtmlElement) -> bool:
    """A table used for layout holds headings, lists or tables; it is read as running text."""
    return (
        element.tag == "table"
        and next(element.iterdescendants("table", "h1", "h2", "h3", "ul", "ol"), None) is None
    )


class _Flow:
    """Gathers inline text until a block element begins or ends."""

    def __init__(self, writer: PageWriter) -> None:
        self._writer = writer
        self._inline: list[str] = []
        self._heading = 0
        self._preformatted = 0
        self._lists: list[int | None] = []  # number of the last item, None for bullets
        self._marker = ""
        self._items = 0
        self.written = 0  # blocks

    def text(self, text: str) -> None:
        self._inline.append(text if self._preformatted else _WHITE.sub(" ", text))

    def start(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag == "br":
            self._inline.append("\n")
        if tag not in _BLOCKS:
            return
        self.flush()
        if tag in _HEADINGS:
            self._heading = _HEADINGS[tag]
        elif tag == "pre":
            self._preformatted += 1
        elif tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._items += 1
            self._marker = self._next_marker()
        elif _is_data_table(element):
            self._writer.add("table", _table(element))
            self.written += 1

    def end(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag not in _BLOCKS:
            return
        self.flush()
        if tag in _HEADINGS:
            self._heading = 0
        elif tag == "pre":
            self._preformatted -= 1
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "li":
            self._items -= 1
            self._marker = ""

    def flush(self) -> None:
        text = "".join(self._inline)
        self._inline.clear()
        if not text.strip():
            return
        self.written += 1
        if self._heading:
            self._writer.add("heading", text.replace("\n", " "), self._heading)
        elif self._preformatted:
            self._writer.add("code", text)
        elif self._items:
            self._writer.add("list_item", self._marker + text.strip())
            self._marker = ""
        else:
            self._writer.add("paragraph", text)

    def _next_marker(self) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return ""  # a bullet is no part of the words that are quoted
        self._lists[-1] = number + 1
        return f"{number + 1}. "


def _table(table: HtmlElement) -> str:
    rows = []
    for row in table.iter("caption", "tr"):
        cells = [row] if row.tag == "caption" else [cell for cell in row if cell.tag in ("td", "th")]
        texts = [_WHITE.sub(" ", "".join(cell.itertext())).strip() for cell in cells]
        if any(texts):
            rows.append(" | ".join(texts))
    return "\n".join(rows)
