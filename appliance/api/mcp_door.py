"""The raw ASGI door of `/mcp`: who asks, by a key alone; then the protocol answers while the client is there.

Cookies are not looked at: a page of another site that reaches this address has nothing to show, and a browser that
says it comes from elsewhere is refused. Nothing is kept between two requests, so GET and DELETE have nothing to do; the
session that a client of the older protocol is told is only the address under which it cancels.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from starlette.types import Message, Receive, Scope, Send

from appliance.api.exchange import Exchange
from appliance.api.identity import Identity
from appliance.api.json_bodies import parse_object, read_body
from appliance.api.origins import header_values
from appliance.api.presence import answer_one, while_present
from appliance.domain.people import Caller
from appliance.errors import CrossSiteRequest
from appliance.services.accounts.live_requests import LiveRequests

PATH = "/mcp"
_MOST_BODY_BYTES = 1024 * 1024
_SESSION = b"mcp-session-id"
_LONGEST_SESSION = 64


class Protocols(Protocol):
    """MCP itself, as an ASGI application that finds who asks in the scope; loaded by the first client."""

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, caller: Caller, request_id: str
    ) -> None: ...


class Cancels(Protocol):
    """services.tools.cancelling.Cancellations does."""

    def running(self, key: str, end: Callable[[], object]) -> AbstractContextManager[None]: ...

    async def cancel(self, key: str) -> None: ...


class McpDoor:
    """identity: of the gateway. protocol: see there."""

    def __init__(
        self, identity: Identity, live: LiveRequests, protocol: Protocols, cancellations: Cancels
    ) -> None:
        self._identity = identity
        self._live = live
        self._protocol = protocol
        self._cancellations = cancellations

    @staticmethod
    def serves(scope: Scope) -> bool:
        """Whether this request is for the door."""
        return bool(scope["type"] == "http" and scope["path"] == PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for which `serves` is true."""
        await answer_one(_McpExchange(scope, receive, send), self._handle)

    async def _handle(self, exchange: Exchange) -> None:
        assert isinstance(exchange, _McpExchange)
        scope = exchange.scope
        moment = self._live.moment
        self._require_own_origin(scope)
        caller = await self._identity.identify(_without_cookies(scope))
        if scope["method"] != "POST":
            await exchange.send_whole(
                405, "text/plain", b"MCP is spoken by POST here.\n", [(b"allow", b"POST")]
            )
            return
        body = await read_body(scope, exchange.receive, _MOST_BODY_BYTES)
        message = parse_object(body)
        answering = self._answer(exchange, caller, body, message)
        await while_present(exchange, self._live, caller, answering, since=moment)

    async def _answer(
        self, exchange: _McpExchange, caller: Caller, body: bytes, message: Mapping[str, Any]
    ) -> None:
        session = exchange.header(_SESSION).decode("latin-1")[:_LONGEST_SESSION]
        if message.get("method") == "initialize":
            exchange.session = secrets.token_hex(16)
        if message.get("method") == "notifications/cancelled" and session:
            params = message.get("params")
            number = params.get("requestId") if isinstance(params, Mapping) else None
            await self._cancellations.cancel(_key(caller, session, number))
        answering = asyncio.ensure_future(
            self._protocol.answer(
                exchange.scope, _already_read(body), exchange.send_on, caller, exchange.request_id
            )
        )
        is_cancelled = False

        def end() -> None:
            nonlocal is_cancelled
            is_cancelled = True
            answering.cancel()

        try:
            with self._cancellations.running(_key(caller, session, message.get("id")), end):
                await answering
        except asyncio.CancelledError:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
            if not is_cancelled:
                raise
            await exchange.end_early()

    def _require_own_origin(self, scope: Scope) -> None:
        """Clients that are no browsers send no Origin. Raises CrossSiteRequest."""
        sent = header_values(scope, b"origin")
        if sent and not (len(sent) == 1 and self._identity.origins.is_own(scope, sent[0])):
            raise CrossSiteRequest


class _McpExchange(Exchange):
    """The protocol writes its own answers: what passes is noted, so that a failure knows whether it comes too late."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send, comment_after_s=0.0)
        self._pass_on = send
        self._is_over = False
        self.session = ""
        """An address for cancelling, told to a client that begins; nothing is kept under it."""

    async def send_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_begun = True
            message["headers"] = [*message["headers"], (b"x-request-id", self.request_id.encode())]
            if self.session:
                message["headers"].append((_SESSION, self.session.encode()))
        elif not message.get("more_body", False):
            self._is_over = True
        await self._pass_on(message)

    async def end_early(self) -> None:
        """Its client no longer wants it: nothing more is said."""
        if not self._has_begun:
            await self.send_whole(202, "application/json", b"", [])
        elif not self._is_over:
            self._is_over = True
            await self._pass_on({"type": "http.response.body", "body": b""})


def _key(caller: Caller, session: str, number: object) -> str:
    """Numbers and texts are different ids."""
    return f"{caller.user_id}:{session}:{json.dumps(number)[:100]}"


def _without_cookies(scope: Scope) -> Scope:
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"cookie"]}


def _already_read(body: bytes) -> Callable[[], Awaitable[Message]]:
    """The body once; then nothing: that the client left is noticed by whoever cancels the answer."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            await asyncio.Event().wait()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
