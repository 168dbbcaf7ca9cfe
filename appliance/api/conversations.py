"""A person's conversations: listed, searched, marked, exported, deleted and had back.

One that is not the caller's is a 404 on every route, as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from appliance.api.cursors import cursor, parse_cursor
from appliance.api.receipts import as_receipt
from appliance.api.strict_json import StrictJsonRoute
from appliance.api.turn_shapes import Writable, as_conversation, as_found, as_shown_turn, writable
from appliance.domain.conversations import ConversationChanges, ConversationFilter
from appliance.domain.people import Caller
from appliance.domain.refusals import Told
from appliance.errors import InvalidRequest
from appliance.services.conversations import Conversations
from appliance.services.exports import as_json, as_markdown, file_name

Identify = Callable[[Request], Awaitable[Caller]]

_TITLE = 200  # characters


class ConversationBody(BaseModel):
    """POST /api/conversations."""

    model_config = ConfigDict(extra="forbid")

    title: Writable = Field("", max_length=_TITLE)
    temporary: bool = False


class ConversationChangesBody(BaseModel):
    """PATCH /api/conversations/ID; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    title: Writable | None = Field(None, min_length=1, max_length=_TITLE)
    pinned: bool | None = None
    archived: bool | None = None
    read: Literal[True] | None = None
    current_turn_id: UUID | None = None


def conversation_routes(conversations: Conversations, identify: Identify) -> APIRouter:
    """The routes, for the application to include."""
    routes = APIRouter(route_class=StrictJsonRoute, tags=["conversations"])

    @routes.post("/api/conversations", status_code=201)
    async def begin(
        body: ConversationBody | None = None, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        """One in which nothing has been asked yet: for files that come first, or a temporary one."""
        body = body or ConversationBody()
        begun = await conversations.begin(caller, body.title.strip(), is_temporary=body.temporary)
        return as_conversation(begun)

    @routes.get("/api/conversations")
    async def listed(
        caller: Caller = Depends(identify),
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[str | None, Query(max_length=100)] = None,
        q: Annotated[str | None, Query(max_length=500)] = None,
        pinned: bool | None = None,
        archived: bool = False,
    ) -> dict[str, Any]:
        """Newest first; with `q` those whose title, questions or answers hold its words, best first.

        before: the `next` of the answer before, or a moment.
        """
        words = writable(q).strip() if q else None
        wanted = ConversationFilter(words or None, archived, pinned, _listed_before(before))
        found, has_more = await conversations.found(caller, wanted, limit)
        last = found[-1].conversation if has_more and not words else None
        return {
            "object": "list",
            "data": [as_found(one) for one in found],
            "has_more": has_more,
            "next": None if last is None else cursor(last.updated_at, str(last.id)),
        }

    @routes.get("/api/conversations/{conversation_id}")
    async def one(
        conversation_id: UUID,
        caller: Caller = Depends(identify),
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: str | None = None,
    ) -> dict[str, Any]:
        """With the last turns of the path that is shown; before: a turn's id, or a moment."""
        found, turns, has_more = await conversations.one(caller, conversation_id, limit, _before(before))
        return {
            **as_conversation(found),
            "turns": [as_shown_turn(turn) for turn in turns],
            "has_more": has_more,
        }

    @routes.patch("/api/conversations/{conversation_id}")
    async def change(
        conversation_id: UUID, body: ConversationChangesBody, caller: Caller = Depends(identify)
    ) -> dict[str, Any]:
        if body.title is not None and not body.title.strip():
            raise InvalidRequest(Told("title_empty"), param="title")
        changes = ConversationChanges(
            title=None if body.title is None else body.title.strip(),
            is_pinned=body.pinned,
            is_archived=body.archived,
            is_read=bool(body.read),
            current_turn_id=body.current_turn_id,
        )
        return as_conversation(await conversations.change(caller, conversation_id, changes))

    @routes.delete("/api/conversations/{conversation_id}")
    async def delete(
        conversation_id: UUID, caller: Caller = Depends(identify), now: bool = False
    ) -> dict[str, Any]:
        """Hidden at once and gone two minutes later; `?now=true`: gone at once."""
        deleted = {"object": "conversation.deleted", "id": str(conversation_id), "deleted": True}
        if now:
            receipt = await conversations.remove(caller, conversation_id)
            return {**deleted, "undo_until": None, "receipt": as_receipt(receipt)}
        undo_until = await conversations.delete(caller, conversation_id)
        return {**deleted, "undo_until": undo_until.isoformat()}

    @routes.post("/api/conversations/{conversation_id}/restore")
    async def restore(conversation_id: UUID, caller: Caller = Depends(identify)) -> dict[str, Any]:
        return as_conversation(await conversations.restore(caller, conversation_id))

    @routes.get("/api/conversations/{conversation_id}/export")
    async def export(
        conversation_id: UUID,
        caller: Caller = Depends(identify),
        format: Literal["markdown", "json"] = "markdown",
    ) -> Response:
        """Markdown: the path that is shown. JSON: every version of every turn."""
        conversation, turns = await conversations.everything(caller, conversation_id)
        if format == "json":
            body, media_type = as_json(conversation, turns), "application/json"
        else:
            body = as_markdown(conversation, turns, caller.language or "en").encode()
            media_type = "text/markdown; charset=utf-8"
        name = file_name(conversation, "json" if format == "json" else "md")
        return Response(body, media_type=media_type, headers={"content-disposition": _attachment(name)})

    @routes.get("/api/conversations/{conversation_id}/context")
    async def context(
        conversation_id: UUID,
        model: Annotated[str, Query(min_length=1, max_length=200)],
        caller: Caller = Depends(identify),
    ) -> dict[str, Any]:
        """What of the model's context the next question's prompt will hold already."""
        use = await conversations.context(caller, conversation_id, model)
        return {
            "used_tokens": use.used_tokens,
            "limit_tokens": use.limit_tokens,
            "dropped_turns": use.dropped_turns,
            "is_exact": use.is_exact,
        }

    return routes


def _listed_before(wanted: str | None) -> tuple[datetime, UUID] | None:
    """A moment without an id: what was last used before it."""
    if wanted is None:
        return None
    if "_" not in wanted:
        return _moment(wanted, "the `next` of an earlier answer, or a moment"), UUID(int=0)
    found = parse_cursor(wanted)
    assert found is not None
    try:
        return found[0], UUID(found[1])
    except ValueError:
        raise InvalidRequest("`before` is not the `next` of an earlier answer.", param="before") from None


def _before(wanted: str | None) -> UUID | datetime | None:
    if wanted is None:
        return None
    try:
        return UUID(wanted)
    except ValueError:
        return _moment(wanted, "a turn's id or a moment")


def _moment(wanted: str, what: str) -> datetime:
    try:
        moment = datetime.fromisoformat(wanted)
    except ValueError:
        raise InvalidRequest(f"`before` is {what}.", param="before") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _attachment(name: str) -> str:
    """RFC 6266: a plain name for old readers, the real one beside it."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "-_. ") else "_" for one in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
