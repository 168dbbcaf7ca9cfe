"""`/v1/vector_stores`: collections, their files and batches, and search, as the official SDK speaks to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from appliance.api.openai_files import as_list
from appliance.api.receipts import as_receipt
from appliance.api.strict_json import StrictJsonRoute
from appliance.api.vector_store_shapes import (
    AttributesChange,
    NewFileBatch,
    NewVectorStore,
    NewVectorStoreFile,
    SearchBody,
    VectorStoreChange,
    as_batch,
    as_search_result,
    as_vector_store,
    as_vector_store_file,
    audience_of,
    file_id_of,
)
from appliance.domain.documents import IngestionStatus, PageRequest
from appliance.domain.people import Caller
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.knowledge import Knowledge
from appliance.services.knowledge.search import KnowledgeSearch

Identify = Callable[[Request], Awaitable[Caller]]
Limit = Annotated[int, Query(ge=1, le=100)]
Order = Literal["asc", "desc"]

_POLL_MS = "300"  # how soon the SDK's `…_and_poll` asks again; its own choice is a second


def vector_stores_router(knowledge: Knowledge, search: KnowledgeSearch, identify: Identify) -> APIRouter:
    """All routes below /v1/vector_stores."""
    router = APIRouter(prefix="/v1/vector_stores", tags=["vector stores"], route_class=StrictJsonRoute)
    _add_store_routes(router, knowledge, identify)
    _add_file_routes(router, knowledge, identify)
    _add_batch_routes(router, knowledge, identify)
    _add_search_routes(router, knowledge, search, identify)
    return router


def _add_store_routes(router: APIRouter, knowledge: Knowledge, identify: Identify) -> None:
    @router.post("")
    async def create(body: NewVectorStore, caller: Caller = Depends(identify)) -> dict[str, Any]:
        collection = await knowledge.create(
            caller,
            body.name or "Untitled",
            audience_of(body.owner, caller),
            description=body.description,
            metadata=body.metadata,
            additions=[(file_id_of(file_id), {}) for file_id in body.file_ids],
        )
        return as_vector_store(collection)

    @router.get("")
    async def stores(
        caller: Caller = Depends(identify),
        limit: Limit = 20,
        order: Order = "desc",
        after: str | None = None,
        before: str | None = None,
    ) -> dict[str, Any]:
        page = _page(identifiers.COLLECTION, limit, order, after, before)
        found, has_more = await knowledge.collections(caller, page)
        return as_list([as_vector_store(collection) for collection in found], has_more)

    @router.get("/{store_id}")
    async def store(store_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        return as_vector_store(await knowledge.collection(caller, _store_id(store_id)))

    @router.post("/{store_id}")
    async def change(
        store_id: str, body: VectorStoreChange, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        collection = await knowledge.change(
            caller,
            _store_id(store_id),
            name=body.name,
            description=body.description,
            metadata=body.metadata,
        )
        return as_vector_store(collection)

    @router.delete("/{store_id}")
    async def delete(store_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        receipt = await knowledge.remove_collection(caller, _store_id(store_id))
        told = {"receipt": as_receipt(receipt)}
        return {"id": store_id, "object": "vector_store.deleted", "deleted": True, "appliance": told}


def _add_file_routes(router: APIRouter, knowledge: Knowledge, identify: Identify) -> None:
    @router.post("/{store_id}/files")
    async def attach(
        store_id: str, body: NewVectorStoreFile, response: Response, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        file = await knowledge.attach(
            caller,
            _store_id(store_id),
            file_id_of(body.file_id),
            body.attributes,
            source=body.source,
            replaces=None if body.replaces is None else file_id_of(body.replaces),
        )
        response.headers["openai-poll-after-ms"] = _POLL_MS
        return as_vector_store_file(file)

    @router.get("/{store_id}/files")
    async def attached_files(
        store_id: str,
        caller: Caller = Depends(identify),
        limit: Limit = 20,
        order: Order = "desc",
        after: str | None = None,
        before: str | None = None,
        status: Annotated[IngestionStatus | None, Query(alias="filter")] = None,
    ) -> dict[str, Any]:
        page = _page(identifiers.FILE, limit, order, after, before)
        found, has_more = await knowledge.all_attached(caller, _store_id(store_id), page, status)
        return as_list([as_vector_store_file(file) for file in found], has_more)

    @router.get("/{store_id}/files/{file_id}")
    async def attached(
        store_id: str, file_id: str, response: Response, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        response.headers["openai-poll-after-ms"] = _POLL_MS
        return as_vector_store_file(
            await knowledge.attached(caller, _store_id(store_id), file_id_of(file_id))
        )

    @router.post("/{store_id}/files/{file_id}")
    async def annotate(
        store_id: str, file_id: str, body: AttributesChange, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        return as_vector_store_file(
            await knowledge.annotate(caller, _store_id(store_id), file_id_of(file_id), body.attributes or {})
        )

    @router.post("/{store_id}/files/{file_id}/cancel")
    async def cancel(store_id: str, file_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        """Ours: stop reading a document that has not been read yet."""
        return as_vector_store_file(await knowledge.cancel(caller, _store_id(store_id), file_id_of(file_id)))

    @router.post("/{store_id}/files/{file_id}/retry")
    async def retry(store_id: str, file_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        """Ours: read a document again that failed or was cancelled."""
        return as_vector_store_file(await knowledge.retry(caller, _store_id(store_id), file_id_of(file_id)))

    @router.post("/{store_id}/retry_failed")
    async def retry_failed(store_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        """Ours: read everything again that failed."""
        return {"retried": await knowledge.retry_failed(caller, _store_id(store_id))}

    @router.delete("/{store_id}/files/{file_id}")
    async def detach(store_id: str, file_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        await knowledge.detach(caller, _store_id(store_id), file_id_of(file_id))
        return {"id": file_id, "object": "vector_store.file.deleted", "deleted": True}


def _add_batch_routes(router: APIRouter, knowledge: Knowledge, identify: Identify) -> None:
    @router.post("/{store_id}/file_batches")
    async def create_batch(
        store_id: str, body: NewFileBatch, response: Response, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        batch = await knowledge.attach_batch(caller, _store_id(store_id), body.additions())
        response.headers["openai-poll-after-ms"] = _POLL_MS
        return as_batch(batch)

    @router.get("/{store_id}/file_batches/{batch_id}")
    async def batch(
        store_id: str, batch_id: str, response: Response, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        response.headers["openai-poll-after-ms"] = _POLL_MS
        return as_batch(await knowledge.batch(caller, _store_id(store_id), _batch_id(batch_id)))

    @router.post("/{store_id}/file_batches/{batch_id}/cancel")
    async def cancel(store_id: str, batch_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        return as_batch(await knowledge.cancel_batch(caller, _store_id(store_id), _batch_id(batch_id)))

    @router.get("/{store_id}/file_batches/{batch_id}/files")
    async def batch_files(
        store_id: str,
        batch_id: str,
        caller: Caller = Depends(identify),
        limit: Limit = 20,
        order: Order = "desc",
        after: str | None = None,
        before: str | None = None,
        status: Annotated[IngestionStatus | None, Query(alias="filter")] = None,
    ) -> dict[str, Any]:
        page = _page(identifiers.FILE, limit, order, after, before)
        found, has_more = await knowledge.all_attached(
            caller, _store_id(store_id), page, status, _batch_id(batch_id)
        )
        return as_list([as_vector_store_file(file) for file in found], has_more)


def _add_search_routes(
    router: APIRouter, knowledge: Knowledge, search: KnowledgeSearch, identify: Identify
) -> None:
    @router.post("/{store_id}/search")
    async def find(store_id: str, body: SearchBody, caller: Caller = Depends(identify)) -> dict[str, Any]:
        collection_id = _store_id(store_id)
        only = body.filters.condition() if body.filters is not None else None
        passages = await search.search_all(caller, body.query, collection_id, body.max_num_results, only)
        kept = [passage for passage in passages if passage.score >= body.ranking_options.score_threshold]
        attributes = await knowledge.attributes(
            caller, collection_id, list({passage.file_id for passage in kept})
        )
        return {
            "object": "vector_store.search_results.page",
            "search_query": body.echo,
            "data": [as_search_result(p, dict(attributes.get(p.file_id, {}))) for p in kept],
            "has_more": False,
            "next_page": None,
        }


def _store_id(text: str) -> UUID:
    return identifiers.parse(identifiers.COLLECTION, text)


def _batch_id(text: str) -> UUID:
    return identifiers.parse(identifiers.BATCH, text)


def _page(prefix: str, limit: int, order: Order, after: str | None, before: str | None) -> PageRequest:
    return PageRequest(
        limit,
        order == "asc",
        None if after is None else identifiers.parse(prefix, after, param="after"),
        None if before is None else identifiers.parse(prefix, before, param="before"),
    )
