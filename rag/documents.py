"""A document as it is read, cut, stored and found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from rag import spoken_time

if TYPE_CHECKING:  # the parsing child uses this module and has no need of numpy's 20 MB
    import numpy as np
    from numpy.typing import NDArray

    from rag.trace import Trace

BlockKind = Literal["heading", "paragraph", "list_item", "table", "code"]
Unit = Literal["page", "sheet", "slide", "recording"]
COLUMN_BAR = " | "
"""Stands between the cells of a table's row, and between the columns' names that end a heading path."""


@dataclass(frozen=True, slots=True)
class Block:
    """A run of a page's text: `page.text[start:end]`.

    level: of a heading, 1 to 6; of a table, how many of its first lines name the columns, 0 to 6; else 0.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a run of a page's text, `page.text[start:end]`, stands in the document itself.

    ref: as people of that format say it, or empty: a cell range ("B2:F2"), a row ("row 7"), a paragraph ("¶ 12"), when
    it was said ("12:34.20–12:58.90").
    box: (left, top, right, bottom) as shares of the page as it is shown, 0 to 1 from its upper left corner; or None.
    """

    start: int
    end: int
    ref: str = ""
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one page, exactly as quotes are checked against it.

    number: 1-based; None for formats without pages (Markdown, HTML, DOCX: one Page holds the whole document).
    unit: what such a page is; label: its own name (a sheet's, a slide's). blocks: in reading order, not overlapping;
    text outside of blocks is white space. anchors: in order of start, not overlapping, none where the format has none.
    """

    number: int | None
    text: str
    blocks: tuple[Block, ...] = ()
    unit: Unit = "page"
    label: str = ""
    anchors: tuple[Anchor, ...] = ()


@dataclass(frozen=True, slots=True)
class Child:
    """A document inside of a document: an attachment, a member of an archive. name: a path in it, with `/`."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a parser returns; notes are repairs and omissions worth telling the owner.

    children: to be read as documents of their own. A document may have no pages of its own where it has children.
    """

    media_type: str
    pages: tuple[Page, ...]
    title: str = ""
    notes: tuple[str, ...] = ()
    children: tuple[Child, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage-sized cut of one page; `text == page.text[start:end]`, so a quote of it is verbatim.

    headings: from the outermost (on a sheet, its name) to the nearest; behind them, for rows that were cut off from
    the head of their table, the names of its columns. language: ISO 639-1, or None where unknown. ref: of the anchors
    it covers, joined ("B2:F14").
    """

    ordinal: int
    text: str
    page: int | None
    start: int
    end: int
    headings: tuple[str, ...] = ()
    language: str | None = None
    ref: str = ""

    @property
    def context(self) -> str:
        """The heading path as embedded and indexed before the text."""
        return " › ".join(self.headings)


def nearest_heading(headings: Sequence[str]) -> str | None:
    """The last of a path that is a heading, and no line of columns' names."""
    return next((heading for heading in reversed(headings) if COLUMN_BAR not in heading), None)


def searchable(chunk: Chunk) -> str:
    """What a passage is found by: its heading path, then its text."""
    return f"{chunk.context}\n{chunk.text}" if chunk.headings else chunk.text


def content_hash(chunk: Chunk) -> bytes:
    """SHA-256 of that; the same text under the same headings has the same vector."""
    return sha256(searchable(chunk).encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Location:
    """Where in its document a passage stands; only what the format has is set.

    time: in a recording, as people read it ("12:34–12:58"); time_s, time_end_s: the same in seconds from its start.
    """

    page: int | None = None
    heading: str | None = None
    sheet: str | None = None
    cells: str | None = None
    slide: int | None = None
    ref: str | None = None
    time: str | None = None
    time_s: float | None = None
    time_end_s: float | None = None


def locate(unit: Unit, page: int | None, label: str, ref: str, headings: Sequence[str]) -> Location:
    """Of what a passage or a quote knows of its place, what its format has."""
    heading = nearest_heading(headings)
    if unit == "sheet":
        return Location(heading=heading if heading != label else None, sheet=label or None, cells=ref or None)
    if unit == "slide":
        return Location(heading=heading, slide=page, ref=ref or None)
    if unit == "recording":
        span = spoken_time.read(ref)
        return Location(time=span.told, time_s=span.start_s, time_end_s=span.end_s) if span else Location()
    return Location(page=page, heading=heading, ref=ref or None)


@dataclass(frozen=True, slots=True)
class Twin:
    """Another place with the same words: a copy in another collection, another version, another document."""

    chunk_id: int
    file_id: UUID
    filename: str
    collection_id: UUID
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found, with where it stands and why it came up.

    score: of what ranked last, 0 to 1 within one search. dense: cosine, -1 to 1. lexical: BM25, from 0.
    fused: of the two, 0 to 1.
    vector: the stored one, unit length, where the store hands it out. also_in: where the same words stand as well.
    """

    chunk_id: int
    file_id: UUID
    filename: str
    collection_id: UUID
    text: str
    page: int | None = None
    start: int = 0
    end: int = 0
    headings: tuple[str, ...] = ()
    language: str | None = None
    unit: Unit = "page"
    label: str = ""
    ref: str = ""
    score: float = 0.0
    dense: float | None = None
    lexical: float | None = None
    fused: float | None = None
    vector: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    also_in: tuple[Twin, ...] = ()

    @property
    def location(self) -> Location:
        """As its format has it: a page, a slide, a sheet with cells, or a time."""
        return locate(self.unit, self.page, self.label, self.ref, self.headings)


@dataclass(frozen=True, slots=True)
class WholeDocument:
    """All of a document that was read: its pages, and its passages in their order, which lie in them."""

    file_id: UUID
    filename: str
    pages: tuple[Page, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is searched for. language: ISO 639-1 or None (unknown: all languages' stems are tried)."""

    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages, best first, and what the reader should know of the search.

    notes: codes such as `language_mismatch`. weights: inverse document frequency, over what the asker may see, of
    each of the question's terms. is_relevant: False when the evidence is too thin to answer from (calibrated,
    docs/retrieval.md). missing: strings in quotation marks that no passage holds. differing: passages of two or more
    documents that say nearly the same, and not the same. wording: what found the passages, where that is not the
    question as it was asked. trace: how it was found.
    """

    passages: Sequence[Passage]
    language: str | None = None
    notes: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    is_relevant: bool = True
    missing: tuple[str, ...] = ()
    differing: tuple[Passage, ...] = ()
    wording: Question | None = None
    trace: Trace | None = field(default=None, compare=False, repr=False)
