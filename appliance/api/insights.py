"""/api/insights: errors, unanswered questions, slow and disliked answers of a span, as JSON or each part as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from appliance.api.account_bodies import Json
from appliance.api.csv_exports import Cell, Row, Separator, csv_response
from appliance.api.feedback import given_json
from appliance.api.identity import Identity
from appliance.domain.insights import (
    Disliked,
    InsightPart,
    InsightPeriod,
    Insights,
    Slow,
    SlowAnswer,
    Unanswered,
    UnansweredCount,
)
from appliance.domain.people import Caller
from appliance.errors import InvalidRequest
from appliance.services.insights.report import PARTS, InsightsReport
from appliance.services.knowledge import identifiers

_ERRORS = (
    "source",
    "code",
    "route",
    "count",
    "before",
    "people",
    "first_at",
    "last_at",
    "lookup",
    "models",
    "message",
)
_UNANSWERED = ("question", "collections", "languages", "count", "people", "wordings", "first_at", "last_at")
_SLOW = (
    *("request_id", "model", "engine", "started_at", "first_ms", "total_ms", "queue_ms", "documents_ms"),
    *("engine_ms", "prompt_tokens", "completion_tokens"),
)
_DISLIKED = ("by", "name", "count")
_PRIVATE = "private"  # in a table, where a collection's name would stand


def insight_routes(insights: InsightsReport, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(tags=["insights"])

    @routes.get("/api/insights")
    async def told(
        caller: Caller = Depends(identity.caller),
        period: InsightPeriod = "week",
        part: Annotated[InsightPart | None, Query()] = None,
        format: Literal["json", "csv"] = "json",
        separator: Separator = "comma",
    ) -> Response:
        """period: up to now, compared with as long before. part: that one alone; a CSV file is of one part."""
        if format == "csv" and part is None:
            raise InvalidRequest("A CSV file holds one `part`.", param="part")
        found = await insights.report(caller, period, PARTS if part is None else (part,))
        if format == "csv":
            header, rows = _table(found)
            return csv_response(f"{part}-{period}.csv", header, _lines(rows), separator)
        return JSONResponse(insights_json(found), headers={"cache-control": "no-store"})

    return routes


def insights_json(found: Insights) -> Json:
    """What was not asked for is left out."""
    told: Json = {
        "object": "insights",
        "period": found.period,
        "from": found.span.since.isoformat(),
        "to": found.span.until.isoformat(),
    }
    if found.errors is not None:
        told["errors"] = {
            "count": sum(one.count for one in found.errors),
            "before": found.errors_before,
            "data": [_plain(_error(found, at)) for at in range(len(found.errors))],
        }
    if found.unanswered is not None:
        told["unanswered"] = _unanswered_json(found.unanswered)
    if found.slow is not None:
        told["slow"] = _slow_json(found.slow)
    if found.disliked is not None:
        told["disliked"] = _disliked_json(found.disliked)
    return told


def _error(found: Insights, at: int) -> dict[str, Any]:
    assert found.errors is not None
    one = found.errors[at]
    return {**asdict(one), "message": found.sentences.get(one.code)}


def _unanswered_json(found: Unanswered) -> Json:
    """questions: null for who may not read any."""
    questions = found.questions
    return {
        "count": found.total.all,
        "before": found.before.all,
        "people": found.total.people,
        "readable": found.total.readable,
        "by_programs": found.total.by_programs,
        "shows_questions": found.shows_questions,
        "places": [_place(one) for one in found.places],
        "questions": None if questions is None else [_plain(asdict(one)) for one in questions],
    }


def _place(one: UnansweredCount) -> Json:
    """collection_id null: everything that the asker sees was searched, or, where `private`, no name is told."""
    shown = None if one.collection_id is None else identifiers.wire(identifiers.COLLECTION, one.collection_id)
    return {
        "collection_id": shown,
        "collection": one.name,
        "private": one.is_private,
        "language": one.language or None,
        "count": one.count,
        "people": one.people,
        "wordings": one.wordings,
        "last_at": one.last_at.isoformat(),
    }


def _slow_json(found: Slow) -> Json:
    return {
        "models": [_rounded(asdict(one)) for one in found.models],
        "answers": [_rounded(_plain(asdict(one))) for one in found.answers],
    }


def _disliked_json(found: Disliked) -> Json:
    """data: null for who may not read what people wrote."""
    given = found.given
    return {
        "count": found.down,
        "before": found.before_down,
        "up": found.up,
        "before_up": found.before_up,
        "reasons": dict(found.reasons),
        "models": dict(found.models),
        "data": None if given is None else [given_json(one) for one in given],
    }


def _plain(values: dict[str, Any]) -> Json:
    return {name: _json_value(value) for name, value in values.items()}


def _json_value(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case tuple():
            return list(value)
        case _:
            return value


def _rounded(values: Json) -> Json:
    return {name: round(value, 1) if isinstance(value, float) else value for name, value in values.items()}


# As tables -------------------------------------------------------------------------------------------------


def _table(found: Insights) -> tuple[Sequence[str], list[Row]]:
    if found.errors is not None:
        rows = [_error(found, at) for at in range(len(found.errors))]
        return _ERRORS, [[_cell(row[name]) for name in _ERRORS] for row in rows]
    if found.unanswered is not None:
        return _UNANSWERED, [*_question_rows(found.unanswered), *map(_place_row, found.unanswered.places)]
    if found.slow is not None:
        return _SLOW, [_slow_row(one) for one in found.slow.answers]
    assert found.disliked is not None
    counts = [("reason", found.disliked.reasons), ("model", found.disliked.models)]
    return _DISLIKED, [(by, name, count) for by, each in counts for name, count in each.items()]


def _question_rows(found: Unanswered) -> list[Row]:
    return [
        (
            one.question,
            _cell(one.collections),
            _cell(one.languages),
            one.count,
            one.people,
            1 + len(one.others),
            one.first_at,
            one.last_at,
        )
        for one in found.questions or ()
    ]


def _place_row(one: UnansweredCount) -> Row:
    """Without a question: the sum of a place."""
    name = _PRIVATE if one.is_private else one.name
    return None, name, one.language, one.count, one.people, one.wordings, None, one.last_at


def _slow_row(one: SlowAnswer) -> Row:
    row = asdict(one)
    return [_cell(row[name]) for name in _SLOW]


def _cell(value: Any) -> Cell:  # noqa: ANN401 - of a row that is told
    return " | ".join(map(str, value)) if isinstance(value, tuple) else value


async def _lines(rows: Sequence[Row]) -> AsyncIterator[Row]:
    for row in rows:
        yield row
