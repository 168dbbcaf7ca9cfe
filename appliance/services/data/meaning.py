"""What a question about figures asks for, as meanings that are the same in English and Spanish. Pure.

A list of office words (words/business.txt) gives most words a meaning and a class; what it lacks is known by its stems,
its translations (the word list of document search) and itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal, cast

import Stemmer

from appliance.services.data.periods import fold
from rag.analysis import Analyzer
from rag.bridging import word_pairs

Class = Literal["measure", "entity", "time", "act", "op", "pole", "bound", "not", "ratio", "filler", "word"]

_WORD = re.compile(r"[^\W_]+")
_GAP = re.compile(r"\{[^{}]*\}|(?<![:\w]):[a-z_]\w*")
_HEIGHTENING = frozenset({"mas", "most", "more"})
_MOST_WORDS_OF_ONE = 7
_LEAST_STEM = 3


@dataclass(frozen=True, slots=True)
class Meaning:
    """name: of the list, or the word itself. keys: of a word that the list lacks: its stems and its translations'.

    gloss: such a word in English, as far as it can be translated, for a model that knows no Spanish.
    """

    name: str
    kind: Class
    keys: frozenset[str] = frozenset()
    gloss: str = ""


class Meanings:
    """Both languages' words, read once."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._stemmers = (Stemmer.Stemmer("english"), Stemmer.Stemmer("spanish"))
        self._exact: dict[str, list[Meaning]] = {}
        self._stems: dict[str, list[Meaning]] = {}
        self._stop_words = {word for word, _ in _stop_words(analyzer)}
        for meaning, words in _listed():
            for word in words:
                _append(self._exact, word, meaning)
                if "_" not in word and meaning.kind != "filler":
                    for stem in self._stems_of(word):
                        _append(self._stems, stem, meaning)
        self._translations: dict[str, set[str]] = {}
        self._glosses: dict[str, str] = {}
        for word, translation in word_pairs("es", "en"):
            one, other = fold(word), fold(translation)
            for stem in self._stems_of(one):
                self._translations.setdefault(stem, set()).update(self._stems_of(other))
                self._glosses.setdefault(stem, other)

    def of(self, text: str, without: Sequence[tuple[int, int]] = ()) -> list[Meaning]:
        """In the order of the text; fillers and what stands in `without` left out. `{gaps}` mean nothing."""
        blank = _GAP.sub(lambda gap: " " * len(gap[0]), text)
        for start, end in without:
            blank = blank[:start] + " " * (end - start) + blank[end:]
        words = [match[0] for match in _WORD.finditer(fold(blank))]
        return [one for one in self._read(words) if one.kind != "filler"]

    def stems_in(self, text: str) -> frozenset[str]:
        """Of every word in it."""
        return frozenset(stem for match in _WORD.finditer(fold(text)) for stem in self._stems_of(match[0]))

    def is_known(self, word: str) -> bool:
        """Whether the list or a stop list has it: it is no name then."""
        folded = fold(word)
        return folded in self._exact or folded in self._stop_words

    def _read(self, words: Sequence[str]) -> Iterator[Meaning]:
        at = 0
        while at < len(words):
            for length in range(min(_MOST_WORDS_OF_ONE, len(words) - at), 0, -1):
                found = self._exact.get("_".join(words[at : at + length]))
                if found is not None:
                    if not self._heightens(words, at):
                        yield from found
                    at += length
                    break
            else:
                yield from self._word(words[at])
                at += 1

    def _heightens(self, words: Sequence[str], at: int) -> bool:
        """ "más" in "más baratos": which end is meant says the word after it."""
        after = self._exact.get(words[at + 1], ()) if at + 1 < len(words) else ()
        return words[at] in _HEIGHTENING and any(one.kind == "pole" for one in after)

    def _word(self, word: str) -> Iterator[Meaning]:
        if word in self._stop_words:
            return
        stems = self._stems_of(word)
        known = [one for stem in stems for one in self._stems.get(stem, ())]
        if known:
            yield from dict.fromkeys(known)
            return
        translated = {key for stem in stems for key in self._translations.get(stem, ())}
        listed = [one for key in sorted(translated) for one in self._stems.get(key, ())]
        if len({one.name for one in listed}) == 1:
            yield listed[0]
            return
        gloss = next((self._glosses[stem] for stem in stems if stem in self._glosses), word)
        yield Meaning(word, "word", frozenset(stems) | translated, gloss)

    def _stems_of(self, word: str) -> list[str]:
        found = [fold(stemmer.stemWord(word)) for stemmer in self._stemmers]
        return list(dict.fromkeys(stem for stem in found if len(stem) >= _LEAST_STEM)) or [word]


def _append(table: dict[str, list[Meaning]], word: str, meaning: Meaning) -> None:
    listed = table.setdefault(word, [])
    if meaning not in listed:
        listed.append(meaning)


def _listed() -> Iterator[tuple[Meaning, list[str]]]:
    file = resources.files("appliance.services.data") / "words" / "business.txt"
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            head, _, words = line.partition(":")
            name, kind = head.split()
            yield Meaning(name, cast("Class", kind)), [fold(word) for word in words.split()]


def _stop_words(analyzer: Analyzer) -> Iterator[tuple[str, str]]:
    for language in analyzer.languages:
        file = resources.files("rag") / "stop_words" / f"{language}.txt"
        for word in file.read_text(encoding="utf-8").split():
            yield fold(word), language
