"""Requests of one purpose: each is looked at, written down, sent, and written down again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.connector import Connection

from inference.egress.departures import Departure
from inference.egress.recording import Door
from inference.egress.resolving import address_refused
from inference.egress.transfers import Transfer
from inference.errors import EgressRefused, EgressStopped
from inference.types import LeavePermit

_MOST_REDIRECTS = 5
# aiohttp warns about larger bodies given as bytes: it writes them without a pause
_LARGE_BODY_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request before it is sent. secret: a bearer token, for the first address's host alone."""

    method: str
    url: str
    actor: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    body: bytes | None = None
    permit: LeavePermit | None = None
    engine: str = ""
    timeout: aiohttp.ClientTimeout | None = None


class EgressSession:
    """Long-lived: connections are kept and used again. close() it at the end; see Egress.open."""

    def __init__(self, http: aiohttp.ClientSession, door: Door, purpose: str, actor: str = "") -> None:
        self._http, self._door = http, door
        self._purpose, self._actor = purpose, actor

    async def close(self) -> None:
        """Close every connection; what runs breaks off."""
        await self._http.close()

    @asynccontextmanager
    async def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, secret: str = ""
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The last answer after redirects; read its body as it comes.

        secret: a bearer token; it goes to the first address's host and to no other. Raises EgressRefused,
        aiohttp.ClientError, TimeoutError.
        """
        asked = _Asked("GET", url, self._actor, headers or {}, secret)
        first = urlsplit(url)
        for _ in range(_MOST_REDIRECTS + 1):
            parts = urlsplit(asked.url)
            is_first = (parts.scheme, parts.netloc) == (first.scheme, first.netloc)
            async with self._sent(asked if is_first else replace(asked, secret="")) as response:
                if response.status not in (301, 302, 303, 307, 308):
                    yield response
                    return
                there = urljoin(asked.url, response.headers.get("location", ""))
            asked = replace(asked, url=there)
            if parts.scheme == "https" and not there.startswith("https:"):
                self._door.refuse(self._line(asked), "It leads from https to something else.")
        self._door.refuse(self._line(asked), f"There are more than {_MOST_REDIRECTS} redirects.")

    @asynccontextmanager
    async def get_once(
        self, url: str, *, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer as it begins, be it a redirect. Raises like get."""
        async with self._sent(_Asked("GET", url, self._actor, headers or {})) as response:
            yield response

    @asynccontextmanager
    async def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        permit: LeavePermit | None = None,
        actor: str = "",
        engine: str = "",
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer as it begins; read its body as it comes. No redirect is followed: a body is for one address.

        permit: whose id, reason and redactions are written down; its actor counts unless another is named. timeout:
        instead of the door's. Leaving the context before the body's end closes the connection. Raises EgressRefused
        (EgressStopped: also in the middle of the body; EgressUnrecorded), aiohttp.ClientError, TimeoutError.
        """
        who = actor or (permit.actor if permit else "") or self._actor
        asked = _Asked("POST", url, who, headers or {}, "", body, permit, engine, timeout)
        async with self._sent(asked) as response:
            yield response

    @asynccontextmanager
    async def _sent(self, asked: _Asked) -> AsyncIterator[aiohttp.ClientResponse]:
        line = self._line(asked)
        self._door.require(line, asked.url)
        await self._door.begun(line)
        began, seen, trace = time.monotonic(), SimpleNamespace(response=None), {"is_sent": False}
        failure = ""
        try:
            with self._door.transfers.running() as transfer:
                async with self._asked(asked, transfer, trace) as response:
                    seen.response = response
                    yield response
        except (aiohttp.ClientError, TimeoutError, OSError, EgressStopped) as error:
            refused = address_refused(error)
            failure = str(refused or error) or type(error).__name__
            if refused:
                raise EgressRefused(f"{failure}.") from error
            raise
        except BaseException as error:
            failure = f"left early ({type(error).__name__})"
            raise
        finally:
            sent = line.sent_bytes if trace["is_sent"] else 0
            self._door.end(_ended(line, seen.response, time.monotonic() - began, sent, failure))

    @asynccontextmanager
    async def _asked(
        self, asked: _Asked, transfer: Transfer, trace: dict[str, bool]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = dict(asked.headers)
        if asked.secret:
            headers["authorization"] = f"Bearer {asked.secret}"
        told: dict[str, Any] = {} if asked.timeout is None else {"timeout": asked.timeout}
        async with transfer:
            response = await self._http.request(
                asked.method,
                asked.url,
                headers=headers,
                data=_data(asked.body),
                allow_redirects=False,
                trace_request_ctx=trace,
                **told,
            )
        transfer.answered(response)
        async with response:
            yield response

    def _line(self, asked: _Asked) -> Departure:
        return self._door.line(
            self._purpose,
            asked.method,
            asked.url,
            asked.actor,
            body=asked.body,
            permit=asked.permit,
            engine=asked.engine,
        )


class PeerResponse(aiohttp.ClientResponse):
    """Remembers the address that it came from: a short answer has given its connection back by the time it is read."""

    peer = ""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        self.peer = str(peer[0]) if peer else ""
        return await super().start(connection)


def note_sending() -> aiohttp.TraceConfig:
    """For the sessions: marks a request whose first bytes have gone out."""
    hooks = aiohttp.TraceConfig()

    async def sent(_: object, context: SimpleNamespace, __: aiohttp.TraceRequestHeadersSentParams) -> None:
        context.trace_request_ctx["is_sent"] = True

    hooks.on_request_headers_sent.append(sent)
    return hooks


def _ended(
    line: Departure, response: aiohttp.ClientResponse | None, seconds: float, sent_bytes: int, failure: str
) -> Departure:
    """sent_bytes: all of the body once its first byte may have gone: aiohttp does not tell how far it came."""
    ended = replace(line, happened="ended", seconds=round(seconds, 3), sent_bytes=sent_bytes, reason=failure)
    if response is None:
        return ended
    return replace(
        ended,
        received_bytes=response.content.total_bytes,
        status=response.status,
        address=getattr(response, "peer", ""),
    )


def _data(body: bytes | None) -> bytes | BytesIO | None:
    return body if body is None or len(body) < _LARGE_BODY_BYTES else BytesIO(body)
