"""JSON for FastAPI's routes, read as strictly as on the fast path: equal keys and deep nesting are refused."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from appliance.api.json_bodies import MAX_BODY_BYTES, parse_object
from appliance.errors import TooLarge


class StrictJsonRoute(APIRoute):
    """`APIRouter(route_class=StrictJsonRoute)`: every JSON body of the router is one object without equal keys."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict


class _StrictRequest(Request):
    async def body(self) -> bytes:
        """Bounded here too: below the same address there may be uploads, which have no limit in front."""
        if not hasattr(self, "_body"):
            read = bytearray()
            async for piece in self.stream():
                read += piece
                if len(read) > MAX_BODY_BYTES:
                    raise TooLarge(f"At most {MAX_BODY_BYTES >> 20} MiB here.")
            self._body = bytes(read)
        return self._body

    async def json(self) -> Any:  # noqa: ANN401 - any JSON
        return parse_object(await self.body())
