"""How much of a question a text speaks of: the share of the question's words it holds, rare words counting more.

A word may be indexed under several terms (its stem, itself); any of them will do. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from rag.analysis import Word

MANY_CHUNKS = 100  # in which a word that is missing has been missed


@dataclass(frozen=True, slots=True)
class WeighedWord:
    """A word of the question; weight is its inverse document frequency among what the asker may see.

    is_used: whether anything that the asker may see has it.
    """

    terms: frozenset[str]
    weight: float
    is_used: bool = True


def idf(chunks: int, df: int) -> float:
    """BM25's inverse document frequency, from 0; chunks: how many there are, df: how many hold the term."""
    return math.log(1 + (chunks - df + 0.5) / (df + 0.5))


def weigh(
    words: Iterable[Word], chunks: int, frequencies: Mapping[str, int], *, has_choices: bool = False
) -> tuple[WeighedWord, ...]:
    """Each word once; a word nobody uses weighs most.

    The rarest of a word's terms gives its weight; has_choices: they are several words to choose from, and the most
    frequent one does.
    """
    choose = max if has_choices else min
    weighed = []
    for terms in dict.fromkeys(word.terms for word in words):
        known = [frequencies[term] for term in terms if frequencies.get(term)]
        weighed.append(WeighedWord(terms, idf(chunks, choose(known, default=0)), bool(known)))
    return tuple(weighed)


def unknown(question: Iterable[WeighedWord], chunks: int) -> float:
    """The share of the question's weight, 0 to 1, of words that nothing the asker may see has.

    Where there is little to see, most words are unknown and it says less: below MANY_CHUNKS it counts in proportion.
    """
    weights = [(word.weight, word.is_used) for word in question]
    total = sum(weight for weight, _ in weights)
    share = sum(weight for weight, is_used in weights if not is_used) / total if total > 0 else 0.0
    return share * min(1.0, chunks / MANY_CHUNKS)


def coverage(question: Iterable[WeighedWord], terms: AbstractSet[str]) -> float:
    """0 to 1; 0 for a question without words."""
    total = covered = 0.0
    for word in question:
        total += word.weight
        if not word.terms.isdisjoint(terms):
            covered += word.weight
    return covered / total if total > 0 else 0.0
