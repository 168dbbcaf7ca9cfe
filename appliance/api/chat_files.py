"""Files of a chat: dropped in, followed while they are read, taken out. For everybody else the chat does not exist."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from appliance.api.multipart import read_parts
from appliance.api.openai_files import receive, require_size
from appliance.api.vector_store_shapes import as_recording
from appliance.domain.documents import CollectionFile
from appliance.domain.people import Caller
from appliance.services.chat_files import PURPOSE, ChatFiles
from appliance.services.knowledge import identifiers

Identify = Callable[[Request], Awaitable[Caller]]


def chat_file_routes(files: ChatFiles, identify: Identify, *, max_file_bytes: int) -> APIRouter:
    """max_file_bytes: a body that says it is longer is refused before it is read."""
    routes = APIRouter(tags=["conversations"])

    @routes.post("/api/conversations/{conversation_id}/files", status_code=201)
    async def add(
        conversation_id: UUID, request: Request, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        """multipart/form-data with the field `file`. It is read in the background: ask for it again."""
        require_size(request.headers.get("content-length"), max_file_bytes)
        events = read_parts(request.headers.get("content-type", ""), request.stream())
        async with files.upload(caller, conversation_id) as receiving, aclosing(events):
            kept = await receive(events, receiving, purpose=PURPOSE)
        return as_chat_file(await files.attach(caller, conversation_id, kept.id))

    @routes.get("/api/conversations/{conversation_id}/files")
    async def listed(conversation_id: UUID, caller: Caller = Depends(identify)) -> dict[str, Any]:
        found = await files.files(caller, conversation_id)
        return {"object": "list", "data": [as_chat_file(file) for file in found]}

    @routes.get("/api/conversations/{conversation_id}/files/{file_id}")
    async def one(conversation_id: UUID, file_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        wanted = identifiers.parse(identifiers.FILE, file_id)
        return as_chat_file(await files.file(caller, conversation_id, wanted))

    @routes.delete("/api/conversations/{conversation_id}/files/{file_id}", status_code=204)
    async def remove(conversation_id: UUID, file_id: str, caller: Caller = Depends(identify)) -> Response:
        """Also cancels reading it."""
        await files.remove(caller, conversation_id, identifiers.parse(identifiers.FILE, file_id))
        return Response(status_code=204)

    return routes


def as_chat_file(file: CollectionFile) -> dict[str, Any]:
    """How it is written: progress 0 to 1; error tells why it could not be read."""
    error = {"code": file.error_code, "message": file.error_message} if file.error_code else None
    return {
        "id": identifiers.wire(identifiers.FILE, file.file_id),
        "object": "conversation.file",
        "filename": file.filename,
        "bytes": file.size_bytes,
        "status": file.status,
        "progress": round(file.progress, 3),
        "pages": file.pages,
        "recording": as_recording(file.heard_s, file.spoken),
        "error": error,
        "created_at": file.added_at.isoformat(),
    }
