"""A part of a file, as players ask for it when somebody jumps to a minute (RFC 9110 §14). One range at a time."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)

ReadPart = Callable[[int, int], Awaitable[AsyncIterator[bytes]]]
"""(first byte, how many) → those bytes, in pieces."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes first to last of a file, both counted from 0 and both sent."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


class NotSatisfiable(Exception):
    """The range lies behind the end of the file."""


def parse_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """None: all of it is sent, as for anything that is no single range of bytes. Raises NotSatisfiable."""
    found = _RANGE.fullmatch(header or "")
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:  # the last so many bytes
        if int(last) == 0 or size_bytes == 0:
            raise NotSatisfiable
        return ByteRange(max(0, size_bytes - int(last)), size_bytes - 1)
    if last and int(last) < int(first):
        return None
    if int(first) >= size_bytes:
        raise NotSatisfiable
    return ByteRange(int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1)


async def ranged(
    request: Request, headers: Mapping[str, str], size_bytes: int, tag: str, read: ReadPart
) -> Response:
    """The whole file, the part that is asked for, or the word that there is no such part.

    headers: of the whole file. tag: changes with the content; a part of another version is never glued to this one.
    """
    common = {**headers, "accept-ranges": "bytes", "etag": f'"{tag}"'}
    wanted = request.headers.get("range")
    if request.headers.get("if-range", f'"{tag}"') != f'"{tag}"':
        wanted = None
    try:
        part = parse_range(wanted, size_bytes)
    except NotSatisfiable:
        common.pop("content-length", None)
        return Response(None, 416, {**common, "content-range": f"bytes */{size_bytes}"})
    if part is None:
        return StreamingResponse(await read(0, size_bytes), headers=common)
    told = {
        "content-length": str(part.length),
        "content-range": f"bytes {part.first}-{part.last}/{size_bytes}",
    }
    return StreamingResponse(await read(part.first, part.length), 206, {**common, **told})
