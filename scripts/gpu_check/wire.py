"""As much of HTTP/1.1 as a measured server needs, on asyncio's streams: nothing else is installed beside torch.

One request at a time on a connection, bodies by content-length, answers whole or chunked. Not for the open network.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_LONGEST_BODY = 32 * 1024 * 1024
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """method and path as they came, body as bytes."""

    method: str
    path: str
    body: bytes


class Answering:
    """One answer to one request: either `whole`, or `begin`, `event` …, `end`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def whole(self, status: int, value: Any, content_type: str = "application/json") -> None:  # noqa: ANN401
        """A body of known length; anything but a text is written as JSON."""
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: {content_type}\r\n"
        self._writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        await self._writer.drain()

    def begin(self) -> None:
        """A stream of events."""
        self._writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )

    async def event(self, value: object) -> None:
        """One event; a text is written as it is."""
        data = (
            value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        )
        line = f"data: {data}\n\n".encode()
        self._writer.write(b"%x\r\n%b\r\n" % (len(line), line))
        await self._writer.drain()

    async def end(self) -> None:
        """Of the stream."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def gone(self) -> None:
        """Returns when the client has closed its side; what it sends meanwhile is not kept."""
        while await self._reader.read(1024):
            pass


Handler = Callable[[HttpRequest, Answering], Awaitable[None]]


async def serve(handler: Handler, port: int) -> asyncio.Server:
    """Listens on 127.0.0.1; port 0 chooses one."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            while (request := await _read(reader)) is not None:
                await handler(request, Answering(reader, writer))
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    return await asyncio.start_server(connection, "127.0.0.1", port, limit=1 << 20, backlog=1024)


async def _read(reader: asyncio.StreamReader) -> HttpRequest | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    fields = dict(line.lower().split(":", 1) for line in lines if ":" in line)
    length = int(fields.get("content-length", "0"))
    if length > _LONGEST_BODY:
        raise ConnectionError("body too long")
    return HttpRequest(method, path.partition("?")[0], await reader.readexactly(length))
