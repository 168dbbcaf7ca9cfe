"""`/v1/models` and `/v1/models/{id}` in OpenAI's shape; an id may hold slashes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Depends, Request

from appliance.domain.people import Caller
from appliance.services.offered_models import OfferedModel, OfferedModels

Identify = Callable[[Request], Awaitable[Caller]]


def models_router(
    offered: OfferedModels, identify: Identify, now: Callable[[], float] = time.time
) -> APIRouter:
    """The routes, for the application to include. identify: FastAPI dependency."""
    router = APIRouter(tags=["models"])
    created = int(now())  # OpenAI's field; ours are as old as this process

    @router.get("/v1/models")
    async def list_models(caller: Caller = Depends(identify)) -> dict[str, Any]:
        """Every model this key may use: pipelines, engines' models, aliases, the embedded model."""
        return {"object": "list", "data": [_wire(model, created) for model in offered.all(caller)]}

    @router.get("/v1/models/{model:path}")
    async def one_model(model: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        """One model; unknown names are a 404 that lists the known ones."""
        return _wire(offered.one(caller, model), created)

    return router


def _wire(model: OfferedModel, created: int) -> dict[str, Any]:
    return {
        "id": model.id,
        "object": "model",
        "created": created,
        "owned_by": model.owner,
        "kind": model.kind,
        "context_length": model.context_tokens,
        "state": model.state,
    }
