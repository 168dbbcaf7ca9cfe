"""Which collection holds the files of a conversation, in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from appliance.domain.answers import Conversation
from appliance.domain.people import Viewer
from appliance.errors import NotFound
from appliance.storage.database import Database

_BEGIN = """
INSERT INTO conversations (id, user_id, title, created_at, updated_at) VALUES (%s, viewer_id(), %s, %s, %s)
"""
_COLLECTION = """
SELECT c.id FROM conversations v LEFT JOIN collections c ON c.conversation_id = v.id WHERE v.id = %(id)s
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

    async def begin(self, viewer: Viewer, conversation: Conversation) -> None:
        values = (conversation.id, conversation.title, conversation.created_at, conversation.updated_at)
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_BEGIN, values)

    async def collection(self, viewer: Viewer, conversation_id: UUID) -> UUID | None:
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_COLLECTION, {"id": conversation_id})).fetchone()
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
