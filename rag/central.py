"""The most central sentences of a text, for a summary in the document's own words. No model; pure.

A sentence is as central as its terms (tf · idf over the sentences of the whole document) are near to the sum of its
section's, by cosine: the centroid method (Radev et al. 2004). One that says what a chosen one says is passed over, by
its words and, where vectors are handed in, by its meaning (as in Carbonell and Goldstein 1998). Being near to the mean
of the section's vectors says nothing beside the words, and misleads in Spanish: docs/retrieval.md has the figures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.sentences import split_sentences

MIN_CHARACTERS, MAX_CHARACTERS = 30, 420
MIN_TERMS = 4
MIN_LETTERS = 0.7  # share of what is not white space
_ENDS = '.!?…»”")'
_ALIKE = 0.6
MOST_CANDIDATES = 8  # of one text, whose meaning is looked at
_MEANS_THE_SAME = 0.6  # by cosine of two sentences
_FIRST = 1.15  # the first sentence of a section often says what it is about

Terms = Callable[[str], Sequence[str]]
Weights = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    terms: Counter[str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """text[start:end]; score: by words, 0 to about 1; terms: their weights."""

    start: int
    end: int
    score: float
    terms: Weights


def central(texts: Sequence[str], terms: Terms, each: int) -> list[list[tuple[int, int]]]:
    """Of each text the spans of its most central sentences by words alone, at most `each`, in order."""
    return [choose(found, each) for found in candidates(texts, terms)]


def candidates(texts: Sequence[str], terms: Terms, most: int = MOST_CANDIDATES) -> list[list[Candidate]]:
    """Of each text its sentences that are most central by their words, in order. terms: without stop words."""
    found = [_sentences(text, terms) for text in texts]
    frequencies = Counter(term for sentences in found for one in sentences for term in one.terms)
    total = sum(map(len, found))
    idf = {term: math.log(1 + total / count) for term, count in frequencies.items()}
    return [_best(sentences, idf, most) for sentences in found]


def choose(
    found: Sequence[Candidate], each: int, vectors: NDArray[np.float32] | None = None
) -> list[tuple[int, int]]:
    """The spans of at most `each` of one text's candidates, in order.

    vectors: (candidates, dimension), unit length; None: words alone decide.
    """
    if not found:
        return []
    scores = [one.score for one in found]
    alike = None if vectors is None else vectors @ vectors.T
    kept: list[int] = []
    for index in sorted(range(len(found)), key=lambda i: (-scores[i], i)):
        if len(kept) == each:
            break
        if all(
            _cosine(found[index].terms, found[other].terms) < _ALIKE
            and (alike is None or alike[index, other] < _MEANS_THE_SAME)
            for other in kept
        ):
            kept.append(index)
    return [(found[index].start, found[index].end) for index in sorted(kept)]


def _sentences(text: str, terms: Terms) -> list[_Sentence]:
    sentences = []
    for start, end in split_sentences(text, 0, len(text)):
        if _is_prose(text[start:end]):
            counts = Counter(terms(text[start:end]))
            if len(counts) >= MIN_TERMS:
                sentences.append(_Sentence(start, end, counts))
    return sentences


def _is_prose(sentence: str) -> bool:
    """A sentence to read: ended, of some length, and no mere reference or row of numbers."""
    if not MIN_CHARACTERS <= len(sentence) <= MAX_CHARACTERS or sentence[-1] not in _ENDS:
        return False
    written = sum(not character.isspace() for character in sentence)
    return sum(character.isalpha() for character in sentence) >= MIN_LETTERS * written


def _best(sentences: Sequence[_Sentence], idf: Weights, most: int) -> list[Candidate]:
    vectors = [{term: count * idf[term] for term, count in one.terms.items()} for one in sentences]
    centroid: Counter[str] = Counter()
    for vector in vectors:
        centroid.update(vector)
    scores = [_cosine(vector, centroid) * (_FIRST if not i else 1.0) for i, vector in enumerate(vectors)]
    best = sorted(range(len(sentences)), key=lambda i: (-scores[i], i))[:most]
    return [Candidate(sentences[i].start, sentences[i].end, scores[i], vectors[i]) for i in sorted(best)]


def _cosine(one: Weights, other: Weights) -> float:
    shared = sum(weight * other.get(term, 0.0) for term, weight in one.items())
    lengths = math.sqrt(sum(w * w for w in one.values()) * sum(w * w for w in other.values()))
    return shared / lengths if lengths else 0.0
