"""/api/queue: one's own requests that wait or run, how long the lines are, and for operators who is in them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter, Depends

from appliance.api.account_bodies import Json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller, Role
from appliance.fairness.kept_engines import Loading
from appliance.fairness.queue.history import KEPT_S, STEP_S, HistoryPoint
from appliance.fairness.queue.survey import Standing
from appliance.services.queue_overview import PersonOverview, PoolOverview, QueueOverview


def queue_routes(queue: QueueOverview, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/queue", tags=["queue"], route_class=StrictJsonRoute)

    @routes.get("")
    async def overview(caller: Caller = Depends(identity.caller)) -> Json:
        own = await queue.own(caller)
        told: Json = {
            "data": [standing_json(one, queue.loading(one)) for one in own.requests],
            "total": own.total,
            "pools": [pool_json(pool) for pool in await queue.pools()],
            "is_shared": queue.is_shared,
        }
        if caller.role is not Role.USER:
            told["people"] = [person_json(person) for person in await queue.people(caller)]
        return told

    @routes.get("/history")
    async def history(caller: Caller = Depends(identity.caller)) -> Json:
        points = await queue.history(caller)
        return {
            "object": "queue.history",
            "step_s": STEP_S,
            "kept_s": KEPT_S,
            "points": [point_json(point) for point in points],
        }

    @routes.get("/{request_id}")
    async def request(request_id: str, caller: Caller = Depends(identity.caller)) -> Json:
        standing = await queue.request(caller, request_id)
        return standing_json(standing, queue.loading(standing))

    return routes


def point_json(point: HistoryPoint) -> Json:
    """at: Unix time at which its step begins."""
    return {
        "at": point.at,
        "pools": {name: asdict(pool) for name, pool in point.pools.items()},
        "engines": {name: asdict(engine) for name, engine in point.engines.items()},
    }


def standing_json(standing: Standing, loading: Loading | None = None) -> Json:
    """A request; position and eta_s only while it waits, engine and running_since only while it runs.

    loading: the model that is being brought into memory for it; eta_s is then when that answers.
    """
    return {
        "request_id": standing.request_id,
        "status": "waiting" if standing.engine is None else "running",
        "model": standing.model,
        "pool": standing.pool,
        "class": _class(standing.is_batch),
        "position": standing.position,
        "eta_s": standing.eta_s if loading is None else loading.eta_s,
        "loading": None if loading is None else loading.model,
        "engine": standing.engine,
        "created_at": _moment(standing.came_us),
        "running_since": None if standing.since_us is None else _moment(standing.since_us),
    }


def pool_json(pool: PoolOverview) -> Json:
    """How full it is. tokens_per_s: weighted ones that it starts; request_s: how long a request takes."""
    state, members = pool.state, pool.members
    return {
        "name": state.name,
        "engines": list(members.engines),
        "models": list(members.models),
        "slots": state.slots,
        "running": state.running,
        "waiting": {"interactive": state.waiting - state.batch_waiting, "batch": state.batch_waiting},
        "tokens_per_s": state.tokens_per_s,
        "request_s": state.held_s,
        "loading": None if pool.loading is None else asdict(pool.loading),
    }


def person_json(person: PersonOverview) -> Json:
    """tokens: of the last five minutes; share: which part of everybody's, from 0 to 1."""
    return {
        "user_id": str(person.user_id),
        "email": person.email,
        "running": person.running,
        "waiting": person.waiting,
        "weight": person.weight,
        "tokens": person.tokens,
        "share": person.share,
    }


def _class(is_batch: bool) -> str:
    return "batch" if is_batch else "interactive"


def _moment(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="milliseconds")
