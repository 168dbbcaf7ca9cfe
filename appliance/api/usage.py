"""/api/usage: what was asked and used, by day, model, person or group, as JSON or CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from appliance.api.account_bodies import Json
from appliance.api.csv_exports import Cell, Row, Separator, csv_response
from appliance.api.identity import Identity
from appliance.domain.administration import UsageBy, UsageRow
from appliance.domain.people import Caller
from appliance.services.usage_report import UsageReport, Wanted

_FIGURES = (
    "requests",
    "calls",
    "failed",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "waiting_s",
)
_COST_DIGITS = 6  # a short question costs a thousandth of a cent


def usage_routes(report: UsageReport, identity: Identity, currency: str | None = None) -> APIRouter:
    """The routes of this room, for `create_app`. currency: of the prices; None: nothing has one."""
    routes = APIRouter(tags=["usage"])

    @routes.get("/api/usage")
    async def usage(
        caller: Caller = Depends(identity.caller),
        first: Annotated[date | None, Query(alias="from")] = None,
        last: Annotated[date | None, Query(alias="to")] = None,
        by: UsageBy = "day",
        user: Annotated[str | None, Query(max_length=400)] = None,
        group: UUID | None = None,
        tz: Annotated[str, Query(max_length=64)] = "UTC",
        format: Literal["json", "csv"] = "json",
        separator: Separator = "comma",
    ) -> Response:
        """Days of `tz`, both included; the last thirty if nothing is said."""
        query, rows = await report.report(caller, Wanted(first, last, by, user, group, tz))
        if format == "csv":
            named = ("name",) if by in ("user", "group") else ()
            header = (by, *named, *_FIGURES, *(() if currency is None else (f"cost_{currency.lower()}",)))
            name = f"usage-by-{by}-{query.first}-{query.last}.csv"
            return csv_response(name, header, _lines(by, rows, has_cost=currency is not None), separator)
        told: Json = {
            "object": "usage",
            "by": by,
            "from": query.first.isoformat(),
            "to": query.last.isoformat(),
            "tz": query.zone.key,
            "currency": currency,
            "data": [usage_json(row, currency) for row in rows],
            "total": total_json(rows, currency) if by != "group" else None,
        }
        return JSONResponse(told, headers={"cache-control": "no-store"})

    return routes


def usage_json(row: UsageRow, currency: str | None) -> Json:
    """key: a day, a model's name, or an id; label: what people call it, null where nobody has that id any more."""
    told = {"key": row.key, "label": row.label or None, **dict(zip(_FIGURES, _figures(row), strict=True))}
    return {**told, "cost": None if currency is None else _rounded(row.cost)}


def total_json(rows: Sequence[UsageRow], currency: str | None) -> Json:
    """Of all rows; groups have none, for who is in two of them would count twice."""
    columns = zip(*(_figures(row) for row in rows), strict=True) if rows else ((0,),) * len(_FIGURES)
    told: Json = {name: sum(column) for name, column in zip(_FIGURES, columns, strict=True)}
    costs = [row.cost for row in rows if row.cost is not None]
    return {**told, "cost": _rounded(sum(costs)) if costs and currency is not None else None}


def _rounded(cost: float | None) -> float | None:
    return None if cost is None else round(cost, _COST_DIGITS)


def _figures(row: UsageRow) -> tuple[int | float, ...]:
    return (
        row.asked,
        row.calls,
        row.failed,
        row.prompt_tokens,
        row.cached_tokens,
        row.completion_tokens,
        round(row.wait_s, 3),
    )


async def _lines(by: UsageBy, rows: Sequence[UsageRow], *, has_cost: bool) -> AsyncIterator[Row]:
    for row in rows:
        named = (row.label,) if by in ("user", "group") else ()
        yield (row.key, *named, *_figures(row), *((_money(row.cost),) if has_cost else ()))


def _money(cost: float | None) -> Cell:
    return None if cost is None else Decimal(f"{cost:.{_COST_DIGITS}f}")
