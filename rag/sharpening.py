"""The first few passages put in order once more by their best sentence: the one that holds most of the question.

Figures and what was tried: docs/retrieval.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from inference.errors import EmbedderUnavailable
from inference.ports import Embedder
from rag.analysis import Analyzer
from rag.calibration import Calibration, as_built_in
from rag.documents import Passage
from rag.overlap import WeighedWord, coverage
from rag.sentences import split_sentences

SHARPENED = 5  # passages whose best sentence is looked at
COVERAGE_WEIGHT = 0.5
SENTENCE_WEIGHT = 0.6
_TOTAL_WEIGHT = 1 + COVERAGE_WEIGHT + SENTENCE_WEIGHT


@dataclass(frozen=True, slots=True)
class Asked:
    """The question as the steps need it; vector is None where the embedder is away. chunks: all that is visible.

    embedder: made the vector; calibration: how to read its cosines.
    """

    text: str
    language: str | None
    words: tuple[WeighedWord, ...]
    vector: NDArray[np.float32] | None
    chunks: int = 0
    embedder: Embedder | None = None
    calibration: Calibration = field(default_factory=lambda: as_built_in(""))


class Sharpening:
    """embedder: where a question brings none."""

    def __init__(self, embedder: Embedder, analyzer: Analyzer) -> None:
        self._embedder = embedder
        self._analyzer = analyzer

    async def sharpened(self, asked: Asked, passages: Sequence[Passage]) -> list[Passage]:
        """Best first; scores stay within 0 and 1."""
        first, rest = passages[:SHARPENED], passages[SHARPENED:]
        sentences = [self._best_sentence(asked, passage) for passage in first]
        cosines = await asyncio.gather(
            *(
                self._cosine(asked, passage, sentence)
                for passage, (sentence, _) in zip(first, sentences, strict=True)
            )
        )
        sharpened = [
            replace(
                passage,
                score=(passage.score + COVERAGE_WEIGHT * share + SENTENCE_WEIGHT * cosine) / _TOTAL_WEIGHT,
            )
            for passage, (_, share), cosine in zip(first, sentences, cosines, strict=True)
        ]
        sharpened.sort(key=lambda passage: (-passage.score, passage.chunk_id))
        return sharpened + [replace(passage, score=passage.score / _TOTAL_WEIGHT) for passage in rest]

    def _best_sentence(self, asked: Asked, passage: Passage) -> tuple[str, float]:
        """The sentence that holds most of the question, and how much; the first of equals."""
        best, most = "", -1.0
        for start, end in split_sentences(passage.text, 0, len(passage.text)):
            sentence = passage.text[start:end]
            share = coverage(asked.words, set(self._analyzer.terms(sentence, passage.language)))
            if share > most:
                best, most = sentence, share
        return best, max(most, 0.0)

    async def _cosine(self, asked: Asked, passage: Passage, sentence: str) -> float:
        """0 where the model knows neither language: there a single sentence misleads more than it helps."""
        if asked.vector is None or not sentence:
            return 0.0
        if not asked.calibration.knows(asked.language, passage.language):
            return 0.0
        try:
            vector = await (asked.embedder or self._embedder).embed_query(sentence)
            return max(0.0, asked.calibration.cosine(float(vector @ asked.vector)))
        except EmbedderUnavailable:
            return 0.0
