"""/api/audit: sign-ins, keys, roles, limits, shares, deletions – who did what, filtered, paged, or as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from appliance.api.account_bodies import Json
from appliance.api.csv_exports import Row, Separator, csv_response
from appliance.api.cursors import cursor, parse_cursor, parse_moment
from appliance.api.identity import Identity
from appliance.domain.administration import AuditKind, AuditLine, AuditQuery
from appliance.domain.people import Caller
from appliance.services.audit import Audit

_HEADER = ("happened_at", "action", "actor", "subject", "detail", "address", "actor_id", "subject_id", "id")


def audit_routes(audit: Audit, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(tags=["audit"])

    @routes.get("/api/audit")
    async def lines(
        caller: Caller = Depends(identity.caller),
        kind: AuditKind | None = None,
        action: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z_.]+$")] = None,
        person: Annotated[str | None, Query(max_length=400)] = None,
        since: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        until: Annotated[str | None, Query(alias="to", max_length=40)] = None,
        before: Annotated[str | None, Query(max_length=120)] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        format: Literal["json", "csv"] = "json",
        separator: Separator = "comma",
    ) -> Response:
        """Newest first; person: who did it or whom it was done to, by id or address; before: the answer's `next`."""
        query = AuditQuery(
            kind,
            action,
            None if person is None else await audit.person(caller, person),
            parse_moment(since, "from"),
            parse_moment(until, "to", is_end=True),
            parse_cursor(before),
        )
        if format == "csv":
            return csv_response("audit.csv", _HEADER, _rows(await audit.everything(caller, query)), separator)
        page = await audit.lines(caller, query, limit)
        last: AuditLine | None = page.rows[-1] if page.has_more else None
        told = {
            "object": "list",
            "data": [audit_json(line) for line in page.rows],
            "has_more": page.has_more,
            "next": None if last is None else cursor(last.happened_at, last.id),
        }
        return JSONResponse(told, headers={"cache-control": "no-store"})

    return routes


def audit_json(line: AuditLine) -> Json:
    """actor, subject: as they are called now; null where nobody has that id any more."""
    return {
        "id": line.id,
        "happened_at": line.happened_at.isoformat(),
        "action": line.action,
        "actor_id": None if line.actor_id is None else str(line.actor_id),
        "actor": line.actor,
        "subject_id": None if line.subject_id is None else str(line.subject_id),
        "subject": line.subject,
        "detail": dict(line.detail),
        "address": line.address,
    }


async def _rows(lines: AsyncIterator[AuditLine]) -> AsyncIterator[Row]:
    async for line in lines:
        told = audit_json(line)
        detail = orjson.dumps(told["detail"]).decode() if told["detail"] else ""
        yield [line.happened_at, *(detail if name == "detail" else told[name] for name in _HEADER[1:])]
