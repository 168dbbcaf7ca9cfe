"""`/metrics` in Prometheus' text format, for whoever has a key, or the one that opens nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hmac import compare_digest

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from appliance.domain.people import Caller

Identify = Callable[[Request], Awaitable[Caller]]


async def _nothing() -> None:
    """Where all is up to date."""


def metrics_router(
    registry: CollectorRegistry,
    identify: Identify,
    before: Callable[[], Awaitable[None]] = _nothing,
    scraper_key: str = "",
) -> APIRouter:
    """The route, for the application to include.

    before: awaited at every scrape. scraper_key: opens this route alone; empty: there is none.
    """
    router = APIRouter()

    @router.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        if not _shows(request, scraper_key):
            await identify(request)
        await before()
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _shows(request: Request, scraper_key: str) -> bool:
    kind, _, shown = request.headers.get("authorization", "").partition(" ")
    return (
        bool(scraper_key)
        and kind.lower() == "bearer"
        and compare_digest(shown.strip().encode(), scraper_key.encode())
    )
