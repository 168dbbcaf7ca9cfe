"""`/metrics` of this process in Prometheus' text format, for whoever has a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from appliance.domain import Caller

Identify = Callable[[Request], Awaitable[Caller]]


def metrics_router(registry: CollectorRegistry, identify: Identify) -> APIRouter:
    """The route, for the application to include. identify: FastAPI dependency."""
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    async def metrics(_caller: Caller = Depends(identify)) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
