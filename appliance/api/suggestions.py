"""Questions to begin with, as the page offers them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Depends, Request

from appliance.domain import Caller
from appliance.services.knowledge.sample import suggestions

Identify = Callable[[Request], Awaitable[Caller]]


def suggestions_router(identify: Identify) -> APIRouter:
    """GET /api/suggestions."""
    router = APIRouter(tags=["suggestions"])
    questions = suggestions()

    @router.get("/api/suggestions")
    async def suggested(caller: Caller = Depends(identify)) -> dict[str, Any]:
        return {"object": "list", "data": questions}

    return router
