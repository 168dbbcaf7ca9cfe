"""/api/limits: what operators set, and what is left of it for the caller."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from appliance.api.account_bodies import Body, Json
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.fairness.admission import LimitKind, LimitState
from appliance.fairness.limits.policy import EVERYONE, NamedLimit, SubjectKind
from appliance.services.limits import OperatorLimits


class LimitBody(Body):
    """POST and PUT /api/limits. subject: an id, a person's e-mail address or a model's name; none for everyone."""

    subject_kind: SubjectKind
    subject: Annotated[str, Field(max_length=400)] | None = None
    kind: LimitKind
    most: Annotated[int, Field(strict=True)]


def limit_routes(limits: OperatorLimits, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/limits", tags=["limits"], route_class=StrictJsonRoute)

    @routes.get("")
    async def listed(caller: Caller = Depends(identity.caller)) -> Json:
        return {"data": [limit_json(named) for named in await limits.limits(caller)]}

    @routes.get("/mine")
    async def mine(caller: Caller = Depends(identity.caller)) -> Json:
        own = await limits.own(caller)
        return {
            "shares": [{"id": share.id, "weight": share.weight} for share in own.shares],
            "data": [state_json(state) for state in own.limits],
        }

    @routes.post("", status_code=201)
    async def add(body: LimitBody, caller: Caller = Depends(identity.caller)) -> Json:
        subject = body.subject or EVERYONE
        return limit_json(await limits.add(caller, body.subject_kind, subject, body.kind, body.most))

    @routes.put("")
    async def put(response: Response, body: LimitBody, caller: Caller = Depends(identity.caller)) -> Json:
        subject = body.subject or EVERYONE
        named, is_new = await limits.put(caller, body.subject_kind, subject, body.kind, body.most)
        response.status_code = 201 if is_new else 200
        return limit_json(named)

    @routes.delete("/{limit_id}", status_code=204)
    async def remove(limit_id: UUID, caller: Caller = Depends(identity.caller)) -> Response:
        await limits.remove(caller, limit_id)
        return Response(status_code=204)

    return routes


def limit_json(named: NamedLimit) -> Json:
    """A limit as it is set; subject_name is for people."""
    limit = named.limit
    return {
        "id": str(limit.id),
        "subject_kind": limit.subject_kind,
        "subject": limit.subject or None,
        "subject_name": named.subject_name or None,
        "kind": limit.kind,
        "most": limit.most,
    }


def state_json(state: LimitState) -> Json:
    """How a limit stands; reset_s: until it is whole again if nothing more is used."""
    subject_kind, _, subject = state.limit.scope.partition(":")
    return {
        "subject_kind": subject_kind,
        "subject": subject,
        "kind": state.limit.kind,
        "most": state.limit.most,
        "remaining": state.remaining,
        "reset_s": state.reset_s,
    }
