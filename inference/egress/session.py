"""Requests of one purpose: each is looked at, written down, sent, and written down again."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.connector import Connection

from inference.egress.departures import Departure, Ledger
from inference.egress.hosts import AllowList
from inference.egress.resolving import address_refused
from inference.egress.switch import Switch
from inference.egress.transfers import Transfer, Transfers
from inference.errors import EgressRefused, EgressStopped, EgressUnrecorded
from inference.types import LeavePermit

logger = logging.getLogger(__name__)

_MOST_REDIRECTS = 5
# aiohttp warns about larger bodies given as bytes: it writes them without a pause
_LARGE_BODY_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Door:
    """What every session of one Egress shares."""

    hosts: AllowList
    ledger: Ledger
    switch: Switch
    transfers: Transfers
    now: Callable[[], datetime]


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
            if (parts.scheme, parts.netloc) != (first.scheme, first.netloc):
                asked = replace(asked, secret="")
            async with self._sent(asked) as response:
                if response.status not in (301, 302, 303, 307, 308):
                    yield response
                    return
                there = urljoin(asked.url, response.headers.get("location", ""))
            if parts.scheme == "https" and not there.startswith("https:"):
                self._refuse(replace(asked, url=there), "It leads from https to something else.")
            asked = replace(asked, url=there)
        self._refuse(asked, f"There are more than {_MOST_REDIRECTS} redirects.")

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
        if reason := self._door.hosts.refusal(asked.url):
            self._refuse(asked, reason)
        if why := self._door.switch.stopped():
            self._refuse(asked, why, EgressStopped)
        line = await self._begin(asked)
        began, seen, trace = time.monotonic(), SimpleNamespace(response=None), {"is_sent": False}
        failure = ""
        try:
            with self._door.transfers.running() as transfer:
                async with self._asked(asked, transfer, trace) as response:
                    seen.response = response
                    line = replace(line, address=getattr(response, "peer", ""))
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
            self._end(line, seen.response, time.monotonic() - began, failure, is_sent=trace["is_sent"])

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

    async def _begin(self, asked: _Asked) -> Departure:
        """Written down and on the disk, or nothing leaves."""
        line = self._line(asked)
        try:
            await asyncio.to_thread(self._door.ledger, line)
        except OSError as error:
            logger.error("nothing leaves, for it cannot be written down: %s", error)
            raise EgressUnrecorded(f"What would leave cannot be written down: {error}.") from error
        return line

    def _end(
        self,
        line: Departure,
        response: aiohttp.ClientResponse | None,
        seconds: float,
        failure: str,
        *,
        is_sent: bool,
    ) -> None:
        ended = replace(
            line,
            happened="ended",
            at=self._door.now(),
            sent_bytes=line.sent_bytes if is_sent else 0,
            received_bytes=0 if response is None else response.content.total_bytes,
            status=None if response is None else response.status,
            seconds=round(seconds, 3),
            reason=failure,
        )
        self._tell(ended)

    def _refuse(self, asked: _Asked, reason: str, kind: type[EgressRefused] = EgressRefused) -> None:
        self._tell(replace(self._line(asked), happened="refused", sent_bytes=0, reason=reason))
        raise kind(reason)

    def _tell(self, line: Departure) -> None:
        """What already happened is told as well as can be; only what is about to begin waits for its record."""
        try:
            self._door.ledger(line)
        except OSError as error:
            logger.error("the ledger of what left lacks a line (%s %s): %s", line.happened, line.id, error)

    def _line(self, asked: _Asked) -> Departure:
        parts, permit = urlsplit(asked.url), asked.permit
        return Departure(
            happened="began",
            at=self._door.now(),
            purpose=self._purpose,
            actor=asked.actor,
            method=asked.method,
            host=parts.netloc.rpartition("@")[2],
            path=parts.path or "/",
            sent_bytes=len(asked.body or b""),
            id=secrets.token_hex(8),
            decision=permit.id if permit else "",
            why=permit.why if permit else "",
            redactions=permit.redactions if permit else 0,
            engine=asked.engine,
            body_sha256=hashlib.sha256(asked.body).hexdigest() if asked.body else "",
        )


def _data(body: bytes | None) -> bytes | BytesIO | None:
    return body if body is None or len(body) < _LARGE_BODY_BYTES else BytesIO(body)


def note_sending() -> aiohttp.TraceConfig:
    """For the sessions: marks a request whose first bytes have gone out."""
    hooks = aiohttp.TraceConfig()

    async def sent(_: object, context: SimpleNamespace, __: aiohttp.TraceRequestHeadersSentParams) -> None:
        context.trace_request_ctx["is_sent"] = True

    hooks.on_request_headers_sent.append(sent)
    return hooks


class PeerResponse(aiohttp.ClientResponse):
    """Remembers the address that it came from: a short answer has given its connection back by the time it is read."""

    peer = ""

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        peer = connection.transport.get_extra_info("peername") if connection.transport else None
        self.peer = str(peer[0]) if peer else ""
        return await super().start(connection)
