"""A load generator on raw sockets: what it costs must not be what is measured.

Tokens are counted by their marker and never parsed; a connection is kept and carries one request at a time.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools

MARKER = b"~"
PROMPT = "Say something about nothing in particular."
_TIMEOUT_S = 120.0


@dataclass(slots=True)
class Reply:
    """One answer. Times in seconds of time.perf_counter. gaps_s: between reads that brought tokens."""

    asked_at_s: float
    first_at_s: float | None = None
    ended_at_s: float = 0.0
    status: int = 0
    tokens: int = 0
    error: str = ""
    told_eta_s: float | None = None
    told_at_s: float | None = None
    gaps_s: list[float] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        return self.status == 200 and not self.error

    @property
    def ttft_s(self) -> float | None:
        return None if self.first_at_s is None else self.first_at_s - self.asked_at_s

    @property
    def total_s(self) -> float:
        return self.ended_at_s - self.asked_at_s


class Target:
    """An OpenAI-compatible server. base_url: ends in /v1. keys: taken in turn by clients."""

    def __init__(self, name: str, base_url: str, keys: list[str], model: str) -> None:
        url = urlsplit(base_url)
        self.name, self.keys = name, keys
        self._host, self._port = url.hostname or "127.0.0.1", url.port or 80
        self._path, self._model = f"{url.path.rstrip('/')}/chat/completions", model
        self._idle: list[_Connection] = []

    async def ask(self, key: str, tokens: int, *, is_stream: bool = True) -> Reply:
        """One request to its end. A kept connection that turns out to be closed is replaced once."""
        payload = self._bytes(key, tokens, is_stream)
        reply = Reply(time.perf_counter())
        for attempt in (1, 2):
            kept = self._kept() if attempt == 1 else None
            try:
                connection = kept or await self._connect()
            except OSError as error:
                reply.error, reply.ended_at_s = type(error).__name__, time.perf_counter()
                return reply
            await connection.exchange(payload, reply, is_stream)
            if not (kept is not None and reply.status == 0 and reply.error == "disconnected"):
                break
            reply = Reply(reply.asked_at_s)
        if connection.is_reusable:
            self._idle.append(connection)
        return reply

    def _kept(self) -> _Connection | None:
        """One that is still open; the server may have closed it since."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_reusable:
                return connection
        return None

    def close(self) -> None:
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, self._host, self._port)
        return connection

    def _bytes(self, key: str, tokens: int, is_stream: bool) -> bytes:
        body: dict[str, object] = {
            "model": self._model,
            "max_tokens": tokens,
            "stream": is_stream,
            "messages": [{"role": "user", "content": PROMPT}],
        }
        if is_stream:
            body["stream_options"] = {"include_usage": True}
        data = json.dumps(body).encode()
        head = (
            f"POST {self._path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\nauthorization: Bearer {key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
        )
        return head.encode() + data


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.is_reusable = False
        self._transport: asyncio.Transport | None = None
        self._done: asyncio.Future[None] | None = None
        self._reply = Reply(0.0)
        self._is_stream = False
        self._tail = b""
        self._last_at_s = 0.0
        self._parser: httptools.HttpResponseParser | None = None

    async def exchange(self, payload: bytes, reply: Reply, is_stream: bool) -> None:
        """Send and read to the end; what went wrong stands in reply.error."""
        loop = asyncio.get_running_loop()
        self._reply, self._is_stream, self.is_reusable = reply, is_stream, False
        self._done, self._tail = loop.create_future(), b""
        self._parser = httptools.HttpResponseParser(self)
        if self._transport is None or self._transport.is_closing():
            self._finish("disconnected")
            return
        timer = loop.call_later(_TIMEOUT_S, self._finish, "timeout")
        self._transport.write(payload)
        try:
            await self._done
        finally:
            timer.cancel()
            if not self.is_reusable:
                self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its shape only

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_reusable = False
        self._finish("disconnected")

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._done is None or self._done.done():
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._finish("bad_http")

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self._reply.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        reply = self._reply
        if self._is_stream and b": queue position=" in data and reply.told_eta_s is None:
            self._note_estimate(data)
        tokens = data.count(MARKER)
        if tokens:
            now = time.perf_counter()
            if reply.first_at_s is None:
                reply.first_at_s = now
            else:
                reply.gaps_s.append(now - self._last_at_s)
            self._last_at_s = now
            reply.tokens += tokens
        if self._is_stream:
            self._tail = (self._tail + data)[-64:]

    def on_message_complete(self) -> None:
        assert self._parser is not None
        self.is_reusable = self._parser.should_keep_alive()
        if self._reply.status == 200 and self._is_stream and b"[DONE]" not in self._tail:
            self._finish("truncated")
        else:
            self._finish("" if self._reply.status == 200 else f"http_{self._reply.status}")

    def _note_estimate(self, data: bytes) -> None:
        _, found, rest = data.partition(b"eta_s=")
        if found:
            self._reply.told_eta_s = float(rest.split(b"\n", 1)[0])
            self._reply.told_at_s = time.perf_counter()

    def _finish(self, error: str) -> None:
        if self._done is not None and not self._done.done():
            self._reply.error = error
            self._reply.ended_at_s = time.perf_counter()
            self._done.set_result(None)
