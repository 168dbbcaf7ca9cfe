"""How long searches in documents take, step by step, and how they end."""

from __future__ import annotations

import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from appliance.fairness.shared_metrics import own
from appliance.services.knowledge.search import Retriever
from rag.documents import SearchResult
from rag.filters import Filter
from rag.ports import Scope
from rag.retrieval import EMBEDDER_UNAVAILABLE

_SEARCH_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class MeteredRetriever:
    """Fulfils services.knowledge.search.Retriever with another's answers."""

    def __init__(self, retriever: Retriever, registry: CollectorRegistry) -> None:
        self._retriever = retriever
        mine = own(registry)
        self._ended = Counter(
            "appliance_searches",
            "Searches: found enough to answer from, weak (something, not enough), nothing, error.",
            ["outcome"],
            registry=mine,
        )
        self._took = Histogram(
            "appliance_search_seconds", "A whole search.", buckets=_SEARCH_S, registry=mine
        )
        self._steps = Histogram(
            "appliance_search_step_seconds",
            "A step of a search; some run side by side.",
            ["step"],
            buckets=_SEARCH_S,
            registry=mine,
        )
        self._words_only = Counter(
            "appliance_searches_by_words_only", "Searches while the embedder was away.", registry=mine
        )

    async def search(
        self,
        question: str,
        scope: Scope,
        limit: int = 10,
        *,
        only: Filter | None = None,
        also: Sequence[str] = (),
    ) -> SearchResult:
        started, outcome = time.perf_counter(), "error"
        try:
            result = await self._retriever.search(question, scope, limit, only=only, also=also)
            outcome = _outcome(result)
        finally:
            self._took.observe(time.perf_counter() - started)
            self._ended.labels(outcome).inc()
        if EMBEDDER_UNAVAILABLE in result.notes:
            self._words_only.inc()
        for step in result.trace.steps if result.trace else ():
            self._steps.labels(step.name).observe(step.took_ms / 1000)
        return result


def _outcome(result: SearchResult) -> str:
    if not result.passages:
        return "nothing"
    return "found" if result.is_relevant else "weak"
