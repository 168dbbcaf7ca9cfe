"""/api/hardware, /api/models/catalogue and /api/models/plan: what this box has, and which models fit on it."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from appliance.api.account_bodies import Json
from appliance.api.identity import Identity
from appliance.domain.people import Caller
from appliance.services.models.planning import (
    ModelPlanning,
    card_json,
    checked_wish,
    hardware_json,
    planned_json,
)

_Name = Annotated[str, Query(min_length=1, max_length=256)]
_Gpu = Annotated[str, Query(max_length=100)]


def model_planning_routes(planning: ModelPlanning, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`. Reading only: for administrators and auditors."""
    routes = APIRouter(prefix="/api", tags=["models"])

    @routes.get("/hardware")
    async def hardware(response: Response, caller: Caller = Depends(identity.caller)) -> Json:
        response.headers["cache-control"] = "no-store"
        return hardware_json(await asyncio.to_thread(planning.hardware, caller))

    @routes.get("/models/catalogue")
    async def catalogue(
        response: Response,
        caller: Caller = Depends(identity.caller),
        people: int = 20,
        context: int = 16_384,
        gpu: _Gpu = "",
        every_file: bool = False,
    ) -> Json:
        """Every model with the plan for it; every_file: each of its quantisations by itself."""
        response.headers["cache-control"] = "no-store"
        wish = checked_wish(people, context)
        found = await asyncio.to_thread(planning.hardware, caller, gpu)
        plans = await asyncio.to_thread(planning.overview, caller, wish, gpu, every_file=every_file)
        return {
            "object": "list",
            "hardware": hardware_json(found),
            "data": [planned_json(planned) for planned in plans],
            "others": [card_json(card) for card in planning.side_cards()],
        }

    @routes.get("/models/plan")
    async def plan(
        response: Response,
        model: _Name,
        caller: Caller = Depends(identity.caller),
        people: int = 20,
        context: int = 16_384,
        gpu: _Gpu = "",
    ) -> Json:
        """model: of the catalogue, of the library, or a hub's repository."""
        response.headers["cache-control"] = "no-store"
        wish = checked_wish(people, context)
        found = await asyncio.to_thread(planning.hardware, caller, gpu)
        planned = await asyncio.to_thread(planning.plan, caller, model, wish, gpu)
        return {"hardware": hardware_json(found), "plan": planned_json(planned)}

    return routes
