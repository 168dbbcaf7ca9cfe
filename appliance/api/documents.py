"""`/api/documents`: what a document is and where, and its pages with a passage marked, for whoever may see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from appliance.api.byte_ranges import ranged
from appliance.api.openai_files import download_headers
from appliance.api.vector_store_shapes import as_recording, note_codes
from appliance.domain.people import Caller
from appliance.ports.documents import DocumentCard, Membership, Relative
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.document_pages import DocumentPages, Marked, Wanted
from rag.rendering.order import MAX_WIDTH_PX, MIN_WIDTH_PX

Identify = Callable[[Request], Awaitable[Caller]]
Offset = Annotated[int | None, Query(ge=0, le=2**31)]

_WIDTH_PX = 1000
# Asked again each time whether it may still be seen; what has not changed is not sent twice.
_CACHING = {"cache-control": "private, no-cache", "vary": "Authorization, Cookie"}
_GUARDS = {
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


def document_routes(pages: DocumentPages, identify: Identify) -> APIRouter:
    """The routes, for the application to include."""
    routes = APIRouter(tags=["documents"])

    @routes.get("/api/documents/{file_id}")
    async def document(
        file_id: str, response: Response, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        response.headers.update(_CACHING | _GUARDS)
        return as_document(await pages.card(caller, identifiers.parse(identifiers.FILE, file_id)))

    @routes.get("/api/documents/{file_id}/original", response_model=None)
    async def original(request: Request, file_id: str, caller: Caller = Depends(identify)) -> Response:
        """The file as it was uploaded, for whoever may see the document; a part of it for who plays it."""
        file = await pages.file(caller, identifiers.parse(identifiers.FILE, file_id))

        async def read(first: int, length: int) -> AsyncIterator[bytes]:
            return (await pages.original(caller, file.id, first, length))[1]

        return await ranged(request, download_headers(file), file.size_bytes, file.sha256.hex()[:32], read)

    @routes.get("/api/documents/{file_id}/pages/{number}", response_model=None)
    async def page(
        request: Request,
        file_id: str,
        number: int,
        caller: Caller = Depends(identify),
        quote: Annotated[str, Query(max_length=8000)] = "",
        start: Offset = None,
        end: Offset = None,
        chunk: Offset = None,
        form: Annotated[Literal["image", "text"] | None, Query(alias="format")] = None,
        width: Annotated[int, Query(ge=MIN_WIDTH_PX, le=MAX_WIDTH_PX)] = _WIDTH_PX,
    ) -> Response | dict[str, Any]:
        wanted = Wanted(quote.strip(), start, end, chunk)
        found = await pages.marked(
            caller, identifiers.parse(identifiers.FILE, file_id), min(number, 2**31 - 1), wanted
        )
        if form == "text" or (form is None and not found.has_picture):
            return Response(
                orjson.dumps(as_page(found, request.url.path)), 200, _CACHING | _GUARDS, "application/json"
            )
        picture = await pages.picture(caller, found, width)
        headers = {**_CACHING, **_GUARDS, "etag": f'"{picture.tag}"'}
        headers["x-passage-marked"] = str(picture.is_found and bool(found.boxes)).lower()
        if f'"{picture.tag}"' in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers)
        return Response(picture.png, 200, headers, "image/png")

    return routes


def as_page(found: Marked, path: str) -> dict[str, Any]:
    """start and end count within text; page_start and page_end within the whole page."""
    is_marked = found.start is not None and found.end is not None
    span = {"start": found.start, "end": found.end} if is_marked else {}
    return {
        "object": "document.page",
        "file_id": identifiers.wire(identifiers.FILE, found.file_id),
        "filename": found.filename,
        "number": found.number,
        "unit": found.page.unit,
        "label": found.page.label,
        "location": {name: value for name, value in asdict(found.location).items() if value is not None},
        "headings": list(found.headings),
        "text": found.text,
        "start": found.start - found.offset if found.start is not None else None,
        "end": found.end - found.offset if found.end is not None else None,
        "page_start": found.start,
        "page_end": found.end,
        "is_whole": len(found.text) == len(found.page.text),
        "is_found": found.is_found,
        "boxes": [list(box) for box in found.boxes],
        "runs_on": list(found.next_span) if found.next_span else None,
        "image": f"{path}?{urlencode({**span, 'format': 'image'})}" if found.has_picture else None,
    }


def as_document(card: DocumentCard) -> dict[str, Any]:
    """Everything of it that the caller may see."""
    file = card.file
    return {
        "object": "document",
        "id": identifiers.wire(identifiers.FILE, file.id),
        "filename": file.filename,
        "media_type": file.media_type,
        "bytes": file.size_bytes,
        "created_at": int(file.created_at.timestamp()),
        "pages": {
            "count": len(card.pages),
            "unit": card.pages[0].unit if card.pages else None,
            "labels": {str(page.number): page.label for page in card.pages if page.label},
        },
        "collections": [_membership(membership) for membership in card.memberships],
        "parent": None if card.parent is None else _relative(card.parent),
        "children": [_relative(child) for child in card.children],
        "versions": [
            {
                "file_id": identifiers.wire(identifiers.FILE, version.file_id),
                "filename": version.filename,
                "vector_store_id": identifiers.wire(identifiers.COLLECTION, version.collection_id),
                "added_at": int(version.added_at.timestamp()),
                "superseded_at": version.superseded_at and int(version.superseded_at.timestamp()),
            }
            for version in card.versions
        ],
    }


def _membership(one: Membership) -> dict[str, Any]:
    newer = one.superseded_by
    return {
        "vector_store_id": identifiers.wire(identifiers.COLLECTION, one.collection_id),
        "name": one.name,
        "status": one.status,
        "stage": one.stage,
        "progress": round(one.progress, 3),
        "pages": one.pages,
        "passages": one.chunks,
        "added_at": int(one.added_at.timestamp()),
        "notes": list(one.notes),
        "note_codes": note_codes(one.notes),
        "attributes": dict(one.attributes),
        "is_chat": one.is_chat,
        "last_error": None
        if one.error_code is None
        else {"code": one.error_code, "message": one.error_message},
        "recording": as_recording(one.heard_s, one.spoken),
        "source": one.source,
        "superseded_by": None if newer is None else identifiers.wire(identifiers.FILE, newer),
    }


def _relative(one: Relative) -> dict[str, Any]:
    return {
        "file_id": identifiers.wire(identifiers.FILE, one.file_id),
        "filename": one.filename,
        "bytes": one.size_bytes,
    }
