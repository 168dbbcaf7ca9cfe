"""`/metrics` in Prometheus' text format, for whoever has a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from appliance.domain.people import Caller

Identify = Callable[[Request], Awaitable[Caller]]


async def _nothing() -> None:
    """Where all is up to date."""


def metrics_router(
    registry: CollectorRegistry, identify: Identify, before: Callable[[], Awaitable[None]] = _nothing
) -> APIRouter:
    """The route, for the application to include. identify: FastAPI dependency. before: awaited at every scrape."""
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    async def metrics(_caller: Caller = Depends(identify)) -> Response:
        await before()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
