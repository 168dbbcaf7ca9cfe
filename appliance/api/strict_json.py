"""JSON for FastAPI's routes, read as strictly as on the fast path: equal keys and deep nesting are refused."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from appliance.api.json_bodies import parse_object


class StrictJsonRoute(APIRoute):
    """`APIRouter(route_class=StrictJsonRoute)`: every JSON body of the router is one object without equal keys."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict


class _StrictRequest(Request):
    async def json(self) -> Any:  # noqa: ANN401 - any JSON
        return parse_object(await self.body())
