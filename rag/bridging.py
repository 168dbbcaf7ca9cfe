"""A question in words of another language: documents in that language are found without a model that knows both.

Word by word from a small word list (`rag/bilingual/es-en.txt` serves both ways): no grammar, no choice of meaning; all
translations of a word are searched for by words, the first of each by meaning. Names, numbers and what the list lacks
stay as they are. What it gains and what it cannot do: docs/retrieval.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from rag.analysis import Analyzer, Word

_LISTS = (("es", "en"),)
_LEAST_SHARE = 0.5  # of the question's words must be in the list, or be names and numbers


@dataclass(frozen=True, slots=True)
class Bridged:
    """text: the question's words in `language`. words: those that tell something, each with all its translations."""

    text: str
    language: str
    words: tuple[Word, ...]


class Bridging:
    """Between the languages that the analyzer has and a list connects; between others there is no bridge."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer
        self._tables: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
        for one, other in _LISTS:
            if {one, other} <= set(analyzer.languages):
                pairs = list(_pairs(one, other))
                self._tables[one, other] = self._table(pairs, one)
                self._tables[other, one] = self._table([(b, a) for a, b in pairs], other)

    def bridged(self, text: str, language: str | None) -> Iterator[Bridged]:
        """The question in each language that can be reached from its own; nothing where too few words can."""
        for (source, target), table in self._tables.items():
            if source == language and (found := self._into(text, source, target, table)) is not None:
                yield found

    def _into(
        self, text: str, source: str, target: str, table: Mapping[str, tuple[str, ...]]
    ) -> Bridged | None:
        said: list[str] = []
        words: list[Word] = []
        reached = asked = 0
        for word in self._analyzer.content_words(text, source):
            asked += 1
            piece = text[word.start : word.end]
            translations = _looked_up(word, table)
            is_name = not translations and (piece[:1].isdigit() or (piece[:1].isupper() and word.start > 1))
            reached += bool(translations) or is_name
            there = " ".join(translations or (piece,))
            telling = list(self._analyzer.content_words(there, target))
            if telling:  # "have" and the like tell nothing
                said.append(there[telling[0].start : telling[0].end])
                terms = frozenset[str]().union(*(one.terms for one in telling))
                words.append(Word(word.start, word.end, terms))
        if not words or reached < _LEAST_SHARE * asked:
            return None
        return Bridged(" ".join(said), target, tuple(words))

    def _table(self, pairs: Sequence[tuple[str, str]], language: str) -> dict[str, tuple[str, ...]]:
        """By the whole word and by its stem; what was listed first comes first."""
        table: dict[str, tuple[str, ...]] = {}
        for word, translation in pairs:
            for term in dict.fromkeys(self._analyzer.terms(word, language)):
                table[term] = (*table.get(term, ()), translation)
        return {term: tuple(dict.fromkeys(translations)) for term, translations in table.items()}


def _looked_up(word: Word, table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The word itself before its stem, which other words may share."""
    for term in sorted(word.terms, key=lambda term: not term.startswith("=")):
        if term in table:
            return table[term]
    return ()


def _pairs(one: str, other: str) -> Iterator[tuple[str, str]]:
    file = resources.files("rag") / "bilingual" / f"{one}-{other}.txt"
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            word, *translations = line.split()
            yield from ((word, translation) for translation in translations)
