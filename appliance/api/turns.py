"""Asking, asking again, going on, following an answer as it is written, stopping it, and saying what one thinks of it.

A turn that is not the caller's is a 404 on every route, as if it did not exist.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from appliance.api.strict_json import StrictJsonRoute
from appliance.api.turn_shapes import Writable, as_begun, as_feedback
from appliance.domain.answers import Feedback, FeedbackReason, TurnEvent
from appliance.domain.people import Caller, Language
from appliance.domain.refusals import Told
from appliance.errors import ApplianceError, CredentialWithdrawn, InvalidRequest
from appliance.ports.keeping import Keep
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.turns import NewTurn, NewVersion, Turns

Identify = Callable[[Request], Awaitable[Caller]]

_RECHECK_S = 1.0  # how soon a stream ends whose session or key has expired; a withdrawn one ends at once
_HEARTBEAT = b": waiting\n\n"


class TurnBody(BaseModel):
    """POST /api/turns."""

    model_config = ConfigDict(extra="forbid")

    question: Writable = Field(min_length=1, max_length=100_000)
    conversation_id: UUID | None = None
    model: Writable = Field("answer-with-sources", min_length=1, max_length=200)
    vector_store_ids: list[str] | None = Field(None, max_length=100)
    language: Language | None = None
    previous_id: UUID | None = None
    temporary: bool = False


class VersionBody(BaseModel):
    """POST /api/turns/ID/versions; what is not named is as it was asked before."""

    model_config = ConfigDict(extra="forbid")

    question: Writable | None = Field(None, min_length=1, max_length=100_000)
    model: Writable | None = Field(None, min_length=1, max_length=200)
    vector_store_ids: list[str] | None = Field(None, max_length=100)
    language: Language | None = None


class FeedbackBody(BaseModel):
    """PUT /api/turns/ID/feedback. share_text: administrators may read the question and the answer with it."""

    model_config = ConfigDict(extra="forbid")

    rating: Literal["up", "down"]
    reason: FeedbackReason | None = None
    comment: Writable | None = Field(None, max_length=4_000)
    share_text: bool = False


def turn_routes(
    turns: Turns, identify: Identify, live: LiveRequests, clock: Callable[[], float] = time.monotonic
) -> APIRouter:
    """The routes, for the application to include. live: ends the streams of a withdrawn credential."""
    routes = APIRouter(route_class=StrictJsonRoute)

    @routes.post("/api/turns", status_code=201)
    async def begin(body: TurnBody, caller: Caller = Depends(identify)) -> dict[str, Any]:
        if not body.question.strip():
            raise InvalidRequest(Told("question_empty"), param="question")
        new = NewTurn(
            question=body.question,
            model=body.model,
            conversation_id=body.conversation_id,
            collection_ids=_collection_ids(body.vector_store_ids),
            language=body.language or caller.language,
            previous_id=body.previous_id,
            is_temporary=body.temporary,
        )
        return as_begun(await turns.begin(caller, new))

    @routes.post("/api/turns/{turn_id}/versions", status_code=201)
    async def begin_version(
        turn_id: UUID, body: VersionBody | None = None, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        """Beside that turn: with another question, or the same one answered again."""
        body = body or VersionBody()
        if body.question is not None and not body.question.strip():
            raise InvalidRequest(Told("question_empty"), param="question")
        collections = body.vector_store_ids
        new = NewVersion(
            question=body.question,
            model=body.model,
            collection_ids=Keep.AS_IT_IS if collections is None else _collection_ids(collections),
            language=body.language,
        )
        return as_begun(await turns.begin_version(caller, turn_id, new))

    @routes.post("/api/turns/{turn_id}/continue", status_code=201)
    async def resume(turn_id: UUID, caller: Caller = Depends(identify)) -> dict[str, Any]:
        """Beside that turn: its unfinished answer, gone on with."""
        return as_begun(await turns.resume(caller, turn_id))

    @routes.put("/api/turns/{turn_id}/feedback")
    async def rate(turn_id: UUID, body: FeedbackBody, caller: Caller = Depends(identify)) -> dict[str, Any]:
        comment = (body.comment or "").strip() or None
        feedback = Feedback(body.rating, body.reason, comment, body.share_text)
        await turns.rate(caller, turn_id, feedback)
        return as_feedback(feedback)

    @routes.delete("/api/turns/{turn_id}/feedback", status_code=204)
    async def unrate(turn_id: UUID, caller: Caller = Depends(identify)) -> Response:
        await turns.unrate(caller, turn_id)
        return Response(status_code=204)

    @routes.get("/api/turns/{turn_id}/events")
    async def follow(
        request: Request,
        turn_id: UUID,
        after: Annotated[int, Query(ge=0)] = 0,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> StreamingResponse:
        moment = live.moment
        caller = await identify(request)
        if last_event_id is not None and last_event_id.isdecimal():
            after = max(after, int(last_event_id[:18]))
        events = await turns.follow(caller, turn_id, after)
        frames = _frames(_while_allowed(events, live, caller, moment), lambda: identify(request), clock)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(frames, media_type="text/event-stream", headers=headers)

    @routes.get("/api/turns/{turn_id}/trace")
    async def trace(request: Request, turn_id: UUID) -> dict[str, Any]:
        """request_id: as logs and ledger know it; trace_id: as the collector of traces does, null without one."""
        turn, found = await turns.trace(await identify(request), turn_id)
        return {
            "object": "turn.trace",
            "turn_id": str(turn_id),
            "request_id": turn.request_id,
            "trace_id": turn.trace_id,
            "trace": found,
        }

    @routes.post("/api/turns/{turn_id}/stop", status_code=204)
    async def stop(request: Request, turn_id: UUID) -> Response:
        await turns.stop(await identify(request), turn_id)
        return Response(status_code=204)

    return routes


async def _while_allowed(
    events: AsyncIterator[TurnEvent | None], live: LiveRequests, caller: Caller, since: int
) -> AsyncIterator[TurnEvent | None]:
    """The same events until the caller's credential is withdrawn. Raises CredentialWithdrawn."""
    waits: list[asyncio.Timeout] = []
    loop = asyncio.get_running_loop()

    def end_wait() -> None:
        for wait in waits:
            wait.reschedule(loop.time())

    # A wait is ended from outside, not raced by a task of its own: there is one for every few words of every answer.
    with live.track(caller, end_wait, since) as request:
        while not request.is_withdrawn:
            try:
                async with asyncio.timeout(None) as wait:
                    waits.append(wait)
                    try:
                        event = await anext(events)
                    finally:
                        waits.clear()
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                if request.is_withdrawn:
                    raise CredentialWithdrawn from error
                raise
            if not request.is_withdrawn:
                yield event
        raise CredentialWithdrawn


async def _frames(
    events: AsyncIterator[TurnEvent | None],
    still_allowed: Callable[[], Awaitable[Caller]],
    clock: Callable[[], float],
) -> AsyncIterator[bytes]:
    """Server-sent events with ids to resume from; ended when the credential is no longer good."""
    checked_at = clock()
    try:
        async for event in events:
            if clock() - checked_at >= _RECHECK_S:
                checked_at = clock()
                await still_allowed()
            if event is None:
                yield _HEARTBEAT
            else:
                yield _frame(event.seq, event.kind, {**event.data, "slot": event.slot})
    except ApplianceError as error:
        yield _frame(0, "error", {"code": error.code, "message": str(error)})


def _frame(seq: int, kind: str, data: Mapping[str, Any]) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (seq, kind.encode(), orjson.dumps(data))


def _collection_ids(vector_store_ids: list[str] | None) -> tuple[UUID, ...] | None:
    """None or an empty list: all that the caller may see."""
    if not vector_store_ids:
        return None
    try:
        return tuple(UUID(one.removeprefix("vs_")) for one in vector_store_ids)
    except ValueError as error:
        raise InvalidRequest(
            "`vector_store_ids` holds something that is no id.", param="vector_store_ids"
        ) from error
