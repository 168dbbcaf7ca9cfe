"""Passages that say the same become one, and it names the others; nearly the same ones are told apart. Pure.

The same: every telling word of the one stands in the other, in the same order and without a gap. Case, white space,
punctuation, hyphens at line ends and articles may differ, and the longer one may go on (a footer, a cut elsewhere). A
number, a unit, an accent, a "not" or any other word makes two passages of them: those that differ in little and come
from two documents are versions of one text, and whoever answers should know.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import combinations

from rag.documents import Passage, Twin

_HYPHENATED = re.compile(r"(\w)[\u00ad\u2010-]\s*\n\s*(\w)")
# 1.5 and 15 are two numbers, and so are -5 and 5; 5 % is not 5 €
_WORD = re.compile(r"[-\u2212]?\d+(?:[.,:/-]\d+)*|\w+|[%‰€$£¥°<>≤≥±+=]")
_ARTICLES = frozenset(["the", "a", "an", "el", "la", "los", "las", "lo", "un", "una", "unos", "unas"])
_LEAST_WITHIN = 8  # telling words from which a text is known by its words, wherever it stands
_ALIKE = 0.85  # share of telling words that two versions have in common, in the same order
_VERSIONS_OF, _VERSIONS_AMONG = 2, 8  # passages whose versions are looked for, and where
_LEAST_ALIKE = 12  # telling words; rows of one table are alike and no versions


@dataclass(frozen=True, slots=True)
class _Text:
    """A passage's telling words, and the heading it stands under."""

    words: tuple[str, ...]
    heading: tuple[str, ...]

    @property
    def joined(self) -> str:
        return f" {' '.join(self.words)} "


def collapse(passages: Sequence[Passage]) -> tuple[list[Passage], list[Passage]]:
    """(the best of each kind in their order, what was left out); passages come best first.

    A longer passage never gives way to a shorter one: what it says beside would be lost.
    """
    kept: list[Passage] = []
    texts: list[_Text] = []
    left_out: list[Passage] = []
    for passage in passages:
        text = _read(passage)
        index = next((i for i, other in enumerate(texts) if _is_within(text, other)), None)
        if index is None:
            kept.append(passage)
            texts.append(text)
        else:
            left_out.append(passage)
            best = kept[index]
            kept[index] = replace(best, also_in=(*best.also_in, _twin(passage)))
    return kept, left_out


def versions(passages: Sequence[Passage]) -> Iterator[tuple[Passage, Passage]]:
    """Pairs from two documents that say nearly the same, and not the same; the better one of each first."""
    read = [(passage, _read(passage)) for passage in passages]
    for (one, a), (other, b) in combinations(read, 2):
        if one.file_id != other.file_id and _is_alike(a, b):
            yield one, other


def versions_of_the_best(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """The best passages of which another document has a version that differs, each followed by those versions."""
    first = passages[:_VERSIONS_AMONG]
    best = {passage.chunk_id for passage in first[:_VERSIONS_OF]}
    pairs = [pair for pair in versions(first) if pair[0].chunk_id in best]
    return tuple({passage.chunk_id: passage for pair in pairs for passage in pair}.values())


def _is_within(text: _Text, other: _Text) -> bool:
    if text.heading and other.heading and text.heading != other.heading:
        return False  # "50 euros a year" means another thing below another heading
    if text.words == other.words:
        return True
    return len(text.words) >= _LEAST_WITHIN and text.joined in other.joined


def _is_alike(text: _Text, other: _Text) -> bool:
    if min(len(text.words), len(other.words)) < _LEAST_ALIKE or text.words == other.words:
        return False
    matcher = SequenceMatcher(None, text.words, other.words, autojunk=False)
    return matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE and not _is_within(text, other)


def _read(passage: Passage) -> _Text:
    words = _words(passage.text)
    telling = tuple(word for word in words if word not in _ARTICLES)
    return _Text(
        telling or words or (passage.text,), _words(passage.headings[-1]) if passage.headings else ()
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", _HYPHENATED.sub(r"\1\2", text)).casefold()))


def _twin(passage: Passage) -> Twin:
    return Twin(passage.chunk_id, passage.file_id, passage.filename, passage.collection_id, passage.page)
