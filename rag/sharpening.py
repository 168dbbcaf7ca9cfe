"""The first few passages put in order once more by their best sentence: the one that holds most of the question.

Figures and what was tried: docs/retrieval.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.errors import EmbedderUnavailable
from inference.ports import Embedder
from rag.analysis import Analyzer
from rag.documents import Passage
from rag.overlap import WeighedWord, coverage
from rag.sentences import split_sentences

SHARPENED = 5  # passages whose best sentence is looked at
COVERAGE_WEIGHT = 0.5
SENTENCE_WEIGHT = 0.6
_TOTAL_WEIGHT = 1 + COVERAGE_WEIGHT + SENTENCE_WEIGHT


@dataclass(frozen=True, slots=True)
class Asked:
    """The question as the steps need it; vector is None where the embedder is away. chunks: all that is visible."""

    text: str
    language: str | None
    words: tuple[WeighedWord, ...]
    vector: NDArray[np.float32] | None
    chunks: int = 0


class Sharpening:
    """model_languages: those the embedding model was trained in."""

    def __init__(self, embedder: Embedder, analyzer: Analyzer, model_languages: Collection[str]) -> None:
        self._embedder = embedder
        self._analyzer = analyzer
        self._model_languages = frozenset(model_languages)

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
        languages = {asked.language, passage.language}
        if asked.vector is None or not sentence or not languages <= self._model_languages:
            return 0.0
        try:
            return max(0.0, float(await self._embedder.embed_query(sentence) @ asked.vector))
        except EmbedderUnavailable:
            return 0.0
