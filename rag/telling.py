"""Which sentences of a passage speak of a question, and how much of it each holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.analysis import Analyzer
from rag.documents import Passage
from rag.overlap import WeighedWord, coverage
from rag.sentences import split_sentences

REACH = 2  # sentences before and behind one that speaks of the question, in which its answer may stand
_LEAST_OF_BEST = 0.5


def shares(words: Sequence[WeighedWord], passage: Passage, analyzer: Analyzer) -> list[tuple[str, float]]:
    """Its sentences in order, each with the share of the question, 0 to 1, that it holds."""
    return list(_shares(words, passage, analyzer))


def _shares(
    words: Sequence[WeighedWord], passage: Passage, analyzer: Analyzer
) -> Iterator[tuple[str, float]]:
    for start, end in split_sentences(passage.text, 0, len(passage.text)):
        sentence = passage.text[start:end]
        yield sentence, coverage(words, set(analyzer.terms(sentence, passage.language)))


def best(sentences: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """The one that holds most, the first of equals; ("", 0) of none."""
    return max(sentences, key=lambda one: one[1], default=("", 0.0))


def around(sentences: Sequence[tuple[str, float]]) -> str:
    """Those that speak of the question, with REACH sentences beside each; all where none does."""
    least = _LEAST_OF_BEST * best(sentences)[1]
    speaking = [index for index, (_, share) in enumerate(sentences) if share >= least]
    near = {index + step for index in speaking for step in range(-REACH, REACH + 1)}
    return "\n".join(sentence for index, (sentence, _) in enumerate(sentences) if index in near)
