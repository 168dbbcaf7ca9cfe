"""Conversations and turns in PostgreSQL, each read with its owner's eyes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from appliance.domain.answers import Conversation, Turn, TurnEvent, TurnStatus
from appliance.domain.people import Viewer
from appliance.errors import NotFound
from appliance.storage.database import Database
from rag.trace import as_seen, named_files

_TURN = """
SELECT id, conversation_id, question, model, status, answer, created_at, finished_at FROM turns WHERE id = %s
"""
_TURNS = """
SELECT id, conversation_id, question, model, status, answer, created_at, finished_at FROM turns
WHERE conversation_id = %(id)s AND (%(before)s::timestamptz IS NULL OR created_at < %(before)s)
ORDER BY created_at DESC, id LIMIT %(limit)s
"""
_SEEN_FILES = (
    "SELECT id FROM files WHERE id = ANY(%s)"  # row-level security leaves those that the viewer sees
)
_CONVERSATION = "SELECT id, title, created_at, updated_at FROM conversations WHERE id = %s"
_CONVERSATIONS = """
SELECT id, title, created_at, updated_at FROM conversations
WHERE %(before)s::timestamptz IS NULL OR updated_at < %(before)s ORDER BY updated_at DESC, id LIMIT %(limit)s
"""
_ADD_TURN = """
INSERT INTO turns (id, conversation_id, user_id, question, model, status, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_SAVE_EVENT = """
INSERT INTO turn_events (turn_id, user_id, kind, slot, seq, data) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (turn_id, kind, slot) DO UPDATE SET seq = excluded.seq, data = excluded.data
WHERE turn_events.seq < excluded.seq
"""


class PostgresTurns:
    """Fulfils services.turns.TurnRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, viewer: Viewer, turn: Turn, title: str) -> None:
        async with self._database.viewing(viewer) as connection:
            await connection.execute(
                "INSERT INTO conversations (id, user_id, title, created_at, updated_at) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at,"
                # a conversation that began with a file gets its name from the first question
                " title = coalesce(nullif(conversations.title, ''), excluded.title)",
                (turn.conversation_id, viewer.user_id, title, turn.created_at, turn.created_at),
            )
            added = (turn.id, turn.conversation_id, viewer.user_id, turn.question, turn.model, turn.status)
            await connection.execute(_ADD_TURN, (*added, turn.created_at))

    async def save(self, viewer: Viewer, turn_id: UUID, answer: str, events: Sequence[TurnEvent]) -> None:
        async with self._database.viewing(viewer) as connection:
            updated = await connection.execute(
                "UPDATE turns SET answer = %s WHERE id = %s", (answer, turn_id)
            )
            if updated.rowcount == 0:
                raise NotFound
            await _save_events(connection, viewer, turn_id, events)

    async def finish(
        self,
        viewer: Viewer,
        turn_id: UUID,
        status: TurnStatus,
        answer: str | None,
        events: Sequence[TurnEvent],
        trace: Mapping[str, Any] | None = None,
    ) -> None:
        async with self._database.viewing(viewer) as connection:
            updated = await connection.execute(
                "UPDATE turns SET status = %s, answer = coalesce(%s, answer), trace = coalesce(%s, trace),"
                " finished_at = now() WHERE id = %s",
                (status, answer, None if trace is None else Jsonb(dict(trace)), turn_id),
            )
            if updated.rowcount == 0:
                raise NotFound
            # A turn ends once: an end that was written for it before is replaced by this one.
            await connection.execute(
                "DELETE FROM turn_events WHERE turn_id = %s AND kind IN ('done', 'error')", (turn_id,)
            )
            await _save_events(connection, viewer, turn_id, events)

    async def turn(self, viewer: Viewer, turn_id: UUID) -> Turn:
        async with self._database.viewing(viewer) as connection:
            row = await _one(connection, _TURN, (turn_id,))
        return Turn(**row)

    async def trace(self, viewer: Viewer, turn_id: UUID) -> Mapping[str, Any] | None:
        async with self._database.viewing(viewer) as connection:
            row = await _one(connection, "SELECT trace FROM turns WHERE id = %s", (turn_id,))
            kept: Mapping[str, Any] | None = row["trace"]
            if kept is None:
                return None
            cursor = await connection.execute(_SEEN_FILES, (list(named_files(kept)),))
            return as_seen(kept, {file for (file,) in await cursor.fetchall()})

    async def events(self, viewer: Viewer, turn_id: UUID, after: int) -> list[TurnEvent]:
        async with self._database.viewing(viewer) as connection:
            cursor = await connection.execute(
                "SELECT seq, kind, slot, data FROM turn_events WHERE turn_id = %s AND seq > %s ORDER BY seq",
                (turn_id, after),
            )
            return [TurnEvent(*row) for row in await cursor.fetchall()]

    async def conversations(self, viewer: Viewer, limit: int, before: datetime | None) -> list[Conversation]:
        async with self._database.viewing(viewer) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(_CONVERSATIONS, {"before": before, "limit": limit})
            return [Conversation(**row) for row in await cursor.fetchall()]

    async def conversation(self, viewer: Viewer, conversation_id: UUID) -> Conversation:
        async with self._database.viewing(viewer) as connection:
            return Conversation(**await _one(connection, _CONVERSATION, (conversation_id,)))

    async def turns(
        self, viewer: Viewer, conversation_id: UUID, limit: int, before: datetime | None
    ) -> list[tuple[Turn, list[TurnEvent]]]:
        async with self._database.viewing(viewer) as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(_TURNS, {"id": conversation_id, "before": before, "limit": limit})
            turns = [Turn(**row) for row in reversed(await cursor.fetchall())]
            rows = await connection.execute(
                "SELECT turn_id, seq, kind, slot, data FROM turn_events WHERE turn_id = ANY(%s) ORDER BY seq",
                ([turn.id for turn in turns],),
            )
            events: dict[UUID, list[TurnEvent]] = {turn.id: [] for turn in turns}
            for turn_id, *event in await rows.fetchall():
                events[turn_id].append(TurnEvent(*event))
        return [(turn, events[turn.id]) for turn in turns]

    async def forget(self, viewer: Viewer, conversation_id: UUID) -> list[UUID]:
        async with self._database.viewing(viewer) as connection:
            rows = await connection.execute(
                "SELECT id FROM turns WHERE conversation_id = %s", (conversation_id,)
            )
            turn_ids = [row[0] for row in await rows.fetchall()]
            deleted = await connection.execute("DELETE FROM conversations WHERE id = %s", (conversation_id,))
            if deleted.rowcount == 0:
                raise NotFound
        return turn_ids


async def _save_events(
    connection: AsyncConnection, viewer: Viewer, turn_id: UUID, events: Sequence[TurnEvent]
) -> None:
    if events:
        rows = [
            (turn_id, viewer.user_id, event.kind, event.slot, event.seq, Jsonb(dict(event.data)))
            for event in events
        ]
        async with connection.cursor() as cursor:
            await cursor.executemany(_SAVE_EVENT, rows)


async def _one(connection: AsyncConnection, query: str, values: tuple[Any, ...]) -> dict[str, Any]:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(query.encode(), values)
    row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row
