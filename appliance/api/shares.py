"""`/api/collections/ID/shares`: who else may read or write a collection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.documents import Share
from appliance.domain.people import Caller
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.sharing import Sharing

Identify = Callable[[Request], Awaitable[Caller]]
Subject = Annotated[str, Field(min_length=1, max_length=400)]


class ShareBody(BaseModel):
    """PUT. with: `user:ADDRESS`, `user:ID`, `group:NAME` or `group:ID`; an address alone is a person's."""

    model_config = ConfigDict(extra="forbid")

    subject: Subject = Field(alias="with")
    access: Literal["read", "write"] = "read"


def shares_router(sharing: Sharing, identify: Identify) -> APIRouter:
    """All routes of it. A collection is named as in /v1/vector_stores."""
    routes = APIRouter(
        prefix="/api/collections/{store_id}/shares", tags=["collections"], route_class=StrictJsonRoute
    )

    @routes.get("")
    async def shares(store_id: str, caller: Caller = Depends(identify)) -> dict[str, Any]:
        collection_id = identifiers.parse(identifiers.COLLECTION, store_id)
        return {"data": [as_share(share) for share in await sharing.shares(caller, collection_id)]}

    @routes.put("")
    async def give(store_id: str, body: ShareBody, caller: Caller = Depends(identify)) -> dict[str, Any]:
        collection_id = identifiers.parse(identifiers.COLLECTION, store_id)
        may_write = body.access == "write"
        return as_share(await sharing.give(caller, collection_id, body.subject, may_write=may_write))

    @routes.delete("", status_code=204)
    async def take(
        store_id: str,
        subject: Annotated[str, Query(alias="with", min_length=1, max_length=400)],
        caller: Caller = Depends(identify),
    ) -> Response:
        await sharing.take(caller, identifiers.parse(identifiers.COLLECTION, store_id), subject)
        return Response(status_code=204)

    @routes.get("/candidates")
    async def candidates(
        store_id: str,
        words: Annotated[str, Query(alias="q", min_length=2, max_length=100)],
        caller: Caller = Depends(identify),
    ) -> dict[str, Any]:
        """People and groups to share it with, by a part of their name or address; for whose the collection is."""
        collection_id = identifiers.parse(identifiers.COLLECTION, store_id)
        found = await sharing.candidates(caller, collection_id, words)
        return {
            "data": [{"with": f"{one.kind}:{one.id}", "label": one.label, "name": one.name} for one in found]
        }

    return routes


def as_share(share: Share) -> dict[str, Any]:
    """With whom, by id and as people call them, and what it allows."""
    kind, subject = ("user", share.user_id) if share.user_id else ("group", share.group_id)
    return {
        "with": f"{kind}:{subject}",
        "name": share.name,
        "access": "write" if share.may_write else "read",
    }
