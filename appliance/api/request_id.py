"""One id a request: what the client sent when it is harmless, otherwise a new one. It stands in every log line.

The outermost ASGI layer that sees a request puts the id into its scope, so that the fast path, the routes and the
errors agree on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance import telemetry

_HARMLESS = re.compile(rb"[A-Za-z0-9_.:-]{1,128}\Z")


def request_id_of(scope: Scope) -> str:
    """The id of this request; made, and kept in the scope, when it is asked for the first time."""
    state = scope.setdefault("state", {})
    known = state.get("request_id")
    if known is None:
        known = state["request_id"] = _sent(scope["headers"]) or f"req_{uuid4().hex}"
    return str(known)


def _sent(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    value = next((value for name, value in headers if name == b"x-request-id"), b"")
    return value.decode() if _HARMLESS.match(value) else None


class RequestIds:
    """ASGI: every answer carries `x-request-id`, every log line of the request too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers") or []
                if not any(name == b"x-request-id" for name, _ in headers):
                    message["headers"] = [*headers, (b"x-request-id", request_id.encode())]
            await send(message)

        token = telemetry.request_id.set(request_id)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            telemetry.request_id.reset(token)
