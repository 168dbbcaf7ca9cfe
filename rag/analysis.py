"""Texts become index terms here: language by stop words, Snowball stems, and whole words beside them.

Whole words are marked `=` and make a wrong or missing language harmless: a question whose language is not known is
asked with the stems of every language. Knows nothing of documents or stores; a text of 130 words takes about 0.1 ms.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import Stemmer

STEMMERS = {
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "de": "german",
    "pt": "portuguese",
    "it": "italian",
}
MAX_TERM_CHARACTERS = 64  # longer runs are data, not words; a B-tree key ends at 2,700 bytes

# Letters and marks that only one of the languages above uses, and what one of them counts in stop words.
_TELLING_LETTERS = {"es": "¿¡ñ", "pt": "ãõ", "de": "ß"}
_LETTER_WEIGHT = 1.5
# Asking words that the Snowball lists leave out: they tell nothing of what is asked for.
_ASKING_WORDS = {
    "es": "cuál cuáles cuánto cuánta cuántos cuántas dónde adónde quién quiénes qué cómo cuándo",
    "fr": "combien comment pourquoi quand quel quelle quels quelles où qui que quoi",
    "de": "wann wer wem wen wessen wie wieso warum weshalb wo wohin woher welche welcher welches wieviel wieviele",
    "pt": "qual quais quanto quanta quantos quantas onde quem que como quando porque",
    "it": "quale quali quanto quanta quanti quante dove chi che cosa come quando perché",
}
# a word: letters and digits, combining accents and soft hyphens inside
_WORD = re.compile(r"[^\W_][^\W_\u0300-\u036f\u00ad]*(?:[\u0300-\u036f\u00ad]+[^\W_]*)*")


@dataclass(frozen=True, slots=True)
class Word:
    """A content word where it stands: `text[start:end]`, and the terms under which it is found."""

    start: int
    end: int
    terms: frozenset[str]


class Analyzer:
    """languages: ISO 639-1 codes out of STEMMERS; fewer candidates make a surer detection."""

    def __init__(self, languages: Sequence[str] = ("en", "es")) -> None:
        self._stop_words = {language: _stop_words(language) for language in languages}
        self._stemmers = {language: Stemmer.Stemmer(STEMMERS[language]) for language in languages}
        self._any_stop_word = frozenset[str]().union(*self._stop_words.values())
        self._telling = {language: _listed(language) for language in languages}
        shared = Counter(word for words in self._telling.values() for word in words)
        self._weights = {word: 1 / count for word, count in shared.items()}

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._stop_words)

    def language(self, text: str) -> str | None:
        """The language with most stop words in the text; None where none is ahead of the others.

        A stop word counts 1 / number of languages that have it.
        """
        words = Counter(word for word in _words(text) if word in self._weights)
        scores = {
            language: sum(self._weights[word] * count for word, count in words.items() if word in listed)
            for language, listed in self._telling.items()
        }
        lowered = text.lower()
        for language in scores.keys() & _TELLING_LETTERS.keys():
            scores[language] += _LETTER_WEIGHT * sum(lowered.count(x) for x in _TELLING_LETTERS[language])
        ranked = sorted(scores.items(), key=lambda item: -item[1])
        if not ranked or ranked[0][1] == 0 or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
            return None
        return ranked[0][0]

    def terms(self, text: str, language: str | None) -> list[str]:
        """Index terms in the order of the text, repetitions included: all stems, then all marked words.

        language None or not set up: the stems of every language. A text of stop words only keeps them as words.
        """
        words = list(_words(text))
        telling = [word for word in words if word not in self._any_stop_word] or words
        if language in self._stemmers:
            stop_words = self._stop_words[language]
            stems = self._stemmers[language].stemWords([word for word in words if word not in stop_words])
        else:
            stems = [stem for stemmer in self._stemmers.values() for stem in stemmer.stemWords(telling)]
        return [_term(stem) for stem in stems] + ["=" + _term(word) for word in telling]

    def counts(self, text: str, language: str | None) -> dict[str, int]:
        """Index terms and how often each occurs: what a store keeps of a passage."""
        return dict(Counter(self.terms(text, language)))

    def content_words(self, text: str, language: str | None) -> Iterator[Word]:
        """The words of a text that are no stop words, with their places, for marking and for overlap."""
        stop_words = self._stop_words.get(language or "", self._any_stop_word)
        stemmers = [self._stemmers[language]] if language in self._stemmers else [*self._stemmers.values()]
        for match in _WORD.finditer(text):
            word = _normal(match.group())
            if word and _fold(word) not in stop_words and word not in stop_words:
                stems = {_term(stemmer.stemWord(word)) for stemmer in stemmers}
                yield Word(match.start(), match.end(), frozenset(stems | {"=" + _term(word)}))


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        if word := _normal(match.group()):
            yield word


def _normal(word: str) -> str:
    return unicodedata.normalize("NFKC", word.replace("\u00ad", "")).lower()


def _term(word: str) -> str:
    return _fold(word)[:MAX_TERM_CHARACTERS]


@lru_cache(maxsize=65_536)
def _fold(word: str) -> str:
    """Without accents: café -> cafe. NFKD also takes ligatures apart."""
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


def _listed(language: str) -> frozenset[str]:
    file = resources.files("rag") / "stop_words" / f"{language}.txt"
    return frozenset(file.read_text(encoding="utf-8").split() + _ASKING_WORDS.get(language, "").split())


def _stop_words(language: str) -> frozenset[str]:
    """With and without accents: people leave them out, in questions above all."""
    listed = _listed(language)
    return listed | {_fold(word) for word in listed}
