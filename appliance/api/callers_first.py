"""Under `/v1` nobody's body is read before it is known whose it is: a stranger costs a header look-up, not a parse."""

from __future__ import annotations

from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from appliance.api.errors import error_response
from appliance.api.request_id import request_id_of
from appliance.domain.people import Caller
from appliance.errors import ApplianceError

_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Identifies(Protocol):
    """How a request says who it is; api.identity.Identity does."""

    async def identify(self, scope: Scope) -> Caller: ...


class CallersFirst:
    """The route identifies once more, from the same cache; under `/api` a few routes are for strangers (signing in)."""

    def __init__(self, app: ASGIApp, identity: Identifies) -> None:
        self._app = app
        self._identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in _WITH_BODY and scope["path"].startswith("/v1/"):
            try:
                await self._identity.identify(scope)
            except ApplianceError as error:
                await _refuse(scope, send, error)
                return
        await self._app(scope, receive, send)


async def _refuse(scope: Scope, send: Send, error: ApplianceError) -> None:
    status, headers, body = error_response(error, request_id_of(scope))
    headers += [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
