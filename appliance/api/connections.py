"""One client's connection: what uvicorn leaves open – how large headers may be, how slowly one may send and read.

A request has to arrive, and an answer has to be taken, at a stated least pace; whoever keeps it is never cut off. No
timer runs for it: `look` is called about once a second and compares counts. Knows nothing of routes.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from http import HTTPStatus
from socket import IPPROTO_TCP, TCP_INFO
from typing import Any

import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from appliance.api.errors import error_body
from appliance.fairness.cancellation import SLOW_READER

MAX_HEADER_BYTES = 64 * 1024
MAX_HEADERS = 100
LEAST_TAKEN_BYTES = 16 * 1024
LEAST_SENT_BYTES = 4 * 1024

# A second one of these means something else to some proxy on the way than it does to us.
_SINGLE = frozenset(
    {b"host", b"authorization", b"x-api-key", b"api-key", b"content-type", b"content-length", b"origin"}
)
_TCP_ESTABLISHED = 1
_STATE, _BYTES_ACKED = struct.Struct("=B"), struct.Struct("=Q")
_BYTES_ACKED_AT = 120  # in struct tcp_info of linux/tcp.h, since Linux 4.1
_TCP_INFO_BYTES = 128


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take.

    reader_s: in each such time a client with an answer before it takes LEAST_TAKEN_BYTES of it, as its machine tells.
    sender_s: a request's headers arrive within it, and in each such time LEAST_SENT_BYTES of its body.
    """

    reader_s: float = 30.0
    sender_s: float = 30.0


@dataclass(slots=True)
class _Mark:
    """at: when it was made, in the loop's seconds. count: bytes then. message: which request of the connection."""

    at: float
    count: int
    message: int = 0


class _Refused(Exception):
    """Raised into the parser: these headers are not taken. args: status, code, sentence."""


class ClientConnection(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 with limits. Give it to uvicorn.Config as `http`."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as uvicorn's
        super().__init__(*arguments, **named)
        self.received = 0
        """Bytes of this connection so far."""
        self._answered: RequestResponseCycle | None = None
        """The request that is being answered, or was last; uvicorn's `cycle` is the last that came."""
        self._messages = 0
        self._in_headers = False
        self._header_bytes = 0
        self._taking: _Mark | None = None
        self._sending: _Mark | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        answered = self._answered
        if answered is not None and answered is not self.cycle and not answered.response_complete:
            answered.disconnected = True  # uvicorn tells the last that came alone
            answered.message_event.set()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    # what is taken ------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        size = len(data)
        self.received += size
        super().data_received(data)
        if self._in_headers:
            self._header_bytes += size
            if self._header_bytes > MAX_HEADER_BYTES and not self.transport.is_closing():
                self._refuse(*_too_large().args)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._messages += 1
        self._in_headers = True
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        self._in_headers = False
        headers = self.headers
        # One read is at most 256 KiB, so what came in a single piece is looked at here.
        if len(headers) > MAX_HEADERS or _size(self.url, headers) > MAX_HEADER_BYTES:
            raise _too_large()
        names = [name for name, _ in headers]
        if len(set(names)) < len(names):
            for name in _SINGLE:
                if names.count(name) > 1:
                    raise _Refused(400, "repeated_header", f"The header {name.decode()!r} stands twice.")
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise _Refused(400, "invalid_http", f"HTTP {version[:8]} is not spoken here.")
        if b"host" not in names and version == "1.1":
            raise _Refused(400, "missing_host", "A request needs a Host header.")
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn while it handles the parser's error."""
        error = sys.exc_info()[1]
        refused = error.__context__ if error is not None else None
        if isinstance(refused, _Refused):
            self._refuse(*refused.args)
        else:
            self._refuse(400, "invalid_http", "That is no valid HTTP request (RFC 9112).")

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer and close; where an earlier request of the connection is being answered, close alone."""
        cycle = self._answered
        if cycle is not None and not cycle.response_complete and (cycle.response_started or self.pipeline):
            self.transport.abort()
            return
        body = orjson.dumps(error_body(message, "invalid_request_error", code))
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    # who is slow --------------------------------------------------------------------------------------

    def look(self, now: float, patience: Patience) -> bool:
        """Whether the client keeps its pace; its connection is ended where not, or where it has left unnoticed.

        now: the loop's time.
        """
        keeps_pace = self._look_at_reader(now, patience.reader_s)
        keeps_pace &= self._look_at_sender(now, patience.sender_s)
        cycle = self._answered
        is_answering = cycle is not None and not (cycle.response_complete or cycle.more_body)
        # While a second request waits behind the one being answered nothing is read, not even that the client left.
        if is_answering and self.flow.read_paused and self._tcp_info()[0] != _TCP_ESTABLISHED:
            self.transport.abort()
        return keeps_pace

    def _look_at_reader(self, now: float, reader_s: float) -> bool:
        if not self.transport.get_write_buffer_size():
            self._taking = None
            return True
        taken, mark = self._tcp_info()[1], self._taking
        if mark is None or taken - mark.count >= LEAST_TAKEN_BYTES:
            self._taking = _Mark(now, taken)
        elif now - mark.at > reader_s:
            if self._answered is not None and not self._answered.response_complete:
                self._answered.scope["state"]["cut_off"] = SLOW_READER
            self.transport.abort()
            return False
        return True

    def _look_at_sender(self, now: float, sender_s: float) -> bool:
        if not self._is_awaited() or self.flow.read_paused or self.transport.is_closing():
            self._sending = None
            return True
        mark = self._sending
        is_going_on = mark is not None and mark.message == self._messages
        if is_going_on and not self._in_headers and self._messages:
            is_going_on = mark is not None and self.received - mark.count < LEAST_SENT_BYTES
        if mark is None or not is_going_on:
            self._sending = _Mark(now, self.received, self._messages)
        elif now - mark.at > sender_s:
            cycle = self._answered
            if self._in_headers or (cycle is not None and cycle.more_body and not cycle.response_started):
                self._refuse(408, "request_timeout", f"The request did not arrive within {sender_s:g} s.")
            else:
                self.transport.close()
            return False
        return True

    def _is_awaited(self) -> bool:
        """Whether the next byte is the client's to send, and its keep-alive time does not run."""
        cycle = self._answered
        if cycle is None or cycle.response_complete:
            return self.timeout_keep_alive_task is None
        return cycle.more_body

    @property
    def owes_a_request(self) -> bool:
        """Whether no complete request is being answered: none came yet, or its body is not complete."""
        cycle = self._answered
        return cycle is None or cycle.response_complete or cycle.more_body

    def _tcp_info(self) -> tuple[int, int]:
        """(state, bytes that the other machine has taken)."""
        try:
            info = self.transport.get_extra_info("socket").getsockopt(IPPROTO_TCP, TCP_INFO, _TCP_INFO_BYTES)
        except OSError:  # closed under our hands
            return 0, 0
        return _STATE.unpack_from(info)[0], _BYTES_ACKED.unpack_from(info, _BYTES_ACKED_AT)[0]


def _size(url: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


def _too_large() -> _Refused:
    limit = f"{MAX_HEADERS} headers and {MAX_HEADER_BYTES >> 10} KiB"
    return _Refused(431, "headers_too_large", f"A request has at most {limit} of them.")
