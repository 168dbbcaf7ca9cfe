"""From a question to passages: by meaning, by words and to the letter at once, fused, the first few ordered once more.

What the question puts in quotes, and codes, addresses and the like, lift the passages that hold them verbatim. The same
words in several places are one passage. A question for which
its own language holds too little is asked once more in words of the other one (rag.bridging). Told what the asker may
see; never sees a person. Figures: docs/retrieval.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.errors import EmbedderUnavailable
from inference.ports import Embedder, pinned
from rag.analysis import Analyzer, Word
from rag.bridging import Bridging
from rag.calibration import Calibrate, as_built_in
from rag.documents import Passage, Question, SearchResult
from rag.duplicates import collapse, versions_of_the_best
from rag.evidence import Weighing, Wording, in_other_language
from rag.exact import Exact, exact_strings, lifted, shares
from rag.filters import Filter
from rag.fusion import Ranking, fuse
from rag.fusion_weights import dense_weight
from rag.overlap import idf, weigh
from rag.ports import Scope, VectorStore
from rag.recording import Recorder, traced
from rag.relevance import Evidence, is_relevant
from rag.reranking import Reranking
from rag.sharpening import SHARPENED, Asked, Sharpening
from rag.trace import Trace

NO_DOCUMENTS = "no_documents"  # nothing has been read into what the asker sees
EMBEDDER_UNAVAILABLE = "embedder_unavailable"  # searched by words alone
LANGUAGE_MISMATCH = (
    "language_mismatch"  # the best passage is in another language, which the model does not bridge
)
VERSIONS_DIFFER = "versions_differ"  # documents say nearly the same as the best passages, and not the same
QUOTED_NOT_FOUND = "quoted_not_found"  # nothing holds what the question has in quotation marks

MAX_QUESTION_CHARACTERS = 2_000  # a pasted page would ask for thousands of terms
ALSO_WEIGHT = 0.5  # of another wording's lists, beside the question's own
_HOLDERS = 50  # passages looked up for one exact string
_SPARE = 2  # times the limit is read at once, because copies fall together
_MOST_READS = 4  # of so many, while copies leave too few


@dataclass(frozen=True, slots=True)
class _Query:
    """One wording, ready to be searched for."""

    text: str
    language: str | None
    terms: list[str]
    words: tuple[Word, ...]
    is_bridged: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    """What the index gave for one wording."""

    vector: NDArray[np.float32] | None
    dense: Ranking
    lexical: Ranking


class Retrieval:
    """candidates: passages taken from each list. calibrate: how to read the embedding model's cosines.

    reranking: orders last, where there is one. clock: seconds, for the trace.
    """

    def __init__(
        self,
        store: VectorStore,
        embedder: Embedder,
        analyzer: Analyzer,
        *,
        candidates: int = 100,
        calibrate: Calibrate = as_built_in,
        reranking: Reranking | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._analyzer = analyzer
        self._candidates = candidates
        self._calibrate = calibrate
        self._bridging = Bridging(analyzer)
        self._sharpening = Sharpening(embedder, analyzer, self._bridging)
        self._weighing = Weighing(self._sharpening, analyzer)
        self._reranking = reranking
        self._clock = clock

    async def search(
        self,
        question: str,
        scope: Scope,
        limit: int = 10,
        *,
        only: Filter | None = None,
        also: Sequence[str] = (),
    ) -> SearchResult:
        """The passages of scope that answer best; by words alone where it has to. No question, no passages.

        only: of files whose attributes fulfil it. also: other wordings of the question, which count half.
        """
        result, _ = await self.search_with_evidence(question, scope, limit, only=only, also=also)
        return result

    async def search_with_evidence(
        self,
        question: str,
        scope: Scope,
        limit: int = 10,
        *,
        only: Filter | None = None,
        also: Sequence[str] = (),
    ) -> tuple[SearchResult, list[Evidence]]:
        """search(), and what spoke for the first passage of each wording that found any, for rag.relevance."""
        queries = [self._query(text) for text in dict.fromkeys((question, *also))]
        asked = queries[0]
        queries = [asked, *(query for query in queries[1:] if query.terms)]
        trace = Trace(tuple(query.text for query in queries), asked.language)
        if not scope.collection_ids:
            trace = replace(trace, notes=(NO_DOCUMENTS,))
            return SearchResult((), asked.language, trace.notes, is_relevant=False, trace=trace), []
        if not asked.terms:
            return SearchResult((), asked.language, is_relevant=False, trace=trace), []
        result, evidence = await self._searched(self._begun(scope, limit, only), queries, trace)
        if result.is_relevant or NO_DOCUMENTS in result.notes:
            return result, evidence
        across, more = await self._across(result, asked, self._begun(scope, limit, only))
        return across, evidence + more

    async def _across(
        self, result: SearchResult, asked: _Query, search: _Search
    ) -> tuple[SearchResult, list[Evidence]]:
        """The question in words of another language, where its own found too little; else what there was, retraced."""
        evidence: list[Evidence] = []
        search.besides = asked.language
        guesses = self._bridging.guesses(asked.text, asked.language)
        _, known = await self._store.frequencies(search.scope, guesses) if guesses else (0, {})
        for bridged in self._bridging.bridged(asked.text, asked.language, known):
            terms = sorted({term for word in bridged.words for term in word.terms})
            query = _Query(bridged.text, bridged.language, terms, bridged.words, is_bridged=True)
            before = result.trace or Trace()
            queries = (*before.queries, query.text)
            wordings = [query, asked]  # names and what both languages spell alike
            found, more = await self._searched(search, wordings, Trace(queries, asked.language))
            evidence += more
            after = found.trace or Trace()
            if found.is_relevant:
                notes = tuple(dict.fromkeys((*found.notes, LANGUAGE_MISMATCH)))
                after = replace(after, steps=before.steps + after.steps, notes=notes)
                wording = Question(query.text, query.language)
                found = replace(found, language=asked.language, notes=notes, wording=wording, trace=after)
                return found, evidence
            result = replace(result, trace=replace(before, queries=queries, steps=before.steps + after.steps))
        return result, evidence

    async def _searched(
        self, search: _Search, queries: Sequence[_Query], trace: Trace
    ) -> tuple[SearchResult, list[Evidence]]:
        asked, recorder = queries[0], search.recorder
        strings = exact_strings("\n".join(query.text for query in queries), self._analyzer)
        found, (chunks, frequencies), holding = await asyncio.gather(
            asyncio.gather(*(self._lists(search, query) for query in queries)),
            self._store.frequencies(search.scope, asked.terms),
            self._holding(search, strings),
        )
        words = weigh(asked.words, chunks, frequencies, has_choices=asked.is_bridged)
        read = self._calibrate(search.model_id)
        ready = Asked(asked.text, asked.language, words, found[0].vector, chunks, search.embedder, read)
        held = shares(holding)
        passages = await self._passages(search, self._fused(search, queries, found), found[0], held)
        passages, ordered = await self._ordered(search, ready, passages)
        enough = bool(passages) and self._is_answer(passages[0], ordered)
        passages = lifted(passages, held)
        evidence = None
        if passages:
            wording = Wording(trace.queries[0], ready, is_bridged=asked.is_bridged)
            evidence = await self._weighing.evidence(wording, passages, found[0].dense)
        missing = tuple(s.text for s, ids in zip(strings, holding, strict=True) if s.is_quoted and not ids)
        notes = [ordered.note] if ordered.note else []
        notes += [] if found[0].vector is not None else [EMBEDDER_UNAVAILABLE]
        notes += [NO_DOCUMENTS] if chunks == 0 else []
        if passages and in_other_language(asked.language, passages[0]):
            notes.append(LANGUAGE_MISMATCH)
        notes += [QUOTED_NOT_FOUND] if missing and chunks else []
        differing = versions_of_the_best(passages)
        notes += [VERSIONS_DIFFER] if differing else []
        if not ordered.reranker:
            enough = evidence is not None and is_relevant(evidence)
        recorder.drop(passages[search.limit :], "beyond the number asked for")
        trace = replace(
            trace,
            exact=tuple((string.text, len(ids)) for string, ids in zip(strings, holding, strict=True)),
            steps=tuple(recorder.steps),
            found=tuple(traced(passage) for passage in passages[: search.limit]),
            dropped=tuple(recorder.dropped),
            reranker=ordered.reranker,
            notes=tuple(notes),
            is_relevant=enough,
        )
        weights = {term: idf(chunks, frequencies.get(term, 0)) for term in asked.terms}
        result = SearchResult(
            passages[: search.limit],
            asked.language,
            tuple(notes),
            weights,
            enough,
            missing,
            differing,
            trace=trace,
        )
        return result, [evidence] if evidence is not None else []

    def _begun(self, scope: Scope, limit: int, only: Filter | None) -> _Search:
        """With one model to its end, whichever the index goes over to meanwhile."""
        return _Search(self._clock, scope, limit, only, pinned(self._embedder))

    def _query(self, text: str) -> _Query:
        text = text[:MAX_QUESTION_CHARACTERS]
        language = self._analyzer.language(text)
        words = tuple(self._analyzer.content_words(text, language))
        return _Query(text, language, sorted(set(self._analyzer.terms(text, language))), words)

    async def _lists(self, search: _Search, query: _Query) -> _Found:
        (vector, dense), lexical = await asyncio.gather(
            self._dense(search, query), self._lexical(search, query)
        )
        return _Found(vector, dense, lexical)

    async def _dense(
        self, search: _Search, query: _Query
    ) -> tuple[NDArray[np.float32] | None, list[tuple[int, float]]]:
        try:
            with search.recorder.step("embed"):
                vector = await search.embedder.embed_query(query.text)
        except EmbedderUnavailable:
            return None, []
        with search.recorder.step("by meaning") as figures:
            found = await self._store.dense(
                search.scope,
                search.embedder.model_id,
                vector,
                search.candidates(self._candidates),
                search.only,
            )
            figures |= {"model": search.embedder.model_id, "found": len(found)}
        return vector, found

    async def _lexical(self, search: _Search, query: _Query) -> list[tuple[int, float]]:
        with search.recorder.step("by words") as figures:
            candidates = search.candidates(self._candidates)
            found = await self._store.lexical(search.scope, query.terms, candidates, search.only)
            figures |= {"terms": len(query.terms), "found": len(found)}
        return found

    async def _holding(self, search: _Search, strings: Sequence[Exact]) -> list[list[int]]:
        if not strings:
            return []
        with search.recorder.step("to the letter") as figures:
            holding = await self._store.holding(search.scope, strings, _HOLDERS, search.only)
            figures |= {"strings": len(strings), "found": len({one for ids in holding for one in ids})}
        return holding

    def _fused(self, search: _Search, queries: Sequence[_Query], found: Sequence[_Found]) -> dict[int, float]:
        """Chunk -> 0 to 1. A list that is empty leaves the other one's order as it is."""
        rankings: list[tuple[float, Ranking]] = []
        total = 0.0
        with search.recorder.step("fuse") as figures:
            for number, (query, lists) in enumerate(zip(queries, found, strict=True)):
                weight = ALSO_WEIGHT if number else 1.0
                share = dense_weight(search.model_id, query.language)
                rankings += [(weight * share, lists.dense), (weight * (1 - share), lists.lexical)]
                total += weight
            fused = {chunk: score / total for chunk, score in fuse(rankings)}
            figures |= {"passages": len(fused)}
        return fused

    async def _passages(
        self, search: _Search, fused: Mapping[int, float], found: _Found, held: Mapping[int, float]
    ) -> list[Passage]:
        """The first of all lists, holders of exact strings before others, each text once."""
        cosines, scores = dict(found.dense), dict(found.lexical)
        ranked = sorted({*fused, *held}, key=lambda chunk: (-held.get(chunk, 0), -fused.get(chunk, 0), chunk))
        wanted = search.fetched(self._reranking)
        passages: list[Passage] = []
        kept: list[Passage] = []
        copies: list[Passage] = []
        with search.recorder.step("read") as figures:
            for begin in range(0, _MOST_READS * _SPARE * wanted, _SPARE * wanted):
                chunks = ranked[begin : begin + _SPARE * wanted]
                passages += [
                    replace(
                        passage,
                        score=fused.get(passage.chunk_id, 0.0),
                        dense=cosines.get(passage.chunk_id),
                        lexical=scores.get(passage.chunk_id),
                        fused=fused.get(passage.chunk_id),
                    )
                    for passage in (await self._store.passages(search.scope, chunks) if chunks else ())
                    if passage.language is None or passage.language != search.besides
                ]
                kept, copies = collapse(passages)
                if len(kept) >= wanted or len(chunks) < _SPARE * wanted:
                    break
            figures |= {"passages": len(passages)}
        search.recorder.drop(copies, "the same words as a better one")
        return kept

    async def _ordered(
        self, search: _Search, asked: Asked, passages: Sequence[Passage]
    ) -> tuple[list[Passage], _Order]:
        """By the reranker where it answers in time, else by the best sentence."""
        note = ""
        if self._reranking is not None and passages:
            with search.recorder.step("rerank") as figures:
                ranked, note = await self._reranking.reranked(asked.text, passages)
                model = self._reranking.reranker.model_id
                figures |= {
                    "model": model,
                    "passages": min(len(passages), self._reranking.candidates),
                    "budget_ms": round(self._reranking.budget_s * 1000),
                    "outcome": note or "reranked",
                }
            if not note:
                return ranked, _Order(reranker=model)
        with search.recorder.step("sharpen") as figures:
            sharpened = await self._sharpening.sharpened(asked, passages)
            figures |= {"passages": min(len(passages), SHARPENED)}
        return sharpened, _Order(note=note)

    def _is_answer(self, best: Passage, ordered: _Order) -> bool:
        """By the score that ranked last: the reranker's; the evidence decides where there was none."""
        return bool(ordered.reranker and self._reranking and best.score >= self._reranking.least)


@dataclass(frozen=True, slots=True)
class _Order:
    """What put the passages in order. note: why the reranker did not."""

    reranker: str = ""
    note: str = ""


class _Search:
    """One search: what is asked of the store, and the record of its steps."""

    def __init__(
        self, clock: Callable[[], float], scope: Scope, limit: int, only: Filter | None, embedder: Embedder
    ) -> None:
        self.recorder = Recorder(clock)
        self.scope, self.limit, self.only, self.embedder = scope, limit, only, embedder
        self.besides: str | None = None  # passages of that language have been looked at

    @property
    def model_id(self) -> str:
        """Empty where the embedder has never answered."""
        try:
            return self.embedder.model_id
        except EmbedderUnavailable:
            return ""

    def candidates(self, usual: int) -> int:
        return max(usual, self.limit)

    def fetched(self, reranking: Reranking | None) -> int:
        """Passages that are put in order."""
        return max(self.limit, SHARPENED, reranking.candidates if reranking else 0)
