"""Cuts pages into passages: along headings, lists, tables and paragraphs first, along sentences only where it must.

Pure. A passage lies in one page, is an exact span of its text, and fits the embedding model together with its heading
path, since what stands behind the model's limit would be cut in silence. No overlap: the heading path carries the
context, and overlaps make the same sentence answer twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag.anchors import reference
from rag.documents import Block, Chunk, Page, ParsedDocument
from rag.sentences import split_sentences, trimmed
from rag.settings import ChunkingSettings
from rag.table_headers import TableHeader, columns, header_over, headers, lines

TokenCounter = Callable[[str], int]
LanguageDetector = Callable[[str], str | None]

_SEPARATOR = " › "
# No tokenizer makes less of a text than this; longer spans are cut before they are counted.
_MAX_CHARS_PER_TOKEN = 24
_MAX_HEADING_CHARS = 200


def approximate_tokens(text: str) -> int:
    """About four characters a token, for callers without a tokenizer."""
    return (len(text) + 3) // 4


def split(
    document: ParsedDocument,
    settings: ChunkingSettings,
    count_tokens: TokenCounter = approximate_tokens,
    detect_language: LanguageDetector | None = None,
) -> list[Chunk]:
    """The passages of a document in reading order.

    count_tokens: of the embedding model, without its special tokens. detect_language: ISO 639-1 or None; a passage too
    short to tell takes the document's commonest language.
    """
    cutter = _Cutter(settings, count_tokens)
    chunks: list[Chunk] = []
    for page in document.pages:
        for piece in cutter.pieces(page):
            text = page.text[piece.start : piece.end]
            ref = reference(page.anchors, piece.start, piece.end)
            chunks.append(
                Chunk(len(chunks), text, page.number, piece.start, piece.end, piece.headings, ref=ref)
            )
    return _with_languages(chunks, detect_language) if detect_language else chunks


def _with_languages(chunks: Sequence[Chunk], detect_language: LanguageDetector) -> list[Chunk]:
    found = [detect_language(chunk.text) for chunk in chunks]
    known = Counter[str]()
    for chunk, language in zip(chunks, found, strict=True):
        if language is not None:
            known[language] += len(chunk.text)
    commonest = known.most_common(1)[0][0] if known else None
    return [
        replace(chunk, language=language or commonest) for chunk, language in zip(chunks, found, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A passage to be, within one page."""

    start: int
    end: int
    tokens: int
    headings: tuple[str, ...] = ()


class _Cutter:
    """Walks the pages of one document; the heading path goes on from page to page, but not to a next sheet or slide."""

    def __init__(self, settings: ChunkingSettings, count_tokens: TokenCounter) -> None:
        self._settings = settings
        self._count = count_tokens
        self._path: list[tuple[int, str]] = []

    def pieces(self, page: Page) -> Iterator[_Piece]:
        """The passages of a page, each within max_tokens together with its headings."""
        if page.unit != "page":
            self._path = [(0, page.label)] if page.unit == "sheet" and page.label else []
        for section in self._sections(page):
            headings, heading_tokens = self._headings()
            tables = headers(page.text, section)
            room = self._context_room(page.text, section, heading_tokens, tables)
            budget = self._settings.max_tokens - room
            for piece in self._packed(page.text, section, budget):
                for proven in self._proven(page.text, piece, budget):
                    if span := trimmed(page.text, proven.start, proven.end):  # code may begin indented
                        context = self._with_columns(headings, tables, page.text, span, room)
                        yield _Piece(*span, proven.tokens, context)

    def _context_room(
        self, text: str, section: Sequence[Block], heading_tokens: int, tables: Sequence[TableHeader]
    ) -> int:
        """Tokens before each passage of a section: its headings, and the columns of a table that will be cut."""
        settings = self._settings
        if not tables or self._measured(
            text, section[0].start, section[-1].end, settings.max_tokens - heading_tokens
        ):
            return heading_tokens
        longest = max(self._count(f"{next(lines(table.names))}{_SEPARATOR}\n") for table in tables)
        return heading_tokens + min(longest, settings.max_tokens // 4)

    def _with_columns(
        self,
        headings: tuple[str, ...],
        tables: Sequence[TableHeader],
        text: str,
        span: tuple[int, int],
        room: int,
    ) -> tuple[str, ...]:
        """The heading path of a passage; of a table's later rows with the columns' names, as long as they fit."""
        table = header_over(tables, span[0])
        if table is None:
            return headings
        for line in lines(columns(table, text, *span)):
            path = (*headings, line)
            if self._count(_SEPARATOR.join(path) + "\n") <= room:
                return path
        return headings

    def _sections(self, page: Page) -> Iterator[list[Block]]:
        """Runs of blocks under one heading path; a heading begins a run, and headings in a row share one."""
        section: list[Block] = []
        for block in page.blocks:
            if block.kind == "heading":
                if section and any(other.kind != "heading" for other in section):
                    yield section
                    section = []
                self._descend(block.level, page.text[block.start : block.end])
            section.append(block)
        if section:
            yield section

    def _descend(self, level: int, heading: str) -> None:
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, " ".join(heading[:_MAX_HEADING_CHARS].split())))

    def _headings(self) -> tuple[tuple[str, ...], int]:
        """The path, outer headings dropped until it fits its room; and its tokens, separator to the text included."""
        room = min(self._settings.heading_tokens, self._settings.max_tokens // 2)
        headings = tuple(heading for _, heading in self._path if heading)
        while headings:
            tokens = self._count(_SEPARATOR.join(headings) + "\n")
            if tokens <= room:
                return headings, tokens
            headings = headings[1:] if len(headings) > 1 else self._shortened(headings[0])
        return (), 0

    def _shortened(self, heading: str) -> tuple[str, ...]:
        kept = heading[: len(heading) // 2].rstrip()
        return (kept + "…",) if len(kept) >= 4 else ()

    def _packed(self, text: str, section: Sequence[Block], budget: int) -> Iterator[_Piece]:
        """Neighbours joined while they stay small; what is too large for one passage is cut first."""
        settings = self._settings

        def belong_together(first: _Piece, second: _Piece) -> bool:
            total = first.tokens + second.tokens
            is_tiny = min(first.tokens, second.tokens) <= settings.tiny_tokens
            return total <= budget and (total <= settings.target_tokens or is_tiny)

        return _joined(self._units(text, section, budget), belong_together)

    def _proven(self, text: str, piece: _Piece, budget: int) -> Iterator[_Piece]:
        """The piece, cut again in the rare case that its parts count more together than they did apart."""
        if self._measured(text, piece.start, piece.end, budget) is not None:
            yield piece
        else:
            for start, end in _halves(text, piece.start, piece.end):
                yield from self._fitting(text, start, end, budget)

    def _units(self, text: str, section: Sequence[Block], budget: int) -> Iterator[_Piece]:
        """What should stay together: a block with the headings before it, a list with its lead-in, a table."""
        for group in _groups(text, section):
            whole = self._measured(text, group[0].start, group[-1].end, budget)
            if whole is not None:
                yield whole
                continue
            first = next((at for at, block in enumerate(group) if block.kind != "heading"), len(group) - 1)
            yield from self._block(text, group[: first + 1], budget)
            for block in group[first + 1 :]:
                yield from self._block(text, [block], budget)

    def _block(self, text: str, blocks: Sequence[Block], budget: int) -> Iterator[_Piece]:
        """A block, with its headings if it comes first: whole, or else as sentences or rows of about target size."""
        whole = self._measured(text, blocks[0].start, blocks[-1].end, budget)
        if whole is not None:
            yield whole
            return
        aim = min(budget, self._settings.target_tokens)
        parts = (
            piece
            for block in blocks
            for start, end in _parts(text, block)
            for piece in self._fitting(text, start, end, budget)
        )
        yield from _joined(parts, lambda first, second: first.tokens + second.tokens <= aim)

    def _fitting(self, text: str, start: int, end: int, budget: int) -> Iterator[_Piece]:
        """A sentence or row as it is where it fits, else cut between words, else anywhere."""
        while span := trimmed(text, start, end):
            whole = self._measured(text, *span, budget)
            if whole is not None:
                yield whole
                return
            cut = self._cut(text, *span, budget)
            piece_end = len(text[span[0] : cut].rstrip()) + span[0]
            yield _Piece(span[0], piece_end, self._count(text[span[0] : piece_end]))
            start = cut

    def _cut(self, text: str, start: int, end: int, budget: int) -> int:
        """The furthest good place to cut a span that is too large: behind a word where there is one."""
        length = min(end - start, budget * 4)
        while length > 1 and self._count(text[start : start + length]) > budget:
            length = max(length * 3 // 4, 1)
        cut = start + length
        blank = max(text.rfind(mark, start + length // 2, cut) for mark in (" ", "\n", "\t"))
        return blank if blank > start else cut

    def _measured(self, text: str, start: int, end: int, budget: int) -> _Piece | None:
        """The span as a piece, or None where it is too large; what is far too large is not even counted."""
        if end - start > budget * _MAX_CHARS_PER_TOKEN:
            return None
        tokens = self._count(text[start:end])
        return _Piece(start, end, tokens) if tokens <= budget else None


def _groups(text: str, section: Sequence[Block]) -> Iterator[list[Block]]:
    """Headings stay with what follows them; list items with each other and with a lead-in that ends in a colon."""
    group: list[Block] = []
    for block in section:
        above = group[-1] if group else None
        belongs = above is not None and (
            above.kind == "heading"
            or (block.kind == above.kind == "list_item")
            or (block.kind in ("list_item", "table") and text[above.end - 1 : above.end] == ":")
        )
        if group and not belongs:
            yield group
            group = []
        group.append(block)
    if group:
        yield group


def _joined(pieces: Iterator[_Piece], belong_together: Callable[[_Piece, _Piece], bool]) -> Iterator[_Piece]:
    """Each piece joined to the one before it where the two belong together; their tokens are added up."""
    gathered: _Piece | None = None
    for piece in pieces:
        if gathered is not None and belong_together(gathered, piece):
            gathered = _Piece(gathered.start, piece.end, gathered.tokens + piece.tokens)
            continue
        if gathered is not None:
            yield gathered
        gathered = piece
    if gathered is not None:
        yield gathered


def _parts(text: str, block: Block) -> Iterator[tuple[int, int]]:
    """What a block is cut into when it does not fit: rows, lines of code, sentences; a heading stays whole."""
    if block.kind == "heading":
        return iter([(block.start, block.end)])
    if block.kind in ("table", "code"):
        return _lines(text, block.start, block.end)
    return split_sentences(text, block.start, block.end)


def _halves(text: str, start: int, end: int) -> tuple[tuple[int, int], tuple[int, int]]:
    middle = max(text.rfind(" ", start, (start + end) // 2), text.rfind("\n", start, (start + end) // 2))
    middle = middle if middle > start else (start + end) // 2
    return (start, middle), (middle, end)


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        line_end = text.find("\n", start, end)
        line_end = end if line_end < 0 else line_end
        if span := trimmed(text, start, line_end):
            yield span
        start = line_end + 1
