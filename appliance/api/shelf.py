"""`/api/collections/ID`: a collection as a person looks at it, in slices, and what deleting it takes along."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from appliance.api.receipts import as_receipt
from appliance.api.strict_json import StrictJsonRoute
from appliance.api.vector_store_shapes import Text, as_counts, as_vector_store_file
from appliance.domain.documents import IngestionStatus
from appliance.domain.people import Caller
from appliance.domain.shelf import KnownContent, ShelfQuery, ShelfRow
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.shelf import Shelf

Identify = Callable[[Request], Awaitable[Caller]]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_MOST_HASHES = 1_000


class KnownBody(BaseModel):
    """POST …/known: hashes and names of files that somebody is about to upload."""

    model_config = ConfigDict(extra="forbid")

    sha256: list[Sha256] = Field(default_factory=list, max_length=_MOST_HASHES)
    filenames: list[Annotated[Text, Field(max_length=1_000)]] = Field(
        default_factory=list, max_length=_MOST_HASHES
    )


def shelf_router(shelf: Shelf, identify: Identify) -> APIRouter:
    """All routes of it. A collection is named as in /v1/vector_stores."""
    routes = APIRouter(
        prefix="/api/collections/{store_id}", tags=["collections"], route_class=StrictJsonRoute
    )

    @routes.get("/documents")
    async def documents(
        store_id: str,
        caller: Caller = Depends(identify),
        name: Annotated[str, Query(alias="q", max_length=200)] = "",
        status: IngestionStatus | None = None,
        parent: str | None = None,
        changed_since: AwareDatetime | None = None,
        sort: Literal["added", "name", "size", "state"] = "added",
        order: Literal["asc", "desc"] = "desc",
        offset: Annotated[int, Query(ge=0, le=10**7)] = 0,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> dict[str, Any]:
        """Filtered, sorted, in slices. parent: what lies inside of one document; absent: the outermost ones."""
        query = ShelfQuery(
            name.replace("\0", "").strip(),
            status,
            None if parent is None else identifiers.parse(identifiers.FILE, parent, param="parent"),
            changed_since,
            sort,
            order == "asc",
            offset,
            limit,
        )
        page = await shelf.page(caller, identifiers.parse(identifiers.COLLECTION, store_id), query)
        return {
            "object": "list",
            "data": [as_shelf_row(row) for row in page.rows],
            "total": page.total,
            "has_more": offset + len(page.rows) < page.total,
            "counts": as_counts(page.counts),
            "as_of": _moment(page.moment),
        }

    @routes.post("/known")
    async def known(store_id: str, body: KnownBody, caller: Caller = Depends(identify)) -> dict[str, Any]:
        """Which of these contents are there already (data), and which names of documents that were read (named)."""
        collection_id = identifiers.parse(identifiers.COLLECTION, store_id)
        hashes = [bytes.fromhex(one) for one in body.sha256]
        same, named = await shelf.known(caller, collection_id, hashes, body.filenames)
        return {"data": [_known(one) for one in same], "named": [_known(one) for one in named]}

    @routes.get("/removal")
    async def removal(store_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        """What deleting it would take along."""
        preview = await shelf.removal(caller, identifiers.parse(identifiers.COLLECTION, store_id))
        return {
            "documents": preview.documents,
            "passages": preview.passages,
            "shares": preview.shares,
            "own_files_only_here": len(preview.only_here),
        }

    @routes.delete("")
    async def remove(
        store_id: str, with_files: bool = False, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        """with_files: also one's own files that are in no other collection. removed: all that went."""
        collection_id = identifiers.parse(identifiers.COLLECTION, store_id)
        receipt, removed = await shelf.remove(caller, collection_id, with_files=with_files)
        return {
            "id": store_id,
            "object": "collection.deleted",
            "deleted": True,
            "removed": removed,
            "receipt": as_receipt(receipt),
        }

    return routes


def as_shelf_row(row: ShelfRow) -> dict[str, Any]:
    """A vector store file, and what a list shows beside it. bytes: of the file, read or not."""
    return {
        **as_vector_store_file(row.file),
        "bytes": row.file.size_bytes,
        "place_in_line": row.place,
        "is_own": row.is_own,
        "elsewhere": row.elsewhere,
        "inside_failed": row.inside_failed,
        "inside_in_progress": row.inside_in_progress,
    }


def _known(one: KnownContent) -> dict[str, Any]:
    return {
        "sha256": one.sha256.hex(),
        "file_id": identifiers.wire(identifiers.FILE, one.file_id),
        "filename": one.filename,
        "status": one.status,
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat()
