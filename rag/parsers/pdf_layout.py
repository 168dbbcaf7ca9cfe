"""Printed lines become headings, paragraphs and list items again. Pure: values in, values out.

Thresholds are multiples of the size of the type, so they hold for any page. They were set by eye on handbooks,
papers and memos; a wrong guess costs a clumsy paragraph, never a word.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rag.documents import BlockKind
from rag.parsers.page_writer import Piece
from rag.parsers.pdf_frame import Box
from rag.parsers.pdf_lines import LINE_END_HYPHEN, Line

LIST_ITEM = re.compile(
    r"(?:[•◦▪■●○‣∙\uf0b7\uf0a7\uf076\uf0d8\uf0fc]|[-–*](?=\s)|\(?(?:\d{1,2}|[a-zA-Z])[.)](?=\s))"
)
_NUMBERED = re.compile(r"(\d+(?:\.\d+)*)\.?\s")
_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"\w+(?:-\w+)*")
_HYPHENATED = re.compile(rf"(\w+)\s*{LINE_END_HYPHEN}\s*(\w+)")
_LAST_WORD, _FIRST_WORD = re.compile(r"(\w+)\s*\Z"), re.compile(r"\s*(\w+)")
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’»)\]]*$")
_ALWAYS_HYPHENATED = frozenset({"self", "well", "ill", "ex", "quasi", "half"})  # as English prefixes
_FROM_THE_RIGHT = re.compile(
    "[^A-Za-z\u00c0-\u024f]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]"
)  # Hebrew, Arabic
_HEADING_SCALE = 1.12
_MAX_HEADING_CHARS = 160


_RunningKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A block to be: its printed lines. level is 1 to 6 for headings, else 0."""

    kind: BlockKind
    pieces: tuple[Piece, ...]
    level: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """What is normal in a document. heading_sizes: rounded sizes of type above the body's, largest first."""

    body_size: float
    pitch: float
    heading_sizes: tuple[float, ...]
    body_is_set_off: bool

    @classmethod
    def of(cls, pages: Sequence[Sequence[Line]]) -> Layout:
        """Measure the commonest size, by characters, and the commonest distance of its lines."""
        sizes: Counter[float] = Counter()
        set_off_chars = all_chars = 0
        for lines in pages:
            for line in lines:
                sizes[round(line.size, 1)] += len(line.text)
                set_off_chars += len(line.text) * (line.is_bold or line.is_italic)
                all_chars += len(line.text)
        body = max(sizes.most_common(1)[0][0], 1.0) if sizes else 10.0
        headings = sorted((size for size in sizes if size >= _HEADING_SCALE * body), reverse=True)
        return cls(body, _pitch(pages, body), tuple(headings), set_off_chars > all_chars / 2)

    def level(self, line: Line) -> int:
        """Of a heading set as this line: by its size among the document's larger sizes; 6 where only bold."""
        size = round(line.size, 1)
        distinct: list[float] = []
        for candidate in self.heading_sizes:
            if not distinct or candidate < distinct[-1] * 0.95:
                distinct.append(candidate)
        return next(
            (rank for rank, candidate in enumerate(distinct, 1) if size >= candidate * 0.95),
            len(distinct) + 1,
        )


def _pitch(pages: Sequence[Sequence[Line]], body: float) -> float:
    steps: Counter[float] = Counter()
    for lines in pages[:50]:
        for above, below in itertools.pairwise(lines):
            step = above.low - below.top
            if (
                abs(above.size - body) < 0.2
                and abs(below.size - body) < 0.2
                and 0.7 * body < step < 2.2 * body
            ):
                steps[round(step, 0)] += 1
    return steps.most_common(1)[0][0] if steps else 1.2 * body


class Words:
    """The words of a document that no line's end cuts; they tell "con-firm" from "self-made" at a line's end."""

    def __init__(self, words: set[str]) -> None:
        self._words = words

    @classmethod
    def of(cls, pages: Sequence[Sequence[Line]]) -> Words:
        """Collects only if some line is hyphenated: most documents are not."""
        if not any(LINE_END_HYPHEN in line.text for lines in pages for line in lines):
            return cls(set())
        words: set[str] = set()
        for lines in pages:
            for line in lines:
                for part in line.text.lower().split(LINE_END_HYPHEN):
                    found = _WORD.findall(part)
                    # The first and last word of a cut part may be half a word.
                    words.update(found if part == line.text.lower() else found[1:-1])
        words.update(piece for word in tuple(words) if "-" in word for piece in word.split("-"))
        return cls(words)

    def join(self, text: str) -> str:
        """Undo hyphenation: join unless the document itself knows the hyphenated form or both halves as words."""
        return (
            _HYPHENATED.sub(self._joined, text).replace(LINE_END_HYPHEN, "-")
            if LINE_END_HYPHEN in text
            else text
        )

    def _joined(self, match: re.Match[str]) -> str:
        left, right = match[1], match[2]
        return f"{left}-{right}" if self._are_apart(left, right) else left + right

    def _are_apart(self, left: str, right: str) -> bool:
        """Whether the hyphen between these two halves would stand there within a line too."""
        low_left, low_right = left.lower(), right.lower()
        if low_left + low_right in self._words:
            return False
        is_compound = (
            low_left in _ALWAYS_HYPHENATED
            or f"{low_left}-{low_right}" in self._words
            or {low_left, low_right} <= self._words
        )
        return is_compound or not right[0].islower()

    def pieces(self, lines: Sequence[Line], befores: Sequence[str]) -> tuple[Piece, ...]:
        """Lines as pieces of a block, hyphenation undone. befores: what to write before each but the first."""
        texts: list[str] = []
        written: list[str] = []
        boxes: list[Box | None] = []
        cut = False
        for line, separator in zip(lines, befores, strict=True):
            parts = line.text.split(LINE_END_HYPHEN) if LINE_END_HYPHEN in line.text else [line.text]
            for number, part in enumerate(parts):
                before = separator if number == 0 else ""
                if number or cut:
                    before = ""
                    cut = False
                    left, right = _LAST_WORD.search(texts[-1]), _FIRST_WORD.match(part)
                    if left is None or right is None or self._are_apart(left[1], right[1]):
                        texts[-1] += "-"
                if part or not number:
                    texts.append(part)
                    written.append(before)
                    boxes.append(line.boxes[number] if number < len(line.boxes) else None)
            if len(parts) > 1 and not parts[-1]:
                # The hyphen ends the line: the next one decides about it.
                texts[-1] = texts[-1].removesuffix("-")
                cut = True
        if cut:
            texts[-1] += "-"
        return tuple([Piece(t, b, "", box) for t, b, box in zip(texts, written, boxes, strict=True)])


class RunningLines:
    """Heads and feet that come again on most pages; they are read last, or they would cut paragraphs in two.

    Set no larger than the body: a title that begins each chapter's page is not one of them.
    """

    def __init__(self, keys: frozenset[_RunningKey]) -> None:
        self._keys = keys

    @classmethod
    def of(cls, pages: Sequence[Sequence[Line]], layout: Layout) -> RunningLines:
        """Compares the two highest and the three lowest lines of each page: words, numbers aside, and place."""
        small = layout.body_size * 1.05
        counts = Counter(
            key
            for lines in pages
            for key in {_running_key(line) for line in _outermost(lines) if line.size <= small}
        )
        needed = max(3, len(pages) // 2)
        return cls(frozenset(key for key, count in counts.items() if count >= needed))

    def apart(self, lines: Sequence[Line]) -> tuple[list[Line], list[Line]]:
        """(the page's own lines, its running ones), each in reading order."""
        if not self._keys:
            return list(lines), []
        outermost = {id(line) for line in _outermost(lines) if _running_key(line) in self._keys}
        own = [line for line in lines if id(line) not in outermost]
        return own, [line for line in lines if id(line) in outermost]


def _outermost(lines: Sequence[Line]) -> list[Line]:
    by_height = sorted(lines, key=lambda line: line.top)
    return by_height[:3] + by_height[3:][-2:]


def _running_key(line: Line) -> _RunningKey:
    return _DIGITS.sub("#", line.text), round(line.top)


def paragraphs(lines: Sequence[Line], layout: Layout, words: Words) -> Iterator[Paragraph]:
    """The blocks of these lines, in order."""
    group: list[Line] = []
    for line in lines:
        if group and not _continues(group, line, layout):
            yield _paragraph(group, layout, words)
            group = []
        group.append(line)
    if group:
        yield _paragraph(group, layout, words)


def _continues(group: Sequence[Line], line: Line, layout: Layout) -> bool:
    """Whether a line belongs to the paragraph above it."""
    above = group[-1]
    if abs(above.size - line.size) > 0.08 * layout.body_size or above.direction != line.direction:
        return False
    drop = above.low - line.top
    if abs(drop) < 0.5 * line.size:
        return True  # the same printed line: a cell, or a run in another font
    if _ended_heading(group, line) or (line.is_bold and not above.is_bold and drop > 1.15 * layout.pitch):
        return False
    if LIST_ITEM.match(line.text):
        return False
    if drop < 0:  # the head of the next column
        return not _SENTENCE_END.search(above.text) and line.text[0].islower()
    scale = line.size / layout.body_size
    if drop > 1.35 * layout.pitch * max(scale, 1.0):
        return False
    if LIST_ITEM.match(group[0].text):
        return line.left > group[0].left - 0.3 * line.size
    is_indented = line.left > above.left + 0.8 * line.size
    return not (is_indented and len(group) > 1 and _SENTENCE_END.search(above.text))


def _ended_heading(group: Sequence[Line], line: Line) -> bool:
    """Whether the lines so far are set in bold or italics throughout and this one is not."""
    return (all(above.is_bold for above in group) and not line.is_bold) or (
        all(above.is_italic for above in group) and not line.is_italic
    )


def _paragraph(group: Sequence[Line], layout: Layout, words: Words) -> Paragraph:
    pieces = words.pieces(group, separators(group))
    text = "".join([part for piece in pieces for part in (piece.before, piece.text)]).strip()
    if _is_heading(group, text, layout):
        numbered = _NUMBERED.match(text)
        level = layout.level(group[0])
        if numbered and "." in numbered[1]:
            level = max(level, numbered[1].count(".") + 1)
        one_line = [replace(piece, before=" ") if piece.before == "\n" else piece for piece in pieces]
        return Paragraph("heading", tuple(one_line), level)
    if LIST_ITEM.match(text):
        return Paragraph("list_item", pieces)
    return Paragraph("paragraph", pieces)


def _is_heading(group: Sequence[Line], text: str, layout: Layout) -> bool:
    if len(text) > _MAX_HEADING_CHARS or not any(character.isalpha() for character in text):
        return False
    if group[0].size >= _HEADING_SCALE * layout.body_size:
        return True
    is_set_off = all(line.is_bold for line in group) or (
        len(group) == 1 and group[0].is_italic and len(text) <= 80
    )
    return (
        not layout.body_is_set_off
        and is_set_off
        and group[0].size >= 0.97 * layout.body_size
        and not text.endswith((".", ",", ";", ":"))
    )


def separators(group: Sequence[Line]) -> list[str]:
    """Before each line a blank; a line end where the line above ended early, though the next word would have fitted."""
    left, right = min(line.left for line in group), max(line.right for line in group)
    found = [""]
    for above, line in itertools.pairwise(group):
        if abs(above.low - line.top) < 0.5 * line.size:
            found.append(" ")
            continue
        char_width = max((line.right - line.left) / max(len(line.text), 1), 0.3 * line.size)
        first_word = len(line.text.split(None, 1)[0])
        room = above.left - left if _FROM_THE_RIGHT.match(above.text) else right - above.right
        found.append("\n" if room > (first_word + 1.5) * char_width else " ")
    return found
