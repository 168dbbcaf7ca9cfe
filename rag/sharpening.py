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
from rag import telling
from rag.analysis import Analyzer
from rag.bridging import Bridging
from rag.calibration import Calibration, as_built_in
from rag.documents import Passage
from rag.overlap import WeighedWord

SHARPENED = 5  # passages whose best sentence is looked at
COVERAGE_WEIGHT = 0.5
SENTENCE_WEIGHT = 0.6
_TOTAL_WEIGHT = 1 + COVERAGE_WEIGHT + SENTENCE_WEIGHT


@dataclass(frozen=True, slots=True)
class Asked:
    """The question as the steps need it; vector is None where the embedder is away. chunks: all that is visible.

    embedder: made the vector; calibration: how to read its cosines. likenesses: by chunk, once they are known.
    """

    text: str
    language: str | None
    words: tuple[WeighedWord, ...]
    vector: NDArray[np.float32] | None
    chunks: int = 0
    embedder: Embedder | None = None
    calibration: Calibration = field(default_factory=lambda: as_built_in(""))
    likenesses: dict[int, float] = field(default_factory=dict, compare=False)


class Sharpening:
    """embedder: where a question brings none. bridging: for `likeness` in a language that the model does not know."""

    def __init__(self, embedder: Embedder, analyzer: Analyzer, bridging: Bridging) -> None:
        self._embedder = embedder
        self._analyzer = analyzer
        self._bridging = bridging

    async def sharpened(self, asked: Asked, passages: Sequence[Passage]) -> list[Passage]:
        """Best first; scores stay within 0 and 1."""
        first, rest = passages[:SHARPENED], passages[SHARPENED:]
        sentences = [telling.best(telling.shares(asked.words, passage, self._analyzer)) for passage in first]
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

    async def likeness(self, asked: Asked, passage: Passage, sentence: str) -> float:
        """The cosine of the question and the passage's best sentence, at worst word by word in the model's language.

        0 where there is no way. Good enough to tell whether there is an answer, and not to put passages in order.
        """
        if passage.chunk_id not in asked.likenesses:
            asked.likenesses[passage.chunk_id] = await self._likeness(asked, passage, sentence)
        return asked.likenesses[passage.chunk_id]

    async def _likeness(self, asked: Asked, passage: Passage, sentence: str) -> float:
        if asked.vector is None or not sentence:
            return 0.0
        known = asked.calibration.languages
        pair = [(asked.text, asked.language), (sentence, passage.language)]
        readable = [
            text if known is None or language in known else self._bridging.glossed(text, language, known)
            for text, language in pair
        ]
        question, said = readable
        if not question or not said:
            return 0.0
        embed = (asked.embedder or self._embedder).embed_query
        try:
            vector = asked.vector if question == asked.text else await embed(question)
            return max(0.0, asked.calibration.cosine(float(await embed(said) @ vector)))
        except EmbedderUnavailable:
            return 0.0

    async def _cosine(self, asked: Asked, passage: Passage, sentence: str) -> float:
        """0 where the model knows neither language: there a single sentence misleads more than it helps."""
        if not asked.calibration.knows(asked.language, passage.language):
            return 0.0
        return await self.likeness(asked, passage, sentence)
