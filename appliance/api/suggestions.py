"""The questions that the page offers to begin with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request

from appliance.domain.people import Caller

SHOWN = 6


def suggestion_routes(
    questions: Sequence[Mapping[str, Any]], identify: Callable[[Request], Awaitable[Caller]]
) -> APIRouter:
    """questions: each with id, text and language; the first SHOWN are offered."""
    routes = APIRouter()
    shown = [{key: one.get(key) for key in ("id", "text", "language")} for one in questions[:SHOWN]]

    @routes.get("/api/suggestions", tags=["page"])
    async def suggestions(request: Request) -> dict[str, Any]:
        await identify(request)
        return {"object": "list", "data": shown}

    return routes
