"""/api/budgets: what may be spent, and what of it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from appliance.api.account_bodies import Body, Json
from appliance.api.csv_exports import Row, Separator, csv_response
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.people import Caller
from appliance.fairness.budgets.caps import ALL, CapSubject, CapWindow, Covers, NamedCap
from appliance.fairness.budgets.money import amount_of
from appliance.services.budgets import OperatorBudgets, Standing

_HEADER = (
    "subject_kind",
    "subject",
    "subject_name",
    "window",
    "covers",
    "from",
    "until",
    "currency",
    "amount",
    "spent",
    "held",
    "level_percent",
)


class BudgetBody(Body):
    """PUT /api/budgets. subject: an id, or a person's e-mail address; none for organisation and everyone."""

    subject_kind: CapSubject
    subject: Annotated[str, Field(max_length=400)] | None = None
    window: CapWindow
    covers: Covers = "all"
    amount: Annotated[Decimal, Field(max_digits=16, decimal_places=6, allow_inf_nan=False)]


def budget_routes(budgets: OperatorBudgets, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api/budgets", tags=["budgets"], route_class=StrictJsonRoute)

    @routes.get("")
    async def listed(caller: Caller = Depends(identity.caller)) -> Json:
        found = await budgets.caps(caller)
        return {"currency": budgets.currency, "data": [budget_json(named) for named in found]}

    @routes.put("")
    async def put(response: Response, body: BudgetBody, caller: Caller = Depends(identity.caller)) -> Json:
        named, is_new = await budgets.put(
            caller, body.subject_kind, body.subject or ALL, body.window, body.covers, body.amount
        )
        response.status_code = 201 if is_new else 200
        return {**budget_json(named), "currency": budgets.currency}

    @routes.delete("/{budget_id}", status_code=204)
    async def remove(budget_id: UUID, caller: Caller = Depends(identity.caller)) -> Response:
        await budgets.remove(caller, budget_id)
        return Response(status_code=204)

    @routes.get("/state")
    async def state(
        format: Literal["json", "csv"] = "json",
        separator: Separator = "comma",
        caller: Caller = Depends(identity.caller),
    ) -> Response:
        found = await budgets.standings(caller)
        if format == "csv":
            return csv_response("budgets.csv", _HEADER, _lines(found, budgets.currency), separator)
        return JSONResponse({"currency": budgets.currency, "data": [standing_json(one) for one in found]})

    @routes.get("/mine")
    async def mine(caller: Caller = Depends(identity.caller)) -> Json:
        found = await budgets.own(caller)
        return {"currency": budgets.currency, "data": [standing_json(one) for one in found]}

    return routes


def budget_json(named: NamedCap) -> Json:
    """A budget as it is set; subject_name is for people."""
    cap = named.cap
    return {
        "id": str(cap.id),
        "subject_kind": cap.subject_kind,
        "subject": cap.subject or None,
        "subject_name": named.subject_name or None,
        "window": cap.window,
        "covers": cap.covers,
        "amount": amount_of(cap.micros),
    }


def standing_json(standing: Standing) -> Json:
    """How a budget stands. level: 50, 80 or 100 per cent are reached, or 0; whole_at: when it is whole again."""
    window = standing.window
    kind, _, subject = window.cap.scope.partition(":")
    return {
        "id": None if standing.cap_id is None else str(standing.cap_id),
        "subject_kind": kind,
        "subject": subject or None,
        "subject_name": standing.subject_name or None,
        "window": window.cap.window,
        "covers": window.cap.covers,
        "amount": amount_of(window.most),
        "spent": amount_of(standing.spent),
        "held": amount_of(standing.held),
        "left": amount_of(max(0, window.most - standing.spent - standing.held)),
        "level": standing.level,
        "began_at": _moment(window.span.start_ms).isoformat(),
        "whole_at": _moment(window.span.end_ms).isoformat(),
    }


async def _lines(found: Sequence[Standing], currency: str) -> AsyncIterator[Row]:
    for one in found:
        kind, _, subject = one.window.cap.scope.partition(":")
        span = one.window.span
        yield (
            kind,
            subject,
            one.subject_name,
            one.window.cap.window,
            one.window.cap.covers,
            _moment(span.start_ms),
            _moment(span.end_ms),
            currency,
            amount_of(one.window.most),
            amount_of(one.spent),
            amount_of(one.held),
            one.level,
        )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
