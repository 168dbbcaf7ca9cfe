"""A document cut into consecutive sections that a model can read at once; each knows where its text stands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from uuid import UUID

from rag.coverage import Coverage
from rag.documents import Passage, WholeDocument

NO_TEXT = "no_text"  # pages on which nothing was found to read


@dataclass(frozen=True, slots=True)
class Section:
    """Passages of one document that follow each other, and their text, joined. starts: of each passage in the text."""

    passages: tuple[Passage, ...]
    text: str = field(init=False)
    starts: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        pieces: list[str] = []
        starts: list[int] = []
        at = 0
        before: Passage | None = None
        for passage in self.passages:
            joint = "" if before is None else "\n" if before.page == passage.page else "\n\n"
            starts.append(at + len(joint))
            pieces += [joint, passage.text]
            at += len(joint) + len(passage.text)
            before = passage
        object.__setattr__(self, "text", "".join(pieces))
        object.__setattr__(self, "starts", tuple(starts))

    @property
    def file_id(self) -> UUID:
        return self.passages[0].file_id

    @property
    def pages(self) -> tuple[int, ...]:
        """The pages it is from, each once; none in a format without pages."""
        return tuple(dict.fromkeys(p.page for p in self.passages if p.page is not None))

    def as_passage(self) -> Passage:
        """As a prompt and the check take it."""
        return replace(self.passages[0], text=self.text)

    def locate(self, start: int, end: int) -> tuple[Passage, int, int]:
        """The passage that holds most of text[start:end], and where in it that stands."""
        best, most = 0, -1
        for index, (passage, begin) in enumerate(zip(self.passages, self.starts, strict=True)):
            shared = min(end, begin + len(passage.text)) - max(start, begin)
            if shared > most:
                best, most = index, shared
        passage, begin = self.passages[best], self.starts[best]
        return passage, max(0, start - begin), min(len(passage.text), end - begin)


def cut(document: WholeDocument, most: int, size: Callable[[str], int] = len) -> list[Section]:
    """The whole document in order, in sections of at most `most` by `size`; a passage that is larger is halved."""
    sections: list[Section] = []
    kept: list[Passage] = []
    filled = 0
    for passage in _fitting(document.passages, most, size):
        cost = size(passage.text) + 1
        if kept and filled + cost > most:
            sections.append(Section(tuple(kept)))
            kept, filled = [], 0
        kept.append(passage)
        filled += cost
    return [*sections, Section(tuple(kept))] if kept else sections


def _fitting(passages: Sequence[Passage], most: int, size: Callable[[str], int]) -> Iterator[Passage]:
    for passage in passages:
        if size(passage.text) <= most or len(passage.text) < 2:
            yield passage
            continue
        middle = passage.text.rfind(" ", 1, len(passage.text) // 2) + 1 or len(passage.text) // 2
        first = replace(passage, text=passage.text[:middle], end=passage.start + middle)
        rest = replace(passage, text=passage.text[middle:], start=passage.start + middle)
        yield from _fitting((first, rest), most, size)


def coverage(
    document: WholeDocument, read: Sequence[Section], left_out: Sequence[tuple[Section, str]]
) -> Coverage:
    """How much of a document these sections are. left_out: the others, each with the code of its reason."""
    total = sum(len(passage.text) for passage in document.passages)
    share = sum(len(p.text) for section in read for p in section.passages) / total if total else 0.0
    read_pages = {page for section in read for page in section.pages}
    empty = [page.number for page in document.pages if page.number is not None and not page.text.strip()]
    reasons: list[tuple[str, str]] = []
    for reason, group in groupby(left_out, key=lambda one: one[1]):
        missing = sorted({page for section, _ in group for page in section.pages} - read_pages)
        reasons.append((page_ranges(missing), reason))
    if empty:
        reasons.append((page_ranges(empty), NO_TEXT))
    numbered = sum(page.number is not None for page in document.pages)
    return Coverage(
        document.file_id, document.filename, len(read_pages), numbered, min(share, 1.0), tuple(reasons)
    )


def page_ranges(pages: Sequence[int]) -> str:
    """1, 2, 3, 7 → "1–3, 7"."""
    parts: list[str] = []
    start = previous = None
    for page in [*pages, None]:
        if previous is not None and page == previous + 1:
            previous = page
            continue
        if start is not None and previous is not None:
            parts.append(str(start) if start == previous else f"{start}–{previous}")
        start = previous = page
    return ", ".join(parts)
