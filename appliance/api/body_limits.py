"""No body larger than its route may have reaches the code that reads it, whether or not its length was told."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.api.errors import error_response
from appliance.api.request_id import request_id_of
from appliance.errors import TooLarge

MIB = 1024 * 1024
DEFAULT_BYTES = 32 * MIB
OWN_API_BYTES = 1 * MIB


class BodyLimits:
    """by_prefix: path prefix → bytes, the longest prefix counts; None: the route counts for itself (uploads)."""

    def __init__(
        self, app: ASGIApp, by_prefix: Mapping[str, int | None], default_bytes: int = DEFAULT_BYTES
    ) -> None:
        self._app = app
        self._by_prefix = sorted(by_prefix.items(), key=lambda item: -len(item[0]))
        self._default = default_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._limit(scope["path"]) if scope["type"] == "http" else None
        if limit is None:
            await self._app(scope, receive, send)
            return
        told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if len(told) > 18 or not told.isdigit() or int(told) > limit:
            await _refuse(scope, send, limit)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise _too_large(limit)
            return message

        await self._app(scope, counted, send)

    def _limit(self, path: str) -> int | None:
        for prefix, limit in self._by_prefix:
            if path.startswith(prefix):
                return limit
        return self._default


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"At most {limit // MIB} MiB here.")


async def _refuse(scope: Scope, send: Send, limit: int) -> None:
    status, headers, body = error_response(_too_large(limit), request_id_of(scope))
    # The rest of the body is not read: the connection cannot be used again.
    headers += [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
