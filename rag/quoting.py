"""Picking the sentences that answer a question, without a language model.

A sentence scores by meaning and by shared words, helped by its neighbours and held back by its passage's rank:
    b = 0.4 · cosine(question, sentence) + 0.6 · (weight of shared terms / weight of all the question's terms)
    s = b + 0.2 · b(previous) + 0.2 · b(next) − 0.1 · rank
The best ones of the first two passages are kept as long as they reach 0.55 of the best. The weights were fitted
on one half of XQuAD in English and Spanish and judged on the other (docs/retrieval.md). Pure: what a sentence holds is
handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

MAX_SENTENCES = 3
MAX_PASSAGES = 2
_COSINE_SHARE = 0.4
_NEIGHBOUR = 0.2
_RANK_COST = 0.1
_KEEP_SHARE = 0.55


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence, passage.text[start:end]; rank counts the found passages from 0, cosine is to the question."""

    rank: int
    start: int
    end: int
    terms: frozenset[str]
    cosine: float


def overlap(terms: Collection[str], weights: Mapping[str, float]) -> float:
    """The share, 0 to 1, of the question's term weight that these terms hold; 0 for a question without terms."""
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in terms) / total if total > 0 else 0.0


def select(
    candidates: Sequence[Candidate],
    weights: Mapping[str, float],
    *,
    max_sentences: int = MAX_SENTENCES,
    max_passages: int = MAX_PASSAGES,
) -> list[Candidate]:
    """The sentences to quote, in the order of their passages and of the text.

    candidates: sentences of one passage stand together and in order. weights: inverse document frequency of each of the
    question's terms.
    """
    eligible = [candidate for candidate in candidates if candidate.rank < max_passages]
    if not eligible:
        return []
    base = [
        _COSINE_SHARE * candidate.cosine + (1 - _COSINE_SHARE) * overlap(candidate.terms, weights)
        for candidate in eligible
    ]
    scores = [_score(eligible, base, index) for index in range(len(eligible))]
    best = max(scores)
    order = sorted(range(len(eligible)), key=lambda index: (-scores[index], index))
    kept = [index for index in order if scores[index] >= _KEEP_SHARE * best][:max_sentences]
    return [eligible[index] for index in sorted(kept, key=lambda i: (eligible[i].rank, eligible[i].start))]


def _score(candidates: Sequence[Candidate], base: Sequence[float], index: int) -> float:
    neighbours = (index - 1, index + 1)
    help_from_beside = sum(
        base[beside]
        for beside in neighbours
        if 0 <= beside < len(base) and candidates[beside].rank == candidates[index].rank
    )
    return base[index] + _NEIGHBOUR * help_from_beside - _RANK_COST * candidates[index].rank
