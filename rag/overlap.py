"""How much of a question a text speaks of: the share of the question's words it holds, rare words counting more.

A word may be indexed under several terms (its stem, itself); any of them will do. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from rag.analysis import Word


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """A word of the question; weight is its inverse document frequency among what the asker may see."""

    terms: frozenset[str]
    weight: float


def idf(chunks: int, df: int) -> float:
    """BM25's inverse document frequency, from 0; chunks: how many there are, df: how many hold the term."""
    return math.log(1 + (chunks - df + 0.5) / (df + 0.5))


def weigh(words: Iterable[Word], chunks: int, frequencies: Mapping[str, int]) -> tuple[WeighedWord, ...]:
    """Each word once. The rarest of a word's terms gives its weight; a word nobody uses weighs most."""
    distinct = dict.fromkeys(word.terms for word in words)
    return tuple(
        WeighedWord(terms, idf(chunks, min((frequencies[t] for t in terms if t in frequencies), default=0)))
        for terms in distinct
    )


def coverage(question: Iterable[WeighedWord], terms: AbstractSet[str]) -> float:
    """0 to 1; 0 for a question without words."""
    total = covered = 0.0
    for word in question:
        total += word.weight
        if not word.terms.isdisjoint(terms):
            covered += word.weight
    return covered / total if total > 0 else 0.0
