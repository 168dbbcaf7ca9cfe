"""/api/usage: what was asked and used, by day, model, person or group, as JSON or CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
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
_SECONDS = ("audio_s", "engine_s")
_WH_J = 3600
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
            costs = (
                () if currency is None else (f"cost_{currency.lower()}", f"energy_cost_{currency.lower()}")
            )
            header = (by, *named, *_FIGURES, *costs[:1], *_SECONDS, "energy_wh", *costs[1:])
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
    return {**told, **_more([row], currency)}


def total_json(rows: Sequence[UsageRow], currency: str | None) -> Json:
    """Of all rows; groups have none, for who is in two of them would count twice."""
    columns = zip(*(_figures(row) for row in rows), strict=True) if rows else ((0,),) * len(_FIGURES)
    told: Json = {name: sum(column) for name, column in zip(_FIGURES, columns, strict=True)}
    return {**told, **_more(rows, currency)}


def _more(rows: Sequence[UsageRow], currency: str | None) -> Json:
    """What not everything has; null where none of these have it. energy_j: joules."""
    cost, energy_cost = _sum(row.cost for row in rows), _sum(row.energy_cost for row in rows)
    return {
        "cost": None if currency is None else _rounded(cost),
        "audio_s": _rounded(_sum(row.audio_s for row in rows), 3),
        "engine_s": _rounded(_sum(row.engine_s for row in rows), 3),
        "energy_j": _rounded(_sum(row.joules for row in rows), 1),
        "energy_cost": None if currency is None else _rounded(energy_cost),
    }


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _rounded(value: float | None, digits: int = _COST_DIGITS) -> float | None:
    return None if value is None else round(value, digits)


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
        costs = (_money(row.cost), _money(row.energy_cost)) if has_cost else ()
        hours = None if row.joules is None else Decimal(f"{row.joules / _WH_J:.3f}")
        seconds = (_rounded(row.audio_s, 3), _rounded(row.engine_s, 3))
        yield (row.key, *named, *_figures(row), *costs[:1], *seconds, hours, *costs[1:])


def _money(cost: float | None) -> Cell:
    return None if cost is None else Decimal(f"{cost:.{_COST_DIGITS}f}")
