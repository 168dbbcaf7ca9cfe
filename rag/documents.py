"""A document as it is read, cut, stored and found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from uuid import UUID

if TYPE_CHECKING:  # the parsing child uses this module and has no need of numpy's 20 MB
    import numpy as np
    from numpy.typing import NDArray

BlockKind = Literal["heading", "paragraph", "list_item", "table", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A run of a page's text: `page.text[start:end]`. level is 1 to 6 for headings, else 0."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """The text of one page, exactly as quotes are checked against it.

    number: 1-based; None for formats without pages (Markdown, HTML, DOCX: one Page holds the whole document).
    blocks: in reading order, not overlapping; text outside of blocks is white space.
    """

    number: int | None
    text: str
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What a parser returns; notes are repairs and omissions worth telling the owner."""

    media_type: str
    pages: tuple[Page, ...]
    title: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage-sized cut of one page; `text == page.text[start:end]`, so a quote of it is verbatim.

    headings: from the outermost to the nearest. language: ISO 639-1, or None where unknown.
    """

    ordinal: int
    text: str
    page: int | None
    start: int
    end: int
    headings: tuple[str, ...] = ()
    language: str | None = None

    @property
    def context(self) -> str:
        """The heading path as embedded and indexed before the text."""
        return " › ".join(self.headings)


@dataclass(frozen=True, slots=True)
class Location:
    """Where in its document a passage stands; only what the format has is set."""

    page: int | None = None
    heading: str | None = None
    sheet: str | None = None
    cells: str | None = None
    slide: int | None = None
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found, with where it stands and why it came up.

    score: fused, 0 to 1 within one search. dense: cosine, -1 to 1. lexical: BM25, from 0.
    vector: the stored one, unit length, where the store hands it out.
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
    score: float = 0.0
    dense: float | None = None
    lexical: float | None = None
    vector: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    @property
    def location(self) -> Location:
        return Location(page=self.page, heading=self.headings[-1] if self.headings else None)


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
    docs/retrieval.md).
    """

    passages: Sequence[Passage]
    language: str | None = None
    notes: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    is_relevant: bool = True
