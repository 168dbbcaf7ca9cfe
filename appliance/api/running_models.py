"""/api/models/running: the models that are started here; one more, one less, and the exact words of a start."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from appliance.api.account_bodies import Json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.services.models.running import RunningModel, RunningModels, Wording

_MOST_TOKENS = 10_000_000


class StartBody(BaseModel):
    """context_tokens: of one conversation; people: who use the box. Without them: as planned."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    context_tokens: int | None = Field(None, ge=256, le=_MOST_TOKENS)
    people: int | None = Field(None, ge=1, le=100_000)


def running_models_routes(running: RunningModels, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/models/running", tags=["models"], route_class=StrictJsonRoute)

    @routes.get("")
    async def overview(response: Response, caller: Caller = Depends(identity.caller)) -> Json:
        response.headers["cache-control"] = "no-store"
        models = [running_json(one) for one in running.all(caller)]
        return {"data": models, "is_kept": running.is_kept}

    @routes.post("", status_code=202)
    async def start(body: StartBody, caller: Caller = Depends(identity.caller)) -> Json:
        return running_json(await running.start(caller, body.model, body.context_tokens, body.people))

    @routes.get("/{name}")
    async def one(name: str, response: Response, caller: Caller = Depends(identity.caller)) -> Json:
        response.headers["cache-control"] = "no-store"
        return running_json(running.one(caller, name))

    @routes.get("/{name}/command")
    async def command(
        name: str,
        wording: Wording = "vllm",
        context_tokens: int | None = None,
        people: int | None = None,
        caller: Caller = Depends(identity.caller),
    ) -> PlainTextResponse:
        words = await asyncio.to_thread(running.in_words, caller, name, context_tokens, people, wording)
        return PlainTextResponse(words)

    @routes.delete("/{name}")
    async def stop(name: str, now: bool = False, caller: Caller = Depends(identity.caller)) -> Json:
        return running_json(await running.stop(caller, name, now=now))

    return routes


def running_json(seen: RunningModel) -> Json:
    """state: where it stands; eta_s while it is loaded; reason and last_lines where it failed or died."""
    model = seen.model
    return {
        "model": model.name,
        "kind": model.kind,
        "engine": model.engine,
        "state": model.phase,
        "since": _moment(model.phase_since),
        "eta_s": None if seen.eta_s is None else round(seen.eta_s, 1),
        "load_s": None if model.load_s is None else round(model.load_s, 1),
        "context_tokens": model.context_tokens,
        "slots": model.slots,
        "people": model.people or None,
        "memory_bytes": dict(model.memory_bytes),
        "restarts": model.restarts,
        "given_up": list(model.given_up),
        "reason": model.reason,
        "code": model.code,
        "retry_at": None if model.retry_at is None else _moment(model.retry_at),
        "last_lines": list(seen.lines),
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
