"""`GET /api/formats`: what kinds of files can be read here, from the table of parsers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi import APIRouter, Depends, Request

from appliance.domain.people import Caller
from rag.media_types import suffixes
from rag.recording_types import MEDIA_TYPES as RECORDINGS

Identify = Callable[[Request], Awaitable[Caller]]

# As people call them; a media type that is not here is told by its suffixes alone.
_KINDS = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "word",
    "application/msword": "word",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "excel",
    "application/vnd.ms-excel": "excel",
    "text/csv": "csv",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "powerpoint",
    "application/vnd.ms-powerpoint": "powerpoint",
    "application/vnd.oasis.opendocument.text": "opendocument",
    "application/vnd.oasis.opendocument.spreadsheet": "opendocument",
    "application/vnd.oasis.opendocument.presentation": "opendocument",
    "message/rfc822": "mail",
    "application/vnd.ms-outlook": "mail",
    "text/html": "web",
    "text/markdown": "markdown",
    "text/plain": "text",
    "application/rtf": "rtf",
    "application/epub+zip": "book",
    "text/x-source": "code",
    "application/zip": "archive",
}
_PICTURES, _SPEECH = "image/", ("audio/", "video/")


def formats_router(
    media_types: Iterable[str], identify: Identify, *, reads_pictures: bool, hears: bool = False
) -> APIRouter:
    """media_types: keys of the parsers' table. reads_pictures: text recognition is installed; hears: speech is."""
    told = _formats([*media_types, *(RECORDINGS if hears else ())], reads_pictures)
    routes = APIRouter(tags=["documents"])

    @routes.get("/api/formats")
    async def formats(_caller: Caller = Depends(identify)) -> dict[str, Any]:
        """kind is stable: pdf, scan, word …; null where a format has no common name."""
        return {"object": "list", "data": told, "reads_scans": reads_pictures}

    return routes


def _formats(media_types: Iterable[str], reads_pictures: bool) -> list[dict[str, Any]]:
    return [
        {
            "media_type": media_type,
            "kind": _kind(media_type),
            "suffixes": list(suffixes(media_type)),
        }
        for media_type in sorted(media_types, key=_rank)
        if reads_pictures or not media_type.startswith(_PICTURES)
    ]


def _kind(media_type: str) -> str | None:
    if media_type.startswith(_SPEECH):
        return "recording"
    return "scan" if media_type.startswith(_PICTURES) else _KINDS.get(media_type)


def _rank(media_type: str) -> tuple[int, str]:
    known = list(_KINDS)
    if media_type.startswith(_PICTURES):
        return 1, media_type
    if media_type.startswith(_SPEECH):  # before the archives, which hold all others
        return 2 * len(known) - 3, media_type
    return (known.index(media_type) * 2 if media_type in known else 2 * len(known)), media_type
