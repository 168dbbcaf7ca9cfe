"""Conversations and turns as the API writes them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator

from appliance.domain.answers import Conversation, Feedback, Figures, ShownTurn, Turn
from appliance.domain.conversations import FoundConversation
from appliance.services.answer_shapes import as_cost
from appliance.services.turns import as_state


def writable(text: str) -> str:
    """As the database can keep it: what people paste may hold NUL characters and half surrogate pairs."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


Writable = Annotated[str, AfterValidator(writable)]


def as_conversation(conversation: Conversation) -> dict[str, Any]:
    """Without its turns."""
    return {
        "id": str(conversation.id),
        "object": "conversation",
        "title": conversation.title,
        "created_at": conversation.created_at.isoformat(),
        "updated_at": conversation.updated_at.isoformat(),
        "pinned": conversation.is_pinned,
        "archived": conversation.is_archived,
        "temporary": conversation.is_temporary,
        "running": bool(conversation.running_turn_ids),
        "unread": conversation.is_unread,
        "current_turn_id": None
        if conversation.current_turn_id is None
        else str(conversation.current_turn_id),
    }


def as_found(found: FoundConversation) -> dict[str, Any]:
    """In a list; snippet: where the words stand that were searched, null without such a place."""
    snippet = found.snippet
    shown = None if snippet is None else {"text": snippet.text, "marks": [list(one) for one in snippet.marks]}
    return {**as_conversation(found.conversation), "snippet": shown}


def as_shown_turn(shown: ShownTurn) -> dict[str, Any]:
    """With everything that draws it."""
    turn, ids = shown.turn, [str(one) for one in shown.version_ids]
    return {
        "id": str(turn.id),
        "object": "turn",
        "conversation_id": str(turn.conversation_id),
        "question": turn.question,
        "answer": turn.answer,
        "model": turn.model,
        "status": turn.status,
        "created_at": turn.created_at.isoformat(),
        "finished_at": None if turn.finished_at is None else turn.finished_at.isoformat(),
        "previous_id": None if turn.previous_id is None else str(turn.previous_id),
        "continues_id": None if turn.continues_id is None else str(turn.continues_id),
        "version": {"index": ids.index(str(turn.id)) + 1, "count": len(ids), "ids": ids},
        "feedback": None if shown.feedback is None else as_feedback(shown.feedback),
        **as_figures(turn.figures),
        **as_state(shown.events),
    }


def as_begun(turn: Turn) -> dict[str, Any]:
    """What was begun, in the answer to whoever asked."""
    return {
        "id": str(turn.id),
        "conversation_id": str(turn.conversation_id),
        "previous_id": None if turn.previous_id is None else str(turn.previous_id),
        "continues_id": None if turn.continues_id is None else str(turn.continues_id),
    }


def as_figures(figures: Figures) -> dict[str, Any]:
    """cost: null where no model that was asked has a price."""
    usage = None
    if figures.prompt_tokens is not None or figures.completion_tokens is not None:
        usage = {
            "prompt_tokens": figures.prompt_tokens or 0,
            "completion_tokens": figures.completion_tokens or 0,
        }
    return {
        "first_token_ms": figures.first_token_ms,
        "total_ms": figures.total_ms,
        "usage": usage,
        "served_by": figures.served_by,
        "rung": figures.rung,
        "answered_as": figures.answered_as,
        "cost": as_cost(figures.cost),
        "dropped_messages": figures.dropped_messages,
    }


def as_feedback(feedback: Feedback) -> dict[str, Any]:
    """As its person gave it."""
    return {
        "rating": feedback.rating,
        "reason": feedback.reason,
        "comment": feedback.comment,
        "share_text": feedback.shares_text,
    }
