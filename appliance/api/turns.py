"""Asking, following an answer as it is written, stopping it, and the conversations so far.

A turn that is not the caller's is a 404 on every route, as if it did not exist.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from appliance.api.strict_json import StrictJsonRoute
from appliance.domain.answers import Conversation, Turn, TurnEvent
from appliance.domain.people import Caller, Language
from appliance.errors import ApplianceError, CredentialWithdrawn, InvalidRequest, NotPermitted
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.turns import NewTurn, Turns, as_state

Identify = Callable[[Request], Awaitable[Caller]]

_RECHECK_S = 1.0  # how soon a stream ends whose session or key has expired; a withdrawn one ends at once
_HEARTBEAT = b": waiting\n\n"


class TurnBody(BaseModel):
    """POST /api/turns."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=100_000)
    conversation_id: UUID | None = None
    model: str = Field("answer-with-sources", min_length=1, max_length=200)
    vector_store_ids: list[str] | None = Field(None, max_length=100)
    language: Language | None = None


def turn_routes(
    turns: Turns, identify: Identify, live: LiveRequests, clock: Callable[[], float] = time.monotonic
) -> APIRouter:
    """The routes, for the application to include. live: ends the streams of a withdrawn credential."""
    routes = APIRouter(route_class=StrictJsonRoute)

    @routes.post("/api/turns", status_code=201)
    async def begin(body: TurnBody, caller: Caller = Depends(identify)) -> dict[str, str]:
        if not caller.scopes.allow_model(body.model):
            raise NotPermitted(f"This key is not for the model {body.model!r}.", param="model")
        if not body.question.strip():
            raise InvalidRequest("`question` is empty.", param="question")
        new = NewTurn(
            question=body.question,
            model=body.model,
            conversation_id=body.conversation_id,
            collection_ids=_collection_ids(body.vector_store_ids),
            language=body.language or caller.language,
        )
        turn = await turns.begin(caller, new)
        return {"id": str(turn.id), "conversation_id": str(turn.conversation_id)}

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
        found = await turns.trace(await identify(request), turn_id)
        return {"object": "turn.trace", "turn_id": str(turn_id), "trace": found}

    @routes.post("/api/turns/{turn_id}/stop", status_code=204)
    async def stop(request: Request, turn_id: UUID) -> Response:
        await turns.stop(await identify(request), turn_id)
        return Response(status_code=204)

    @routes.get("/api/conversations")
    async def conversations(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: datetime | None = None,
    ) -> dict[str, Any]:
        found = await turns.conversations(await identify(request), limit, before)
        return {"object": "list", "data": [_conversation(one) for one in found]}

    @routes.get("/api/conversations/{conversation_id}")
    async def conversation(
        request: Request,
        conversation_id: UUID,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: datetime | None = None,
    ) -> dict[str, Any]:
        caller = await identify(request)
        found, its_turns = await turns.conversation(caller, conversation_id, limit, before)
        return {**_conversation(found), "turns": [_turn(turn, events) for turn, events in its_turns]}

    @routes.delete("/api/conversations/{conversation_id}", status_code=204)
    async def forget(request: Request, conversation_id: UUID) -> Response:
        await turns.forget(await identify(request), conversation_id)
        return Response(status_code=204)

    return routes


async def _while_allowed(
    events: AsyncIterator[TurnEvent | None], live: LiveRequests, caller: Caller, since: int
) -> AsyncIterator[TurnEvent | None]:
    """The same events until the caller's credential is withdrawn. Raises CredentialWithdrawn."""
    with live.track(caller, since=since) as request:
        withdrawn = asyncio.create_task(request.withdrawn())
        step: asyncio.Future[TurnEvent | None] | None = None
        try:
            while True:
                step = asyncio.ensure_future(anext(events))
                await asyncio.wait({step, withdrawn}, return_when=asyncio.FIRST_COMPLETED)
                if withdrawn.done():
                    raise CredentialWithdrawn
                try:
                    event = step.result()
                except StopAsyncIteration:
                    return
                yield event
        finally:
            tasks = [task for task in (step, withdrawn) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


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


def _conversation(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": str(conversation.id),
        "object": "conversation",
        "title": conversation.title,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
    }


def _turn(turn: Turn, events: Sequence[TurnEvent]) -> dict[str, Any]:
    return {
        "id": str(turn.id),
        "object": "turn",
        "question": turn.question,
        "answer": turn.answer,
        "model": turn.model,
        "status": turn.status,
        "created_at": turn.created_at.isoformat(),
        **as_state(events),
    }


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
