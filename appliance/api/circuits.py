"""/api/engines/breakers: engines that are out of rotation, what happened to them, and having one asked now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from appliance.api.account_bodies import Json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.fairness.breakers.wire import Transition
from appliance.services.circuits import Circuits
from inference.breaker.circuit import CircuitState

Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class TryBody(BaseModel):
    """engine: its name on the roster. model: the engine's own name for it."""

    model_config = ConfigDict(extra="forbid")

    engine: Name
    model: Name


def circuit_routes(circuits: Circuits, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/engines/breakers", tags=["engines"], route_class=StrictJsonRoute)

    @routes.get("")
    async def overview(response: Response, caller: Caller = Depends(identity.caller)) -> Json:
        """Every engine and model that was asked lately: whether requests go there, and why not."""
        response.headers["cache-control"] = "no-store"
        return {"data": [circuit_json(state) for state in circuits.all(caller)]}

    @routes.get("/history")
    async def history(engine: Name, response: Response, caller: Caller = Depends(identity.caller)) -> Json:
        """The last hundred times one left rotation or came back, the newest first."""
        response.headers["cache-control"] = "no-store"
        return {"data": [transition_json(row) for row in await circuits.history(caller, engine)]}

    @routes.post("/try", status_code=202)
    async def try_now(body: TryBody, caller: Caller = Depends(identity.caller)) -> Json:
        """Ask it now, whatever its pause; a cloud is asked by the next request that may go there."""
        return circuit_json(await circuits.try_now(caller, body.engine, body.model))

    return routes


def circuit_json(state: CircuitState) -> Json:
    """state: closed (requests go there), open, half_open. since: it left rotation, or came back.

    cause and outcome: why it opened, null while it is closed.

    retry_in_s: until it may be asked; null: it is closed, or waits for another configuration. is_asked: by the
    appliance itself; false: the next request finds out.
    """
    return {
        "engine": state.engine,
        "model": state.model,
        "state": state.position.value,
        "since": _moment(state.since_s),
        "cause": state.cause.value if state.cause else None,
        "outcome": state.outcome.value if state.outcome else None,
        "count": state.count,
        "calls": state.calls,
        "retry_in_s": None if state.retry_in_s is None else round(max(0.0, state.retry_in_s), 1),
        "is_asked": state.is_asked,
        "failed_probes": state.failed_probes,
        "last_probe": state.last_probe.value if state.last_probe else None,
    }


def transition_json(row: Transition) -> Json:
    """wait_s: of the pause that began then; null: until the configuration changes, or none."""
    is_paused = row.position.value == "open" and row.wait_ms >= 0
    return {
        "at": _moment(row.at_ms / 1000),
        "model": row.model,
        "state": row.position.value,
        "cause": row.cause.value if row.cause else None,
        "outcome": row.outcome.value if row.outcome else None,
        "count": row.count,
        "calls": row.calls,
        "wait_s": round(row.wait_ms / 1000, 1) if is_paused else None,
    }


def _moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
