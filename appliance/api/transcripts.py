"""`GET /api/documents/ID/transcript`: what was said and when, as JSON for a player, or as a file to keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from appliance.domain.people import Caller
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.transcripts import Transcript, Transcripts
from rag.transcripts import as_srt, as_text, as_vtt

Identify = Callable[[Request], Awaitable[Caller]]

_HEADERS = {
    "cache-control": "private, no-cache",
    "vary": "Authorization, Cookie",
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
_FILES = {
    "text": (as_text, "text/plain; charset=utf-8", "txt"),
    "srt": (as_srt, "application/x-subrip; charset=utf-8", "srt"),
    "vtt": (as_vtt, "text/vtt; charset=utf-8", "vtt"),
}


def transcript_routes(transcripts: Transcripts, identify: Identify) -> APIRouter:
    """The route, for the application to include."""
    routes = APIRouter(tags=["documents"])

    @routes.get("/api/documents/{file_id}/transcript", response_model=None)
    async def transcript(
        file_id: str,
        caller: Caller = Depends(identify),
        form: Annotated[Literal["json", "text", "srt", "vtt"], Query(alias="format")] = "json",
    ) -> Response:
        found = await transcripts.transcript(caller, identifiers.parse(identifiers.FILE, file_id))
        if form == "json":
            return Response(orjson.dumps(as_transcript(found)), 200, _HEADERS, "application/json")
        write, media_type, ending = _FILES[form]
        name = quote(f"{found.file.filename}.{ending}", safe="")
        headers = {**_HEADERS, "content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(write(found.sentences), 200, headers, media_type)

    return routes


def as_transcript(found: Transcript) -> dict[str, Any]:
    """page, start and end: where a sentence stands in the document's pages, as citations name it."""
    return {
        "object": "document.transcript",
        "file_id": identifiers.wire(identifiers.FILE, found.file.id),
        "filename": found.file.filename,
        "media_type": found.media_type,
        "duration_s": round(found.duration_s, 2),
        "language": found.language,
        "sentences": [
            {
                "start_s": one.start_s,
                "end_s": one.end_s,
                "text": one.text,
                "page": one.page,
                "start": one.start,
                "end": one.end,
                "begins_paragraph": one.begins,
            }
            for one in found.sentences
        ],
    }
