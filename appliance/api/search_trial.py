"""`POST /api/search`: a question against collections, with what every score was and what was left out and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from appliance.api.strict_json import StrictJsonRoute
from appliance.api.vector_store_shapes import FilterBody, Id, Text, as_search_result
from appliance.domain.people import Caller
from appliance.ports import Search
from appliance.services.knowledge import identifiers
from rag.documents import Passage
from rag.trace import Trace

Identify = Callable[[Request], Awaitable[Caller]]


class TrialBody(BaseModel):
    """vector_store_ids absent: everything that the caller sees but for files of chats."""

    model_config = ConfigDict(extra="forbid")

    query: Annotated[Text, Field(min_length=1, max_length=32_000)]
    vector_store_ids: list[Id] | None = Field(None, min_length=1, max_length=500)
    max_num_results: int = Field(10, ge=1, le=50)
    filters: FilterBody | None = None


def search_trial_router(search: Search, identify: Identify) -> APIRouter:
    """The route, for the application to include."""
    routes = APIRouter(tags=["collections"], route_class=StrictJsonRoute)

    @routes.post("/api/search")
    async def find(body: TrialBody, caller: Caller = Depends(identify)) -> dict[str, Any]:
        """As an answer would search, without a model: results with each of their scores, and the trace."""
        wanted = body.vector_store_ids
        collections = None if wanted is None else [_collection(one) for one in dict.fromkeys(wanted)]
        only = body.filters.condition() if body.filters is not None else None
        result = await search.search(caller, body.query, collections, body.max_num_results, only=only)
        return {
            "object": "search",
            "query": body.query,
            "language": result.language,
            "is_relevant": result.is_relevant,
            "notes": list(result.notes),
            "missing": list(result.missing),
            "data": [_result(passage) for passage in result.passages],
            "trace": None if result.trace is None else _trace(result.trace),
        }

    return routes


def _result(passage: Passage) -> dict[str, Any]:
    """score: of what ranked last; meaning: cosine, -1 to 1; words: BM25, from 0; fused: 0 to 1."""
    return {
        **as_search_result(passage, {}),
        "chunk_id": passage.chunk_id,
        "vector_store_id": identifiers.wire(identifiers.COLLECTION, passage.collection_id),
        "number": passage.page or 1,
        "scores": {
            "meaning": passage.dense,
            "words": passage.lexical,
            "fused": passage.fused,
            "last": passage.score,
        },
        "also_in": [
            {
                "file_id": identifiers.wire(identifiers.FILE, twin.file_id),
                "filename": twin.filename,
                "vector_store_id": identifiers.wire(identifiers.COLLECTION, twin.collection_id),
                "page": twin.page,
            }
            for twin in passage.also_in
        ],
    }


def _trace(trace: Trace) -> dict[str, Any]:
    """With ids as they are written elsewhere."""
    shown = trace.as_json()
    for name in ("found", "dropped"):
        for one in shown[name]:
            one["file_id"] = identifiers.wire(identifiers.FILE, UUID(one["file_id"]))
    return shown


def _collection(text: str) -> UUID:
    return identifiers.parse(identifiers.COLLECTION, text, param="vector_store_ids")
