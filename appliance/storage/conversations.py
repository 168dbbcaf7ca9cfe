"""Conversations in PostgreSQL, each read with its owner's eyes. A deleted one is found by nothing but its restoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from appliance.domain.answers import Conversation, Feedback, ShownTurn, TurnEvent
from appliance.domain.conversations import ConversationChanges, ConversationFilter, FoundConversation
from appliance.domain.people import Viewer
from appliance.errors import InvalidRequest, NotFound
from appliance.storage.database import Database
from appliance.storage.turns import TURN_COLUMNS, as_turn, one_row

_MOST_SEARCHED = 1_000  # turns with the words, newest first, that are put in order
_COLUMNS = """c.id, c.title, c.created_at, c.updated_at, c.is_pinned, c.is_archived, c.is_temporary, c.current_turn_id,
    coalesce(c.answered_at > c.read_at, false) AS is_unread,
    ARRAY(SELECT t.id FROM turns t WHERE t.conversation_id = c.id AND t.status = 'running') AS running_turn_ids"""
_LISTED = """NOT c.is_temporary AND c.deleted_at IS NULL AND c.is_archived = %(is_archived)s
    AND (%(is_pinned)s::boolean IS NULL OR c.is_pinned = %(is_pinned)s)
    AND (%(before)s::timestamptz IS NULL OR (c.updated_at, c.id) < (%(before)s, %(before_id)s))"""
_CONVERSATION = f"SELECT {_COLUMNS} FROM conversations c WHERE c.id = %s AND c.deleted_at IS NULL"  # noqa: S608
_CONVERSATIONS = f"""
SELECT {_COLUMNS} FROM conversations c WHERE {_LISTED} ORDER BY c.updated_at DESC, c.id DESC LIMIT %(limit)s
"""  # noqa: S608
# Of a conversation the turn that fits best; a title counts more than any turn.
_SEARCH = f"""
WITH best AS (
    SELECT DISTINCT ON (f.conversation_id) f.conversation_id, f.turn_id, f.relevance
    FROM viewer_turns_with(wanted_words(%(words)s), {_MOST_SEARCHED}) f ORDER BY f.conversation_id, f.relevance DESC)
SELECT {_COLUMNS}, best.turn_id AS best_turn_id,
    coalesce(c.title_words @@ wanted_words(%(words)s), false) AS is_titled
FROM conversations c LEFT JOIN best ON best.conversation_id = c.id
WHERE {_LISTED} AND (best.turn_id IS NOT NULL OR c.title_words @@ wanted_words(%(words)s))
ORDER BY is_titled DESC, coalesce(best.relevance, 0) DESC, c.updated_at DESC, c.id DESC LIMIT %(limit)s
"""  # noqa: S608
_TEXTS = "SELECT id, question, answer FROM turns WHERE id = ANY(%s)"
_BEGIN = """
INSERT INTO conversations (id, user_id, title, created_at, updated_at, is_temporary)
VALUES (%s, viewer_id(), %s, %s, %s, %s)
"""
_CHANGE = """
UPDATE conversations SET title = coalesce(%(title)s, title), is_pinned = coalesce(%(is_pinned)s, is_pinned),
    is_archived = coalesce(%(is_archived)s, is_archived), read_at = CASE WHEN %(is_read)s THEN now() ELSE read_at END,
    current_turn_id = coalesce(%(current)s, current_turn_id)
WHERE id = %(id)s AND deleted_at IS NULL
"""
# From a turn on to what was asked last after it.
_LEAF = """
WITH RECURSIVE down AS (
    SELECT t.id, 0 AS depth FROM turns t WHERE t.id = %(turn)s AND t.conversation_id = %(id)s
    UNION ALL SELECT child.id, depth + 1 FROM down CROSS JOIN LATERAL (
        SELECT t.id FROM turns t WHERE t.conversation_id = %(id)s AND t.previous_id = down.id
        ORDER BY t.created_at DESC, t.id DESC LIMIT 1) child)
SELECT id FROM down ORDER BY depth DESC LIMIT 1
"""
_PATH = """
WITH RECURSIVE path AS (
    SELECT t.id, t.previous_id, t.created_at, 1 AS depth FROM turns t
    WHERE t.id = %(head)s AND t.conversation_id = %(id)s
    UNION ALL SELECT t.id, t.previous_id, t.created_at, depth + 1 FROM turns t JOIN path ON t.id = path.previous_id
    WHERE depth < %(limit)s OR %(before)s::timestamptz IS NOT NULL)
SELECT id FROM path WHERE %(before)s::timestamptz IS NULL OR created_at < %(before)s ORDER BY depth LIMIT %(limit)s
"""
_PREVIOUS = "SELECT previous_id FROM turns WHERE id = %s AND conversation_id = %s"
_ALL_TURNS = "SELECT id FROM turns WHERE conversation_id = %s ORDER BY created_at, id"
_SHOWN = f"SELECT {TURN_COLUMNS} FROM turns t WHERE t.id = ANY(%s) ORDER BY t.created_at, t.id"  # noqa: S608
_EVENTS = "SELECT turn_id, seq, kind, slot, data FROM turn_events WHERE turn_id = ANY(%s) ORDER BY seq"
_FEEDBACK = "SELECT turn_id, rating, reason, comment, shares_text FROM turn_feedback WHERE turn_id = ANY(%s)"
_VERSIONS = """
SELECT t.id, array_agg(s.id ORDER BY s.created_at, s.id) FROM turns t
JOIN turns s ON s.conversation_id = t.conversation_id AND s.previous_id IS NOT DISTINCT FROM t.previous_id
WHERE t.id = ANY(%s) GROUP BY t.id
"""


class PostgresConversations:
    """Fulfils services.turn_ports.ConversationRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, viewer: Viewer, conversation: Conversation) -> None:
        values = (conversation.id, conversation.title, conversation.created_at, conversation.updated_at)
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_BEGIN, (*values, conversation.is_temporary))

    async def conversation(self, viewer: Viewer, conversation_id: UUID) -> Conversation:
        async with self._database.viewing(viewer) as connection:
            return await _conversation(connection, conversation_id)

    async def conversations(
        self, viewer: Viewer, wanted: ConversationFilter, limit: int
    ) -> list[FoundConversation]:
        before, before_id = wanted.before or (None, None)
        values: dict[str, Any] = {
            "is_archived": wanted.is_archived,
            "is_pinned": wanted.is_pinned,
            "before": before,
            "before_id": before_id,
            "limit": limit,
            "words": wanted.words,
        }
        async with self._database.viewing(viewer) as connection:
            rows = await _rows(connection, _CONVERSATIONS if wanted.words is None else _SEARCH, values)
            best = [row["best_turn_id"] for row in rows if row.get("best_turn_id") is not None]
            texts = {row["id"]: row for row in await _rows(connection, _TEXTS, (best,))} if best else {}
        return [_found(row, texts) for row in rows]

    async def change(
        self, viewer: Viewer, conversation_id: UUID, changes: ConversationChanges
    ) -> Conversation:
        async with self._database.viewing(viewer) as connection:
            await _conversation(connection, conversation_id)
            leaf = None
            if changes.current_turn_id is not None:
                wanted = {"turn": changes.current_turn_id, "id": conversation_id}
                leaf = (await one_row(connection, _LEAF, wanted))["id"]
            values = {
                "id": conversation_id,
                "title": changes.title,
                "is_pinned": changes.is_pinned,
                "is_archived": changes.is_archived,
                "is_read": changes.is_read,
                "current": leaf,
            }
            await connection.execute(_CHANGE, values)
            return await _conversation(connection, conversation_id)

    async def path(
        self, viewer: Viewer, conversation_id: UUID, limit: int, before: UUID | datetime | None
    ) -> tuple[Conversation, list[ShownTurn]]:
        async with self._database.viewing(viewer) as connection:
            conversation = await _conversation(connection, conversation_id)
            head, moment = conversation.current_turn_id, None
            if isinstance(before, UUID):
                try:
                    head = (await one_row(connection, _PREVIOUS, (before, conversation_id)))["previous_id"]
                except NotFound:
                    raise InvalidRequest(
                        "`before` is no turn of this conversation.", param="before"
                    ) from None
            else:
                moment = before
            values = {"head": head, "id": conversation_id, "before": moment, "limit": limit}
            ids = [row["id"] for row in await _rows(connection, _PATH, values)]
            return conversation, await _shown(connection, ids)

    async def all_turns(self, viewer: Viewer, conversation_id: UUID) -> list[ShownTurn]:
        async with self._database.viewing(viewer) as connection:
            await _conversation(connection, conversation_id)
            ids = [row["id"] for row in await _rows(connection, _ALL_TURNS, (conversation_id,))]
            return await _shown(connection, ids)


async def _conversation(connection: AsyncConnection, conversation_id: UUID) -> Conversation:
    return _as_conversation(await one_row(connection, _CONVERSATION, (conversation_id,)))


def _as_conversation(row: Mapping[str, Any]) -> Conversation:
    return Conversation(**{**row, "running_turn_ids": tuple(row["running_turn_ids"])})


async def _shown(connection: AsyncConnection, ids: Sequence[UUID]) -> list[ShownTurn]:
    turns = [as_turn(row) for row in await _rows(connection, _SHOWN, (list(ids),))]
    events: dict[UUID, list[TurnEvent]] = {turn.id: [] for turn in turns}
    for row in await _rows(connection, _EVENTS, (list(ids),)):
        events[row["turn_id"]].append(TurnEvent(row["seq"], row["kind"], row["slot"], row["data"]))
    versions: dict[UUID, list[UUID]] = dict(
        await (await connection.execute(_VERSIONS, (list(ids),))).fetchall()
    )
    feedback = {
        row.pop("turn_id"): Feedback(**row) for row in await _rows(connection, _FEEDBACK, (list(ids),))
    }
    return [
        ShownTurn(turn, tuple(events[turn.id]), tuple(versions[turn.id]), feedback.get(turn.id))
        for turn in turns
    ]


def _found(row: dict[str, Any], texts: Mapping[UUID, Mapping[str, Any]]) -> FoundConversation:
    best = texts.get(row.pop("best_turn_id", None))
    row.pop("is_titled", None)
    said = (best["question"], best["answer"]) if best else None
    return FoundConversation(_as_conversation(row), said)


async def _rows(connection: AsyncConnection, query: LiteralString, values: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
