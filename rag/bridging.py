"""A question in words of another language: documents in that language are found without a model that knows both.

Word by word from a small word list (`rag/bilingual/es-en.txt` serves both ways): no grammar, no choice of meaning; all
translations of a word are searched for by words, the first of each by meaning. Names, numbers and what the list lacks
stay as they are, or are guessed from their spelling (rag.cognates) where the index has what was guessed. What it gains
and what it cannot do: docs/retrieval.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from rag.analysis import Analyzer, Word
from rag.cognates import cognates

_LISTS = (("es", "en"),)
_LEAST_SHARE = 0.5  # of the question's words must be known, or be names and numbers
_MOST_GUESSED = 20  # words of one question
_LEAST_PLURAL = 3  # letters


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
                pairs = list(word_pairs(one, other))
                self._tables[one, other] = self._table(pairs, one)
                self._tables[other, one] = self._table([(b, a) for a, b in pairs], other)

    def guesses(self, text: str, language: str | None) -> list[str]:
        """Terms of which `bridged` wants to know whether the index has them."""
        terms: set[str] = set()
        for (source, target), table in self._tables.items():
            if source == language:
                words = [word for word in self._words(text, source) if not _looked_up(word, table)]
                for word in words[:_MOST_GUESSED]:
                    for spelling in cognates(text[word.start : word.end], source, target):
                        terms |= self._terms(spelling, target)
        return sorted(terms)

    def bridged(
        self, text: str, language: str | None, known: Collection[str] = frozenset()
    ) -> Iterator[Bridged]:
        """The question in each language that can be reached from its own; nothing where too few words can.

        known: of the guesses those that the index has.
        """
        for (source, target), table in self._tables.items():
            if source == language and (found := self._into(text, source, target, table, known)) is not None:
                yield found

    def _into(
        self,
        text: str,
        source: str,
        target: str,
        table: Mapping[str, tuple[str, ...]],
        known: Collection[str],
    ) -> Bridged | None:
        said: list[str] = []
        words: list[Word] = []
        reached = asked = 0
        for word in self._words(text, source):
            asked += 1
            piece = text[word.start : word.end]
            translations = _looked_up(word, table) or tuple(
                spelling
                for spelling in (cognates(piece, source, target) if known else ())
                if not self._terms(spelling, target).isdisjoint(known)
            )
            is_name = not translations and (piece[:1].isdigit() or (piece[:1].isupper() and word.start > 1))
            reached += bool(translations) or is_name
            there = " ".join(translations or (piece,))
            telling = self._words(there, target)
            if telling:  # "have" and the like tell nothing
                said.append(there[telling[0].start : telling[0].end])
                terms = frozenset[str]().union(*(one.terms for one in telling))
                words.append(Word(word.start, word.end, terms))
        if not words or reached < _LEAST_SHARE * asked:
            return None
        return Bridged(" ".join(said), target, tuple(words))

    def glossed(self, text: str, language: str | None, into: Collection[str]) -> str | None:
        """The telling words of a text, each by its first translation, for a model that knows another language.

        into: languages that will do; None where no list leads to one of them. What the list lacks stays as it is.
        """
        for (source, target), table in self._tables.items():
            if source == language and target in into:
                words = self._words(text, source)
                return " ".join((*_looked_up(word, table), text[word.start : word.end])[0] for word in words)
        return None

    def _words(self, text: str, language: str) -> list[Word]:
        return list(self._analyzer.content_words(text, language))

    def _terms(self, text: str, language: str) -> frozenset[str]:
        return frozenset[str]().union(*(word.terms for word in self._words(text, language)))

    def _table(self, pairs: Sequence[tuple[str, str]], language: str) -> dict[str, tuple[str, ...]]:
        """By the whole word and by its stem; what was listed first comes first."""
        table: dict[str, tuple[str, ...]] = {}
        for word, translation in pairs:
            for term in dict.fromkeys(self._analyzer.terms(word, language)):
                table[term] = (*table.get(term, ()), translation)
        return {term: tuple(dict.fromkeys(translations)) for term, translations in table.items()}


def _looked_up(word: Word, table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The word itself before its stem, which other words may share; at last its singular: "días" has another stem."""
    terms = sorted(word.terms, key=lambda term: not term.startswith("="))
    for term in (*terms, *(term.removesuffix("s") for term in terms if len(term) > _LEAST_PLURAL)):
        if term in table:
            return table[term]
    return ()


def word_pairs(one: str, other: str) -> Iterator[tuple[str, str]]:
    """(word, translation) of the list that connects two languages, in its order."""
    file = resources.files("rag") / "bilingual" / f"{one}-{other}.txt"
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            word, *translations = line.split()
            yield from ((word, translation) for translation in translations)
