"""`/api/receipts`: what deletions removed, for who deleted and for auditors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from appliance.domain.documents import Receipt
from appliance.domain.people import Caller
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.receipts import Receipts

Identify = Callable[[Request], Awaitable[Caller]]

_PREFIX = {"file": identifiers.FILE, "collection": identifiers.COLLECTION}


def receipts_router(told: Receipts, identify: Identify) -> APIRouter:
    """The route, for the application to include."""
    routes = APIRouter(tags=["receipts"])

    @routes.get("/api/receipts")
    async def receipts(
        caller: Caller = Depends(identify),
        before: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> dict[str, Any]:
        """Newest first; before: a receipt's id."""
        return {"data": [as_receipt(one) for one in await told.receipts(caller, before, limit)]}

    return routes


def as_receipt(receipt: Receipt) -> dict[str, Any]:
    """removed: rows by kind, contents (blobs) and bytes on the disk, and what went from caches.

    page_images: on the disk; vectors_in_memory: of the process that deleted; generations: of an index, by whose end
    every other process lets go within seconds; memories, live_texts: of a conversation, in Valkey.
    """
    prefix = _PREFIX.get(receipt.kind)
    subject = str(receipt.subject_id) if prefix is None else identifiers.wire(prefix, receipt.subject_id)
    return {
        "object": "receipt",
        "id": str(receipt.id),
        "kind": receipt.kind,
        "subject": subject,
        "deleted_at": receipt.happened_at.isoformat(),
        "deleted_by": None if receipt.deleted_by is None else str(receipt.deleted_by),
        "removed": dict(receipt.removed),
    }
