"""One request of the fast path and the answer that is being sent to it: whole, or as server-sent events.

Before its first byte an error has its true status; after it, it is an `error` event and the stream ends without
[DONE]. Knows nothing of engines or documents.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from starlette.types import Message, Receive, Scope, Send

from appliance.api.errors import error_event, error_response
from appliance.api.request_id import request_id_of
from appliance.domain.answers import Waiting

_STREAM_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]

_RUNG = b"x-answered-by-rung"


class Exchange:
    """scope, receive and send as ASGI has them. comment_after_s: how long the headers of a stream are held back."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, comment_after_s: float) -> None:
        self.scope = scope
        self.receive = receive
        self.request_id = request_id_of(scope)
        self._send = send
        self._comment_after_s = comment_after_s
        self._started = time.perf_counter()
        self._has_begun = False
        self._is_stream = False
        self.last_words: Callable[[bytes], bytes] = _error_event
        """What a stream that breaks off ends with, made from the body of the error."""

    @property
    def has_begun(self) -> bool:
        """Whether a byte has left, so that the status cannot be changed."""
        return self._has_begun

    def header(self, name: bytes) -> bytes:
        """The first header of that name, else nothing."""
        return next((value for key, value in self.scope["headers"] if key == name), b"")

    @property
    def wants_comments(self) -> bool:
        """Whether the client bears comments about its place in the queue."""
        return self.header(b"x-queue-comments").strip().lower() != b"off"

    async def send_whole(
        self, status: int, content_type: str, body: bytes, headers: list[tuple[bytes, bytes]]
    ) -> None:
        """The whole answer at once."""
        self._has_begun = True
        all_headers = [
            (b"content-type", content_type.encode("latin-1", "replace")),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", self.request_id.encode()),
            *headers,
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": all_headers})
        await self._send({"type": "http.response.body", "body": body})

    async def begin_stream(
        self, served_by: str | None, more: Sequence[tuple[bytes, bytes]] = (), rung: str = ""
    ) -> None:
        """Send the headers, and more of them; where they have left already, say in a comment who answers, and by which
        rung where that is not the first."""
        if self._has_begun:
            if served_by is not None:
                by = b" rung=%b" % rung.encode() if rung not in ("", "same") else b""
                await self.send_piece(b": served-by %b%b\n\n" % (served_by.encode(), by))
            return
        self._has_begun = self._is_stream = True
        headers = [*_STREAM_HEADERS, (b"x-request-id", self.request_id.encode()), *more]
        if served_by is not None:
            headers += by_headers(served_by, rung)
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def tell_waiting(self, waiting: Waiting) -> None:
        """The place in the queue, or which model is loading, as a comment, once the wait is long enough."""
        if time.perf_counter() - self._started < self._comment_after_s:
            return
        await self.begin_stream(None)
        if waiting.trying:
            await self.send_piece(b": trying %b\n\n" % waiting.trying.encode())
            return
        eta = b"" if waiting.eta_s is None else b" eta_s=%.1f" % waiting.eta_s
        if waiting.loading:
            await self.send_piece(b": loading model=%b%b\n\n" % (waiting.loading.encode(), eta))
        else:
            await self.send_piece(b": queue position=%d%b\n\n" % (waiting.position, eta))

    async def send_piece(self, data: bytes) -> None:
        """More of a stream; waits while the client reads slowly."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end_stream(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, error: BaseException) -> None:
        """Refuse, or break off visibly."""
        if not self._has_begun:
            status, headers, body = error_response(error, self.request_id)
            self._has_begun = True
            headers.append((b"content-length", b"%d" % len(body)))
            await self._send({"type": "http.response.start", "status": status, "headers": headers})
            await self._send({"type": "http.response.body", "body": body})
        elif self._is_stream:
            await self.send_piece(self.last_words(error_event(error, self.request_id)))
            await self.end_stream()

    @property
    def cut_off(self) -> str | None:
        """Why we closed the connection ourselves (api/connections.py); None: we did not."""
        reason: str | None = self.scope["state"].get("cut_off")
        return reason

    async def until_gone(self) -> None:
        """Returns when the connection is closed, by whomever."""
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await self.receive()


def by_headers(served_by: str, rung: str) -> list[tuple[bytes, bytes]]:
    """Who answered, and by which rung of the ladder."""
    return [(b"x-served-by", served_by.encode()), *([(_RUNG, rung.encode())] if rung else [])]


def _error_event(body: bytes) -> bytes:
    return b"data: %b\n\n" % body
