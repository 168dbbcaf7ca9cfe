"""Questions in similar words as one. Pure.

By the stems of their telling words, not by vectors: what stands in one group can be seen to belong together, nothing
has to be asked of a model, and two thousand questions take a few hundredths of a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from appliance.domain.insights import AskedQuestion, QuestionGroup

_ALIKE = 0.5  # of all their words together, so many stand in both (Jaccard)
_OTHERS = 3


class Words(Protocol):
    """`rag.analysis.Analyzer` fulfils it."""

    def terms(self, text: str, language: str | None) -> list[str]:
        """Stems, and words as they are written, which are marked by a `=` in front."""
        ...


def grouped(asked: Iterable[AskedQuestion], words: Words) -> list[QuestionGroup]:
    """asked: newest first. Most often asked first, the newest of these first."""
    groups: list[_Group] = []
    by_word: dict[str, list[_Group]] = {}
    for question in asked:
        stems = _stems(question, words)
        shared = Counter(id(group) for stem in stems for group in by_word.get(stem, ()))
        near = {id(group): group for stem in stems for group in by_word.get(stem, ())}
        best = max(
            near.values(), key=lambda group: _likeness(stems, group.stems, shared[id(group)]), default=None
        )
        if best is None or _likeness(stems, best.stems, shared[id(best)]) < _ALIKE:
            best = _Group(stems)
            groups.append(best)
            for stem in stems:
                by_word.setdefault(stem, []).append(best)
        best.asked.append(question)
    return sorted(
        (_told(group.asked) for group in groups), key=lambda one: (-one.count, -one.last_at.timestamp())
    )


class _Group:
    """stems: of its first question, so that a group does not wander from one thing to another."""

    def __init__(self, stems: frozenset[str]) -> None:
        self.stems = stems
        self.asked: list[AskedQuestion] = []


def _stems(question: AskedQuestion, words: Words) -> frozenset[str]:
    terms = words.terms(question.question, question.language or None)
    return frozenset(term for term in terms if not term.startswith("=")) or frozenset(
        {question.question.casefold()}
    )


def _likeness(one: frozenset[str], other: frozenset[str], shared: int) -> float:
    return shared / (len(one) + len(other) - shared)


def _told(asked: Sequence[AskedQuestion]) -> QuestionGroup:
    wordings = list(dict.fromkeys(" ".join(one.question.split()) for one in asked))
    return QuestionGroup(
        question=wordings[0],
        others=tuple(wordings[1 : 1 + _OTHERS]),
        count=len(asked),
        people=len({one.asker for one in asked}),
        languages=tuple(sorted({one.language for one in asked if one.language})),
        collections=tuple(sorted({name for one in asked for name in one.collections})),
        first_at=min(one.asked_at for one in asked),
        last_at=max(one.asked_at for one in asked),
    )
