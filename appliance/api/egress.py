"""/api/egress: what left the box, as pages, sums and a table to keep; and the switch that stops it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, StringConstraints

from appliance.api.account_bodies import Json
from appliance.api.csv_exports import Row, Separator, csv_response
from appliance.api.cursors import parse_moment
from appliance.api.identity import Identity
from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.egress import EgressHappened, EgressQuery, EgressStop
from appliance.domain.people import Caller
from appliance.services.egress import WhatLeft

COLUMNS = (
    *("n", "at", "happened", "purpose", "actor", "engine", "method", "host", "path", "address"),
    *("sent_bytes", "received_bytes", "status", "seconds", "decision", "why", "redactions", "reason"),
    *("id", "body_sha256"),
)
"""Of the table: the ledger's fields, in an order for people."""
_HAPPENED = "^(?:(?:began|ended|refused|stopped|resumed)(?:,|$))*$"
_ROWS_AT_ONCE = 500
_NO_STORE = {"cache-control": "no-store"}


class StopBody(BaseModel):
    """reason: for those who find it stopped."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(max_length=300)] = ""


class _Filters:
    """The query of every list here. happened: several, with commas between; from and to: days or moments."""

    def __init__(
        self,
        since: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        until: Annotated[str | None, Query(alias="to", max_length=40)] = None,
        purpose: Annotated[str, Query(max_length=40)] = "",
        actor: Annotated[str, Query(max_length=400)] = "",
        host: Annotated[str, Query(max_length=255)] = "",
        happened: Annotated[str, Query(max_length=60, pattern=_HAPPENED)] = "",
    ) -> None:
        self.query = EgressQuery(
            parse_moment(since, "from"),
            parse_moment(until, "to", is_end=True),
            purpose,
            actor.strip(),
            host.strip(),
            cast(tuple[EgressHappened, ...], tuple(filter(None, happened.split(",")))),
        )


def egress_routes(left: WhatLeft, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(prefix="/api", tags=["egress"], route_class=StrictJsonRoute)

    @routes.get("/egress", response_model=None)
    async def lines(
        caller: Caller = Depends(identity.caller),
        asked: _Filters = Depends(),
        before: Annotated[int | None, Query(ge=1)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        format: Literal["json", "csv"] = "json",
        separator: Separator = "comma",
    ) -> Response:
        """Newest first; before: the answer's `next`."""
        if format == "csv":
            return _table(left.everything(caller, asked.query), separator)
        page = await left.page(caller, _before(asked.query, before), limit)
        told = {
            "object": "list",
            "data": list(page.lines),
            "has_more": page.has_more,
            "next": page.lines[-1].get("n") if page.has_more else None,
        }
        return JSONResponse(told, headers=_NO_STORE)

    @routes.get("/egress.csv", response_model=None)
    async def table(
        caller: Caller = Depends(identity.caller),
        asked: _Filters = Depends(),
        separator: Separator = "comma",
    ) -> Response:
        return _table(left.everything(caller, asked.query), separator)

    @routes.get("/egress/totals", response_model=None)
    async def totals(caller: Caller = Depends(identity.caller), asked: _Filters = Depends()) -> Response:
        """By host and purpose, and whether it is stopped."""
        sums = await left.totals(caller, asked.query)
        told = {
            "object": "egress_totals",
            "data": [asdict(one) for one in sums],
            "stopped": _stop_json(await left.stopped(caller)),
        }
        return JSONResponse(told, headers=_NO_STORE)

    @routes.get("/egress/stop")
    async def stopped(response: Response, caller: Caller = Depends(identity.caller)) -> Json:
        response.headers.update(_NO_STORE)
        return {"object": "egress_stop", "stopped": _stop_json(await left.stopped(caller))}

    @routes.put("/egress/stop")
    async def stop(body: StopBody, caller: Caller = Depends(identity.caller)) -> Json:
        return {"object": "egress_stop", "stopped": _stop_json(await left.stop(caller, body.reason))}

    @routes.delete("/egress/stop")
    async def resume(caller: Caller = Depends(identity.caller)) -> Json:
        return {"object": "egress_stop", "stopped": _stop_json(await left.resume(caller))}

    return routes


def _before(query: EgressQuery, number: int | None) -> EgressQuery:
    return replace(query, before=number)


def _stop_json(stop: EgressStop | None) -> Json | None:
    """None: it is not stopped. since: null where the settings say so."""
    if stop is None:
        return None
    return {
        "since": None if stop.since is None else stop.since.isoformat(),
        "actor": stop.actor,
        "reason": stop.reason,
        "by_settings": stop.by_settings,
    }


def _table(lines: Iterator[Mapping[str, Any]], separator: Separator) -> Response:
    return csv_response("egress.csv", COLUMNS, _rows(lines), separator)


async def _rows(lines: Iterator[Mapping[str, Any]]) -> AsyncIterator[Row]:
    """Read in a thread, some hundred at once."""
    while rows := await asyncio.to_thread(_next_rows, lines):
        for row in rows:
            yield row


def _next_rows(lines: Iterator[Mapping[str, Any]]) -> Sequence[Row]:
    return [
        [told.get(name) for name in COLUMNS] for told, _ in zip(lines, range(_ROWS_AT_ONCE), strict=False)
    ]
