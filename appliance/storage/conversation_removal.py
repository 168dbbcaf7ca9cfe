"""Deleting conversations in PostgreSQL: a mark first, the rows and their receipt later, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from appliance.domain.conversations import DueRemoval, LetGo
from appliance.domain.documents import Receipt
from appliance.domain.people import Role, Viewer
from appliance.errors import NotFound
from appliance.storage.database import Database
from appliance.storage.receipts import record_receipt

_AT_ONCE = 200
_HIDE = """
UPDATE conversations SET deleted_at = coalesce(%(moment)s, '-infinity'::timestamptz)
WHERE id = %(id)s AND (deleted_at IS NULL OR %(moment)s::timestamptz IS NULL)
"""
_SHOW = "UPDATE conversations SET deleted_at = NULL WHERE id = %s AND deleted_at > %s"
_TURNS = "SELECT id FROM turns WHERE conversation_id = %s"
_COUNT = """
SELECT count(*), (SELECT count(*) FROM turn_feedback f JOIN turns t ON t.id = f.turn_id
                  WHERE t.conversation_id = %(id)s AND f.user_id = %(user)s),
       (SELECT memories_gone FROM conversations WHERE id = %(id)s),
       (SELECT live_gone FROM conversations WHERE id = %(id)s),
       (SELECT count(*) FROM data_results r JOIN turns t ON t.id = r.turn_id WHERE t.conversation_id = %(id)s)
FROM turns WHERE conversation_id = %(id)s
"""
_NOTE = """
UPDATE conversations SET memories_gone = memories_gone + %(memories)s, live_gone = live_gone + %(live)s
WHERE id = %(id)s
"""
_REMOVE = "DELETE FROM conversations WHERE id = %s AND user_id = %s"
_DUE = """
SELECT c.id, c.user_id, u.role, ARRAY(SELECT m.group_id FROM group_members m WHERE m.user_id = u.id), c.is_temporary
FROM conversations c JOIN users u ON u.id = c.user_id
WHERE c.deleted_at <= %(deleted_before)s OR (c.is_temporary AND c.updated_at <= %(silent_since)s)
ORDER BY c.updated_at LIMIT %(at_once)s
"""


class PostgresConversationRemoval:
    """Fulfils services.turn_ports.RemovalRepository. database: as the gateway's role, or for `due` as the worker's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def hide(self, viewer: Viewer, conversation_id: UUID, moment: datetime | None) -> list[UUID]:
        async with self._database.viewing(viewer) as connection:
            hidden = await connection.execute(_HIDE, {"id": conversation_id, "moment": moment})
            if hidden.rowcount == 0:
                raise NotFound
            rows = await connection.execute(_TURNS, (conversation_id,))
            return [turn_id for (turn_id,) in await rows.fetchall()]

    async def show(self, viewer: Viewer, conversation_id: UUID, since: datetime) -> None:
        async with self._database.viewing(viewer) as connection:
            if (await connection.execute(_SHOW, (conversation_id, since))).rowcount == 0:
                raise NotFound

    async def note_let_go(self, viewer: Viewer, conversation_id: UUID, let_go: LetGo) -> None:
        values = {"id": conversation_id, "memories": let_go.memories, "live": let_go.live_texts}
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_NOTE, values)

    async def turns(self, viewer: Viewer, conversation_id: UUID) -> list[UUID]:
        async with self._database.viewing(viewer) as connection:
            rows = await connection.execute(_TURNS, (conversation_id,))
            return [turn_id for (turn_id,) in await rows.fetchall()]

    async def remove(
        self, viewer: Viewer, conversation_id: UUID, removed: Mapping[str, int], *, is_temporary: bool
    ) -> Receipt | None:
        async with self._database.viewing(viewer) as connection:
            values = {"id": conversation_id, "user": viewer.user_id}
            counted = await (await connection.execute(_COUNT, values)).fetchone()
            gone = await connection.execute(_REMOVE, (conversation_id, viewer.user_id))
            if gone.rowcount == 0 or counted is None:
                raise NotFound
            if is_temporary:
                return None
            turns, feedback, memories, live, results = counted
            counts = Counter(removed)
            counts.update(conversations=1, turns=turns, feedback=feedback, memories=memories, live_texts=live)
            counts.update(data_results=results)
            return await record_receipt(connection, "conversation", conversation_id, viewer.user_id, counts)

    async def due(self, deleted_before: datetime, silent_since: datetime) -> list[DueRemoval]:
        values = {"deleted_before": deleted_before, "silent_since": silent_since, "at_once": _AT_ONCE}
        async with self._database.connection() as connection:
            rows = await (await connection.execute(_DUE, values)).fetchall()
        return [
            DueRemoval(one, Viewer(user, frozenset(groups), Role(role)), is_temporary)
            for one, user, role, groups, is_temporary in rows
        ]
