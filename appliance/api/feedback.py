"""/api/feedback: what people thought of answers, for administrators, as JSON or CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from appliance.api.account_bodies import Json
from appliance.api.csv_exports import Row, Separator, csv_response
from appliance.api.cursors import cursor, parse_cursor, parse_moment
from appliance.api.identity import Identity
from appliance.api.turn_shapes import Writable
from appliance.domain.administration import FeedbackQuery, GivenFeedback
from appliance.domain.answers import FeedbackReason
from appliance.domain.people import Caller
from appliance.errors import InvalidRequest
from appliance.services.feedback import FeedbackRead

_HEADER = ("given_at", "rating", "reason", "comment", "model", "served_by", "question", "answer")


def feedback_routes(feedback: FeedbackRead, identity: Identity) -> APIRouter:
    """The routes of this room, for `create_app`."""
    routes = APIRouter(tags=["feedback"])

    @routes.get("/api/feedback")
    async def given(
        caller: Caller = Depends(identity.caller),
        rating: Literal["up", "down"] | None = None,
        reason: FeedbackReason | None = None,
        model: Annotated[Writable | None, Query(max_length=200)] = None,
        since: Annotated[str | None, Query(alias="from", max_length=40)] = None,
        until: Annotated[str | None, Query(alias="to", max_length=40)] = None,
        before: Annotated[str | None, Query(max_length=120)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        format: Literal["json", "csv"] = "json",
        separator: Separator = "comma",
    ) -> Response:
        """Newest first; before: the answer's `next`."""
        query = FeedbackQuery(
            rating,
            reason,
            model,
            parse_moment(since, "from"),
            parse_moment(until, "to", is_end=True),
            _before(before),
        )
        if format == "csv":
            rows = await feedback.everything(caller, query)
            return csv_response("feedback.csv", _HEADER, _rows(rows), separator)
        page, counts = await feedback.given(caller, query, limit)
        last: GivenFeedback | None = page.rows[-1] if page.has_more else None
        told = {
            "object": "list",
            "data": [given_json(row) for row in page.rows],
            "has_more": page.has_more,
            "next": None if last is None else cursor(last.given_at, str(last.turn_id)),
            "counts": {"up": counts.up, "down": counts.down, "reasons": dict(counts.reasons)},
        }
        return JSONResponse(told, headers={"cache-control": "no-store"})

    return routes


def given_json(given: GivenFeedback) -> Json:
    """question, answer: null unless who gave it lets administrators read them."""
    return {
        "id": str(given.turn_id),
        "given_at": given.given_at.isoformat(),
        "rating": given.rating,
        "reason": given.reason,
        "comment": given.comment,
        "model": given.model,
        "served_by": given.served_by,
        "question": given.question,
        "answer": given.answer,
    }


def _before(text: str | None) -> tuple[datetime, UUID] | None:
    found = parse_cursor(text)
    if found is None:
        return None
    try:
        return found[0], UUID(found[1])
    except ValueError:
        raise InvalidRequest("`before` is not the `next` of an earlier answer.", param="before") from None


async def _rows(given: AsyncIterator[GivenFeedback]) -> AsyncIterator[Row]:
    async for row in given:
        told = given_json(row)
        yield [row.given_at, *(told[name] for name in _HEADER[1:])]
