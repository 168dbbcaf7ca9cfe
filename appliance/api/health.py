"""/healthz (alive), /readyz (every part by name) and /api/engines (what is connected and what is not)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from appliance.domain.people import Caller
from appliance.services.health import HealthCheck
from inference.types import EngineState

Identify = Callable[[Request], Awaitable[Caller]]


def health_router(
    health: HealthCheck, engines: Callable[[], Sequence[EngineState]], identify: Identify
) -> APIRouter:
    """health: asks the parts. engines: how each engine is just now. identify: FastAPI dependency."""
    router = APIRouter()

    @router.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        found = await health.check()
        body: dict[str, Any] = {
            "status": "ready" if found.is_ready else "starting",
            "parts": dict(found.parts),
            "engines": {state.name: _standing(state) for state in engines()},
            **found.others,
        }
        return JSONResponse(body, status_code=200 if found.is_ready else 503)

    @router.get("/api/engines", tags=["engines"])
    async def list_engines(caller: Caller = Depends(identify)) -> dict[str, Any]:
        """Every configured engine: whether it answers, why not, and its models. Addresses are for administrators."""
        return {"data": [_engine(state, caller.is_admin) for state in engines()]}

    return router


def _standing(state: EngineState) -> str:
    if state.is_asleep:
        return "asleep"
    if state.is_cloud and state.is_healthy:
        return "not asked"
    return "ready" if state.is_healthy else "down"


def _engine(state: EngineState, with_address: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": state.name,
        "engine": state.engine,
        "is_healthy": state.is_healthy,
        "is_asleep": state.is_asleep,
        "is_cloud": state.is_cloud,
        "reason": state.reason if with_address else "",
        "models": [
            {"id": model.id, "kind": model.kind, "context_tokens": model.context_tokens}
            for model in state.models
        ],
        "load": {
            "running": state.load.running,
            "waiting": state.load.waiting,
            "kv_use": state.load.kv_use,
            "slots": state.load.slots,
        },
    }
    if with_address:
        shown["base_url"] = state.base_url
    return shown
