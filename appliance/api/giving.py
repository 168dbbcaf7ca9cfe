"""`PATCH /api/collections/ID`: whose a collection is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.giving import Giving

Identify = Callable[[Request], Awaitable[Caller]]


class OwnerBody(BaseModel):
    """owner: `user:ADDRESS`, `user:ID`, `group:NAME`, `group:ID` or `everybody`; an address alone is a person's."""

    model_config = ConfigDict(extra="forbid")

    owner: Annotated[str, Field(min_length=1, max_length=400)]


def giving_router(giving: Giving, identify: Identify) -> APIRouter:
    """The route, for the application to include."""
    routes = APIRouter(tags=["collections"], route_class=StrictJsonRoute)

    @routes.patch("/api/collections/{store_id}")
    async def give(store_id: str, body: OwnerBody, caller: Caller = Depends(identify)) -> dict[str, Any]:
        """Give it to a person or a group. Who gave it away sees it afterwards only if it is shared with them."""
        collection_id = identifiers.parse(identifiers.COLLECTION, store_id)
        owner = await giving.give(caller, collection_id, body.owner)
        return {
            "id": store_id,
            "object": "collection.given",
            "owner": owner.audience.told,
            "owner_name": owner.name,
        }

    return routes
