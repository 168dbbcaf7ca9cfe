"""From a question to passages: by meaning and by words at once, fused, the first few put in order once more.

The last step looks at single sentences: in each of the first passages, the one that holds most of the question's words,
and how near the question it is. Told what the asker may see; never sees a person. Figures: docs/retrieval.md.
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
from rag.documents import Passage, SearchResult
from rag.filters import Filter
from rag.fusion import Ranking, fuse
from rag.overlap import WeighedWord, coverage, idf, weigh
from rag.ports import Scope, VectorStore
from rag.relevance import Evidence, is_relevant
from rag.sentences import split_sentences

NO_DOCUMENTS = "no_documents"  # nothing has been read into what the asker sees
EMBEDDER_UNAVAILABLE = "embedder_unavailable"  # searched by words alone
LANGUAGE_MISMATCH = (
    "language_mismatch"  # the best passage is in another language, which the model does not bridge
)

MAX_QUESTION_CHARACTERS = 2_000  # a pasted page would ask for thousands of terms
DENSE_WEIGHT = 0.3
SHARPENED = 5  # passages whose best sentence is looked at
COVERAGE_WEIGHT = 0.5
SENTENCE_WEIGHT = 0.6
_TOTAL_WEIGHT = 1 + COVERAGE_WEIGHT + SENTENCE_WEIGHT


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question as the steps below need it; vector is None where the embedder is away."""

    text: str
    language: str | None
    words: tuple[WeighedWord, ...]
    vector: NDArray[np.float32] | None


class Retrieval:
    """candidates: passages taken from each list. model_languages: those the embedding model was trained in."""

    def __init__(
        self,
        store: VectorStore,
        embedder: Embedder,
        analyzer: Analyzer,
        *,
        candidates: int = 100,
        model_languages: Collection[str] = ("en",),
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._analyzer = analyzer
        self._candidates = candidates
        self._model_languages = frozenset(model_languages)

    async def search(
        self,
        question: str,
        scope: Scope,
        limit: int = 10,
        *,
        only: Filter | None = None,
        also: Sequence[str] = (),
    ) -> SearchResult:
        """The passages of scope that answer best; by words alone where it has to. No question, no passages."""
        result, _ = await self.search_with_evidence(question, scope, limit, only=only)
        return result

    async def search_with_evidence(
        self, question: str, scope: Scope, limit: int = 10, *, only: Filter | None = None
    ) -> tuple[SearchResult, Evidence | None]:
        """search(), and what spoke for its first passage (None: there is none), for calibrating rag.relevance."""
        text = question[:MAX_QUESTION_CHARACTERS]
        language = self._analyzer.language(text)
        terms = sorted(set(self._analyzer.terms(text, language)))
        if not scope.collection_ids:
            return SearchResult((), language, (NO_DOCUMENTS,), is_relevant=False), None
        if not terms:
            return SearchResult((), language, is_relevant=False), None
        candidates = max(self._candidates, limit)
        (vector, dense), lexical, (chunks, frequencies) = await asyncio.gather(
            self._dense(text, scope, candidates, only),
            self._store.lexical(scope, terms, candidates, only),
            self._store.frequencies(scope, terms),
        )
        words = weigh(self._analyzer.content_words(text, language), chunks, frequencies)
        asked = _Asked(text, language, words, vector)
        found = await self._passages(scope, dense, lexical, max(limit, SHARPENED))
        passages = await self._sharpened(asked, found)
        notes = [] if vector is not None else [EMBEDDER_UNAVAILABLE]
        if chunks == 0:
            notes.append(NO_DOCUMENTS)
        if passages and _in_other_language(language, passages[0]):
            notes.append(LANGUAGE_MISMATCH)
        evidence = self._evidence(asked, passages[0], dense) if passages else None
        weights = {term: idf(chunks, frequencies.get(term, 0)) for term in terms}
        enough = evidence is not None and is_relevant(evidence)
        return SearchResult(passages[:limit], language, tuple(notes), weights, enough), evidence

    async def _dense(
        self, text: str, scope: Scope, limit: int, only: Filter | None
    ) -> tuple[NDArray[np.float32] | None, list[tuple[int, float]]]:
        try:
            vector = await self._embedder.embed_query(text)
        except EmbedderUnavailable:
            return None, []
        return vector, await self._store.dense(scope, self._embedder.model_id, vector, limit, only)

    async def _passages(self, scope: Scope, dense: Ranking, lexical: Ranking, limit: int) -> list[Passage]:
        """The best of both lists; a list that is empty leaves the other one's order as it is."""
        fused = fuse([(DENSE_WEIGHT, dense), (1 - DENSE_WEIGHT, lexical)])[:limit]
        cosines, scores, totals = dict(dense), dict(lexical), dict(fused)
        found = await self._store.passages(scope, [chunk for chunk, _ in fused])
        return [
            replace(
                passage,
                score=totals[passage.chunk_id],
                dense=cosines.get(passage.chunk_id),
                lexical=scores.get(passage.chunk_id),
            )
            for passage in found
        ]

    async def _sharpened(self, asked: _Asked, passages: Sequence[Passage]) -> list[Passage]:
        """The first few by their best sentence as well; scores stay within 0 and 1."""
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

    def _best_sentence(self, asked: _Asked, passage: Passage) -> tuple[str, float]:
        """The sentence that holds most of the question, and how much; the first of equals."""
        best, most = "", -1.0
        for start, end in split_sentences(passage.text, 0, len(passage.text)):
            sentence = passage.text[start:end]
            share = coverage(asked.words, set(self._analyzer.terms(sentence, passage.language)))
            if share > most:
                best, most = sentence, share
        return best, max(most, 0.0)

    async def _cosine(self, asked: _Asked, passage: Passage, sentence: str) -> float:
        """0 where the model knows neither language: there a single sentence misleads more than it helps."""
        languages = {asked.language, passage.language}
        if asked.vector is None or not sentence or not languages <= self._model_languages:
            return 0.0
        try:
            return max(0.0, float(await self._embedder.embed_query(sentence) @ asked.vector))
        except EmbedderUnavailable:
            return 0.0

    def _evidence(self, asked: _Asked, passage: Passage, dense: Ranking) -> Evidence:
        """What speaks for the best passage. One that is not in the dense list is no nearer than the last that is."""
        context = " ".join((*passage.headings, passage.text))
        terms = set(self._analyzer.terms(context, passage.language))
        cosine = passage.dense if passage.dense is not None or not dense else dense[-1][1]
        return Evidence(
            coverage(asked.words, terms),
            None if asked.vector is None else cosine or 0.0,
            is_model_language=asked.language is None or asked.language in self._model_languages,
            is_other_language=_in_other_language(asked.language, passage),
        )


def _in_other_language(language: str | None, passage: Passage) -> bool:
    return language is not None and passage.language is not None and language != passage.language
