"""The most central sentences of a text, for a summary in the document's own words. No model; pure.

A sentence is as central as its terms (tf · idf over the sentences of the whole document) are near to the sum of its
section's, by cosine: the centroid method (Radev et al. 2004). One that says what a chosen one says is passed over.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rag.sentences import split_sentences

MIN_CHARACTERS, MAX_CHARACTERS = 30, 420
MIN_TERMS = 4
MIN_LETTERS = 0.7  # share of what is not white space
_ENDS = '.!?…»”")'
_ALIKE = 0.6
_FIRST = 1.15  # the first sentence of a section often says what it is about

Terms = Callable[[str], Sequence[str]]
Weights = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    terms: Counter[str]


def central(texts: Sequence[str], terms: Terms, each: int) -> list[list[tuple[int, int]]]:
    """Of each text the spans of its most central sentences, at most `each`, in order. terms: without stop words."""
    found = [_sentences(text, terms) for text in texts]
    frequencies = Counter(term for sentences in found for one in sentences for term in one.terms)
    total = sum(map(len, found))
    idf = {term: math.log(1 + total / count) for term, count in frequencies.items()}
    return [_chosen(sentences, idf, each) for sentences in found]


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


def _chosen(sentences: Sequence[_Sentence], idf: Weights, each: int) -> list[tuple[int, int]]:
    vectors = [{term: count * idf[term] for term, count in one.terms.items()} for one in sentences]
    centroid: Counter[str] = Counter()
    for vector in vectors:
        centroid.update(vector)
    scores = [_cosine(vector, centroid) * (_FIRST if not i else 1.0) for i, vector in enumerate(vectors)]
    kept: list[int] = []
    for index in sorted(range(len(sentences)), key=lambda i: (-scores[i], i)):
        if len(kept) == each:
            break
        if all(_cosine(vectors[index], vectors[other]) < _ALIKE for other in kept):
            kept.append(index)
    return [(sentences[index].start, sentences[index].end) for index in sorted(kept)]


def _cosine(one: Weights, other: Weights) -> float:
    shared = sum(weight * other.get(term, 0.0) for term, weight in one.items())
    lengths = math.sqrt(sum(w * w for w in one.values()) * sum(w * w for w in other.values()))
    return shared / lengths if lengths else 0.0
