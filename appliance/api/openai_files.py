"""`/v1/files` in OpenAI's shapes. Uploads go from the socket to the disk in pieces and are nowhere whole in memory."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from appliance.api.byte_ranges import ranged
from appliance.api.multipart import Event, PartBegin, PartData, read_parts
from appliance.api.receipts import as_receipt
from appliance.domain.documents import PageRequest, StoredFile
from appliance.domain.people import Caller
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest, TooLarge
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.knowledge import Knowledge
from appliance.services.knowledge.uploads import Upload

Identify = Callable[[Request], Awaitable[Caller]]

_MAX_FIELD_BYTES = 64 * 1024
_MAX_PARTS = 16
_OVERHEAD_BYTES = 1024 * 1024  # what a body may have beside its file
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,63}/[\w.+-]{1,63}", re.ASCII)


def files_router(knowledge: Knowledge, identify: Identify, *, max_file_bytes: int) -> APIRouter:
    """max_file_bytes: a body that says it is longer is refused before it is read."""
    router = APIRouter(tags=["files"])

    @router.post("/v1/files")
    async def upload(request: Request, caller: Caller = Depends(identify)) -> dict[str, Any]:
        require_size(request.headers.get("content-length"), max_file_bytes)
        events = read_parts(request.headers.get("content-type", ""), request.stream())
        async with knowledge.upload(caller) as receiving, aclosing(events):
            return as_file(await receive(events, receiving))

    @router.get("/v1/files")
    async def files(
        caller: Caller = Depends(identify),
        purpose: Annotated[str | None, Query(pattern=r"^[a-z_-]{1,64}$")] = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
        order: Literal["asc", "desc"] = "desc",
        after: str | None = None,
    ) -> dict[str, Any]:
        page = PageRequest(limit, order == "asc", _cursor(after))
        found, has_more = await knowledge.files(caller, page, purpose)
        return as_list([as_file(file) for file in found], has_more)

    @router.get("/v1/files/{file_id}")
    async def file(file_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        return as_file(await knowledge.file(caller, identifiers.parse(identifiers.FILE, file_id)))

    @router.get("/v1/files/{file_id}/content", response_model=None)
    async def content(request: Request, file_id: str, caller: Caller = Depends(identify)) -> Response:
        found = await knowledge.file(caller, identifiers.parse(identifiers.FILE, file_id))

        async def read(first: int, length: int) -> AsyncIterator[bytes]:
            return (await knowledge.content(caller, found.id, first, length))[1]

        return await ranged(request, download_headers(found), found.size_bytes, found.sha256.hex()[:32], read)

    @router.delete("/v1/files/{file_id}")
    async def delete(file_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        receipt = await knowledge.remove_file(caller, identifiers.parse(identifiers.FILE, file_id))
        told = {"receipt": as_receipt(receipt)}
        return {"id": file_id, "object": "file", "deleted": True, "appliance": told}

    return router


def as_file(file: StoredFile) -> dict[str, Any]:
    """OpenAI's file object."""
    return {
        "id": identifiers.wire(identifiers.FILE, file.id),
        "object": "file",
        "bytes": file.size_bytes,
        "created_at": int(file.created_at.timestamp()),
        "expires_at": None,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def as_list(data: list[dict[str, Any]], has_more: bool) -> dict[str, Any]:
    """OpenAI's list object."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def require_size(told: str | None, max_file_bytes: int) -> None:
    """told: what the body says of its own length. Raises TooLarge."""
    told = told or "0"
    if not told.isdecimal() or len(told) > 18 or int(told) > max_file_bytes + _OVERHEAD_BYTES:
        raise TooLarge(Told("file_most", most=max_file_bytes // 2**20), param="file")


async def receive(events: AsyncIterator[Event], receiving: Upload, purpose: str | None = None) -> StoredFile:
    """Fields may come in any order; nothing is kept unless all of it was right. purpose None: a field tells it."""
    fields: dict[str, bytes] = {}
    file: PartBegin | None = None
    current: PartBegin | None = None
    parts = 0
    async for event in events:
        if isinstance(event, PartBegin):
            current, parts = event, parts + 1
            _require_known(event, parts, has_file=file is not None)
            if event.filename is not None:
                file = event
            else:
                fields[event.name] = b""
        elif isinstance(event, PartData) and current is not None:
            if current is file:
                await receiving.write(event.data)
            else:
                fields[current.name] += event.data
                if len(fields[current.name]) > _MAX_FIELD_BYTES:
                    raise InvalidRequest("The field is too long.", param=current.name[:64])
    if file is None or file.filename is None:
        raise InvalidRequest("There is no file in the request. Send one as the field `file`.", param="file")
    if purpose is None and "purpose" not in fields:
        raise InvalidRequest("Say what the file is for, such as `assistants`.", param="purpose")
    purpose = purpose or fields["purpose"].decode("utf-8", "replace")
    return await receiving.finish(file.filename, file.media_type, purpose)


def _require_known(part: PartBegin, parts: int, *, has_file: bool) -> None:
    if parts > _MAX_PARTS:
        raise InvalidRequest("The request has too many parts.")
    if part.filename is not None and (part.name != "file" or has_file):
        raise InvalidRequest("Send one file, as the field `file`.", param=part.name[:64] or None)
    if part.name.startswith("expires_after"):
        raise InvalidRequest(
            "Files do not expire here; delete them when they are done with.", param="expires_after"
        )


def _cursor(after: str | None) -> UUID | None:
    return None if after is None else identifiers.parse(identifiers.FILE, after, param="after")


def download_headers(file: StoredFile) -> dict[str, str]:
    """Whatever was uploaded, a browser saves it and never runs it with this site's rights."""
    media_type = file.media_type if _MEDIA_TYPE.fullmatch(file.media_type) else "application/octet-stream"
    return {
        "content-type": media_type,
        "content-length": str(file.size_bytes),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}",
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
