"""`/v1/rerank` in Jina's shape: which texts answer a question best.

By the cross-encoder that searches use, where one is set; else by the embedded model, whose scores are cosines. The fast
path itself asks the models of engines. What a model does not read of a text is told in `dropped`, or refused where the
request says `truncation: "disabled"`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

import numpy as np

from appliance.api.embedder_turns import EmbedderTurns
from appliance.api.embedding_answers import EmbeddingAnswers, weigh
from appliance.api.exchange import Exchange
from appliance.api.openai_requests import WireRequest
from appliance.domain.people import Caller
from appliance.domain.refusals import Told
from appliance.errors import PromptTooLong
from appliance.fairness.answer_scan import estimated_prompt_tokens
from appliance.fairness.gate import Gate
from appliance.services.offered_models import own_names
from inference.embedding.refusals import QueryTooLong
from inference.ports import Embedder, pinned
from inference.reranking.judged import Judged


class Reranks(Protocol):
    """The embedding process's cross-encoder; inference.embedding.client fulfils it."""

    async def rerank(self, query: str, texts: Sequence[str]) -> list[Judged]:
        """Raises EmbedderUnavailable, RerankerBroken, QueryTooLong."""
        ...


@dataclass(frozen=True, slots=True)
class LocalReranker:
    """model: its name."""

    model: str
    process: Reranks


@dataclass(frozen=True, slots=True)
class _Scored:
    """Of each document. tokens: read, all together. is_exact: by the model's own count. unread: of each."""

    scores: Sequence[float]
    tokens: int
    is_exact: bool
    unread: Sequence[int]


class RerankAnswers:
    """reranker None: no cross-encoder is set. embedder None: nor a model of vectors."""

    def __init__(
        self,
        reranker: LocalReranker | None,
        embedder: Embedder | None,
        embeddings: EmbeddingAnswers,
        gate: Gate,
        aliases: Mapping[str, str],
    ) -> None:
        self._reranker, self._embedder, self._embeddings = reranker, embedder, embeddings
        self._turns = EmbedderTurns(gate)
        self._own = own_names(reranker.model, aliases) if reranker is not None else []

    def serves(self, model: str) -> bool:
        """Whether that name is one that this process can rank by."""
        return model in self.names

    @property
    def names(self) -> list[str]:
        """The cross-encoder's, then the embedded model's."""
        return [*self._own, *self._embeddings.names]

    async def answer(self, exchange: Exchange, caller: Caller, request: WireRequest) -> None:
        """Raises NotPermitted, PromptTooLong, EmbedderUnavailable, RerankerBroken, PartUnavailable, QueueFull,
        RateLimited and QuotaExceeded."""
        texts = documents_of(request.payload)
        is_own = request.model in self._own
        names = self._own if is_own else self._embeddings.names
        async with self._turns.turn(exchange, caller, request, names) as turn:
            scored = await (self._judged(request, texts) if is_own else self._compared(request, texts))
            cut = [place for place, unread in enumerate(scored.unread) if unread]
            if cut and request.payload.get("truncation") == "disabled":
                raise _too_long(request, cut[0], scored.unread[cut[0]])
            body = _body(request, texts, scored)
            if cut:
                body["dropped"] = {"documents": cut, "tokens": sum(scored.unread)}
            await turn.send(body, scored.tokens, is_exact=scored.is_exact)

    async def _judged(self, request: WireRequest, texts: Sequence[str]) -> _Scored:
        assert self._reranker is not None
        try:
            judged = await self._reranker.process.rerank(query_of(request.payload), texts)
        except QueryTooLong as error:
            told = Told(
                "input_too_long",
                tokens=error.tokens,
                model=repr(request.model),
                most=error.most,
                over=error.tokens - error.most,
            )
            raise PromptTooLong(told, param="query") from error
        tokens = sum(one.tokens for one in judged)
        return _Scored([one.score for one in judged], tokens, True, [one.unread for one in judged])

    async def _compared(self, request: WireRequest, texts: Sequence[str]) -> _Scored:
        assert self._embedder is not None
        embedder, query = pinned(self._embedder), query_of(request.payload)
        weighed = await weigh(embedder, [query, *texts])
        asked = await embedder.embed_query(query)
        scores = (await embedder.embed_passages(texts)) @ asked
        tokens = sum(weighed.tokens) if weighed else estimated_prompt_tokens(request.payload)
        unread = weighed.unread[1:] if weighed else [0] * len(texts)
        return _Scored([float(one) for one in scores], tokens, weighed is not None, unread)


def query_of(payload: Mapping[str, Any]) -> str:
    """The question's text."""
    query = payload["query"]
    return query if isinstance(query, str) else str(query["text"])


def documents_of(payload: Mapping[str, Any]) -> list[str]:
    """The documents' texts."""
    return [one if isinstance(one, str) else one["text"] for one in payload["documents"]]


def _body(request: WireRequest, texts: Sequence[str], scored: _Scored) -> dict[str, Any]:
    """Best first; equals in their own order."""
    payload = request.payload
    order = np.argsort(-np.asarray(scored.scores, np.float64), kind="stable")[: payload.get("top_n")]
    shows = payload.get("return_documents") is not False
    results = [
        {
            "index": int(place),
            "relevance_score": float(scored.scores[place]),
            **({"document": {"text": texts[place]}} if shows else {}),
        }
        for place in order
    ]
    usage = {"prompt_tokens": scored.tokens, "total_tokens": scored.tokens}
    return {
        "id": f"rerank-{uuid4().hex[:24]}",
        "object": "list",
        "model": request.model,
        "results": results,
        "usage": usage,
    }


def _too_long(request: WireRequest, place: int, over: int) -> PromptTooLong:
    told = Told("document_unread", model=repr(request.model), over=over)
    return PromptTooLong(told, param=f"documents[{place}]")
