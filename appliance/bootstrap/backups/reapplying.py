"""Deletions made again after a restore, by the same code that made them: what somebody deleted stays deleted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import LiteralString
from uuid import UUID

from appliance.bootstrap.box import Box
from appliance.bootstrap.removal import remove_rows
from appliance.domain.people import Caller, Role, Viewer
from appliance.errors import ApplianceError, InvalidRequest, NotFound
from appliance.services.chat_files import ChatFiles
from appliance.services.conversation_removal import ConversationRemoval
from appliance.services.knowledge.knowledge import Knowledge
from appliance.storage.accounts import PostgresUsers
from appliance.storage.backups.deletions import Deletion
from appliance.storage.blobs import BlobStore, blobs_folder
from appliance.storage.chat_files import PostgresChatFiles
from appliance.storage.collections import PostgresCollections
from appliance.storage.conversation_removal import PostgresConversationRemoval
from appliance.storage.database import Database
from appliance.storage.files import PostgresFiles
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.roles import DatabaseRole
from rag.stores.pgvector import PgvectorStore

logger = logging.getLogger(__name__)

# With the eyes of whoever may change all the collections that a file is in: it was deleted once.
_FILE = """
SELECT f.owner_id, ARRAY(SELECT DISTINCT c.owner_group_id FROM collection_files cf
                         JOIN collections c ON c.id = cf.collection_id
                         WHERE cf.file_id = f.id AND c.owner_group_id IS NOT NULL)
FROM files f WHERE f.id = %s
"""
_COLLECTION = """
SELECT coalesce(owner_user_id, created_by), CASE WHEN owner_group_id IS NULL THEN '{}' ELSE ARRAY[owner_group_id] END
FROM collections WHERE id = %s AND conversation_id IS NULL
"""
_CONVERSATION = "SELECT user_id, '{}'::uuid[] FROM conversations WHERE id = %s"
_EYES: dict[str, LiteralString] = {
    "file": _FILE,
    "collection": _COLLECTION,
    "conversation": _CONVERSATION,
}
_ROWS: dict[str, LiteralString] = {
    "key": "UPDATE api_keys SET revoked_at = %(at)s WHERE id = %(id)s AND revoked_at IS NULL",
    "suspended": "UPDATE users SET is_suspended = true WHERE id = %(id)s AND NOT is_suspended",
    "resumed": "UPDATE users SET is_suspended = false WHERE id = %(id)s AND is_suspended",
}
_WITHOUT_CONTENT = "SELECT id FROM files WHERE sha256 = ANY(%s) AND parent_id IS NULL"


class Reapplying:
    """Works on rows that nobody else uses yet. api, maintenance: databases of the restored box."""

    def __init__(self, box: Box, api: Database, maintenance: Database) -> None:
        self._box, self._api, self._maintenance = box, api, maintenance
        store, jobs = PgvectorStore(), PostgresJobQueue(api)
        blobs = BlobStore(blobs_folder(box.data), api)
        blobs.open()
        self._knowledge = Knowledge(
            PostgresFiles(api, store, jobs),
            PostgresCollections(api, store, jobs),
            blobs,
            box.settings.knowledge,
        )
        chat_files = ChatFiles(PostgresChatFiles(api), self._knowledge)
        self._conversations = ConversationRemoval(PostgresConversationRemoval(api), chat_files)

    async def delete(self, deletions: Iterable[Deletion]) -> Counter[str]:
        """How many of each kind were there and went; one that cannot be made again is logged and does not stop it."""
        done: Counter[str] = Counter()
        for deletion in deletions:
            try:
                if await self._delete(deletion):
                    done[deletion.kind] += 1
            except NotFound:
                continue
            except ApplianceError:
                logger.exception("%s %s could not be deleted again", deletion.kind, deletion.id)
                done["failed"] += 1
        return done

    async def forget_contents(self, sha256s: Sequence[str]) -> int:
        """Delete the files of contents that were deleted while the backup was being made."""
        values = ([bytes.fromhex(one) for one in sha256s],)
        async with self._maintenance.connection() as connection:
            rows = await (await connection.execute(_WITHOUT_CONTENT, values)).fetchall()
        for (file_id,) in rows:
            caller = await self._eyes("file", file_id)
            if caller is not None:
                await self._knowledge.remove_file(caller, file_id)
        return len(rows)

    async def _delete(self, deletion: Deletion) -> bool:
        if deletion.kind in _ROWS:
            async with self._maintenance.connection() as connection:
                values = {"id": deletion.id, "at": deletion.at}
                return (await connection.execute(_ROWS[deletion.kind], values)).rowcount > 0
        if deletion.kind == "user":
            return await self._delete_person(deletion)
        caller = await self._eyes(deletion.kind, deletion.id)
        if caller is None:
            return False
        if deletion.kind == "file":
            await self._knowledge.remove_file(caller, deletion.id)
        elif deletion.kind == "collection":
            await self._knowledge.remove_collection(caller, deletion.id)
        else:
            await self._conversations.remove_now(caller, deletion.id)
        return True

    async def _delete_person(self, deletion: Deletion) -> bool:
        users = PostgresUsers(self._maintenance)
        user = await users.user(deletion.id)
        heir = None if deletion.heir is None else await users.user(deletion.heir)
        if user is None:
            return False
        if heir is None:
            raise InvalidRequest(f"The heir of the person {deletion.id} is not there.")
        await remove_rows(self._box, user, heir)
        return True

    async def _eyes(self, kind: str, subject_id: UUID) -> Caller | None:
        if kind not in _EYES:
            return None
        async with self._maintenance.connection() as connection:
            row = await (await connection.execute(_EYES[kind], (subject_id,))).fetchone()
        if row is None:
            return None
        viewer = Viewer(row[0], frozenset(row[1]), Role.ADMIN)
        return Caller(viewer.user_id, "", viewer.role, viewer.group_ids)


@asynccontextmanager
async def reapplying(box: Box) -> AsyncIterator[Reapplying]:
    """For a box whose PostgreSQL answers."""
    api = Database(box.database_url(DatabaseRole.API), pool_size=2)
    maintenance = Database(box.database_url(DatabaseRole.MAINTENANCE), pool_size=2)
    await api.open()
    await maintenance.open()
    try:
        yield Reapplying(box, api, maintenance)
    finally:
        await maintenance.close()
        await api.close()
