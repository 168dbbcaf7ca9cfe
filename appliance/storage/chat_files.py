"""Which collection holds the files of a conversation, in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from appliance.domain.people import Viewer
from appliance.errors import NotFound
from appliance.storage.database import Database

_COLLECTION = """
SELECT c.id FROM conversations v LEFT JOIN collections c ON c.conversation_id = v.id
WHERE v.id = %(id)s AND (v.deleted_at IS NULL OR %(even_hidden)s)
"""
_MAKE = """
INSERT INTO collections (id, name, owner_user_id, created_by, conversation_id)
SELECT %(collection_id)s, 'chat', viewer_id(), viewer_id(), id FROM conversations WHERE id = %(id)s
ON CONFLICT (conversation_id) DO NOTHING
"""


class PostgresChatFiles:
    """Fulfils services.chat_files.ChatFileRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def collection(
        self, viewer: Viewer, conversation_id: UUID, *, even_hidden: bool = False
    ) -> UUID | None:
        values = {"id": conversation_id, "even_hidden": even_hidden}
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_COLLECTION, values)).fetchone()
        if row is None:
            raise NotFound
        found: UUID | None = row[0]
        return found

    async def make_collection(self, viewer: Viewer, conversation_id: UUID, collection_id: UUID) -> UUID:
        values = {"id": conversation_id, "collection_id": collection_id}
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_MAKE, values)
        made = await self.collection(viewer, conversation_id)
        if made is None:
            raise NotFound
        return made
