"""/api/index: which embedding model is searched with, how far another one is, and the word to go over to it."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from appliance.api.account_bodies import Json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.services.index_overview import IndexOverview, IndexStatus, ModelOverview
from inference.embedding.client import ServedModel


def index_routes(index: IndexOverview, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/index", tags=["index"], route_class=StrictJsonRoute)

    @routes.get("")
    async def status(caller: Caller = Depends(identity.caller)) -> Json:
        return status_json(await index.status(caller))

    @routes.post("/rebuild", status_code=202)
    async def rebuild(caller: Caller = Depends(identity.caller)) -> Json:
        return status_json(await index.rebuild(caller))

    @routes.post("/switch", status_code=202)
    async def switch(caller: Caller = Depends(identity.caller)) -> Json:
        return status_json(await index.switch(caller))

    return routes


def status_json(status: IndexStatus) -> Json:
    """models: of the index; served: of the embedding process, the settings' one first."""
    return {
        "models": [_model_json(model) for model in status.models],
        "served": [_served_json(served) for served in status.served],
        "switch": "by_hand" if status.is_by_hand else "automatic",
        "problem": status.problem,
    }


def _model_json(one: ModelOverview) -> Json:
    model = one.model
    told: Json = {
        "id": model.model_id,
        "dimension": model.dimension,
        "state": "rebuilding" if model.renewing else model.state,
        "may_switch": model.may_switch,
        "problem": model.problem,
        "background": model.background,
    }
    if one.collections:
        told |= {
            "chunks": one.chunks,
            "done": one.done,
            "collections": [
                {"id": str(each.collection_id), "chunks": each.chunks, "done": each.done}
                for each in one.collections
            ],
            "seen_at": max(each.seen_at for each in one.collections).isoformat(timespec="seconds"),
        }
    return told


def _served_json(served: ServedModel) -> Json:
    card = served.card
    return {
        "name": served.name,
        "id": card.model_id if card else None,
        "dimension": card.dimension if card else None,
        "max_tokens": card.max_tokens or None if card else None,
        "device": card.device if card else None,
        "languages": list(card.languages) if card else [],
        "problem": served.problem,
    }
