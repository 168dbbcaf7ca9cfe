"""Removing a person for good, at the machine: what is theirs goes, what they gave to others stays with somebody else.

Their personal collections, conversations, responses, keys and sign-ins go, and their files with them. Files that they
put into collections of a group, of everybody or of somebody else stay there, and become the heir's. What was counted
and what was audited stays: numbers and ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from redis.asyncio import Redis

from appliance.bootstrap.accounts import opened_accounts
from appliance.bootstrap.box import Box
from appliance.domain.conversations import LetGo
from appliance.domain.documents import Receipt
from appliance.domain.people import AccountEvent, User, Viewer
from appliance.errors import InvalidRequest, NotFound, PartUnavailable
from appliance.storage.accounts import record_event
from appliance.storage.blobs import BlobStore, blobs_folder
from appliance.storage.collections import PostgresCollections
from appliance.storage.database import Database
from appliance.storage.files import PostgresFiles
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.receipts import record_receipt
from appliance.storage.roles import DatabaseRole
from appliance.storage.turn_log import ValkeyTurnLog
from rag.stores.pgvector import PgvectorStore

_AT_ONCE = 500  # turns
# With all that lies in them, and all that they lie in: a family stays together.
_GIVEN = """
WITH RECURSIVE given AS (
    SELECT f.id, f.parent_id FROM files f JOIN collection_files cf ON cf.file_id = f.id
         JOIN collections c ON c.id = cf.collection_id
    WHERE f.owner_id = %(user)s AND c.owner_user_id IS DISTINCT FROM %(user)s
    UNION SELECT f.id, f.parent_id FROM files f JOIN given ON f.parent_id = given.id OR f.id = given.parent_id
), files_now AS (
    UPDATE files SET owner_id = %(heir)s WHERE id IN (SELECT id FROM given) RETURNING id
), places_now AS (
    UPDATE collection_files SET owner_id = %(heir)s WHERE file_id IN (SELECT id FROM given)
), versions_now AS (
    UPDATE retired_versions SET owner_id = %(heir)s WHERE file_id IN (SELECT id FROM given)
)
SELECT count(*) FROM files_now
"""
# What administrators verified is everybody's who may ask the source.
_VERIFIED = "UPDATE saved_questions SET owner_id = %(heir)s WHERE owner_id = %(user)s AND is_verified"
# What lies in a deleted chat can be seen again, and so removed; the chat itself cannot be had back.
_UNCOVER = "UPDATE conversations SET deleted_at = '-infinity' WHERE user_id = %s AND deleted_at IS NOT NULL"
_COLLECTIONS = "SELECT id FROM collections WHERE owner_user_id = %s"
_FILES = "SELECT id FROM files WHERE owner_id = %s AND parent_id IS NULL"
_TURNS = "SELECT id FROM turns WHERE user_id = %s"
# The audit keeps who did what, as ids: neither the person's e-mail address nor where they were. Only the owner may.
_UNNAME = """
UPDATE account_events
SET address = '', detail = CASE WHEN subject_id = %(user)s THEN detail - 'email' ELSE detail END
WHERE %(user)s IN (subject_id, actor_id)
"""
_FORGET: dict[str, LiteralString] = {
    "data_results": "DELETE FROM data_results WHERE user_id = %s",
    "saved_questions": "DELETE FROM saved_questions WHERE owner_id = %s",
    "feedback": "DELETE FROM turn_feedback WHERE user_id = %s",
    "turns": "DELETE FROM turns WHERE user_id = %s",
    "conversations": "DELETE FROM conversations WHERE user_id = %s",
    "responses": "DELETE FROM responses WHERE user_id = %s",
    "keys": "DELETE FROM api_keys WHERE user_id = %s",
    "users": "DELETE FROM users WHERE id = %s",
}


async def remove_person(box: Box, email: str, heir_email: str) -> Receipt:
    """Raises NotFound, InvalidRequest, and LastAdministrator for the only one who can administer."""
    async with opened_accounts(box) as accounts:
        user = await accounts.people.by_email(email)
        heir = await accounts.people.by_email(heir_email)
        if user is None or heir is None:
            raise NotFound(f"There is nobody with the address {email if user is None else heir_email}.")
        if user.id == heir.id:
            raise InvalidRequest("The heir has to be somebody else.", param="heir")
        await accounts.people.change(None, user.id, is_suspended=True)  # nothing of theirs runs any more
        return await remove_rows(box, user, heir)


async def remove_rows(box: Box, user: User, heir: User) -> Receipt:
    """Of somebody who cannot do anything any more."""
    api = Database(box.database_url(DatabaseRole.API), pool_size=2)
    maintenance = Database(box.database_url(DatabaseRole.MAINTENANCE), pool_size=2)
    await api.open()
    await maintenance.open()
    try:
        async with maintenance.transaction() as connection:
            await connection.execute(_UNCOVER, (user.id,))
            both = {"user": user.id, "heir": heir.id}
            await connection.execute(_VERIFIED, both)
            kept = await (await connection.execute(_GIVEN, both)).fetchone()
        removed = await _remove_documents(box, api, maintenance, user)
        let_go = await _let_go(box, user, await _ids(maintenance, _TURNS, user.id))
        removed.update(memories=let_go.memories, live_texts=let_go.live_texts)
        async with maintenance.transaction() as connection:
            for kind, statement in _FORGET.items():
                removed[kind] += (await connection.execute(statement, (user.id,))).rowcount
            removed["files_given_to_heir"] = int(kept[0]) if kept else 0
            detail = {"heir": str(heir.id)}
            await record_event(connection, AccountEvent("user.removed", None, user.id, detail))
            receipt = await record_receipt(connection, "user", user.id, None, removed)
        async with await AsyncConnection.connect(box.owner_url, autocommit=True) as owner:
            await owner.execute(_UNNAME, {"user": user.id})
        return receipt
    finally:
        await maintenance.close()
        await api.close()


async def _remove_documents(box: Box, api: Database, maintenance: Database, user: User) -> Counter[str]:
    """With the person's own eyes, as if they did it."""
    viewer = Viewer(user.id, user.group_ids, user.role)
    store, jobs = PgvectorStore(), PostgresJobQueue(api)
    blobs = BlobStore(blobs_folder(box.data), api)
    files, collections = PostgresFiles(api, store, jobs), PostgresCollections(api, store, jobs)
    removed: Counter[str] = Counter()
    for collection_id in await _ids(maintenance, _COLLECTIONS, user.id):
        _, gone, unused = await collections.remove_with_files(viewer, collection_id, blobs.pictures)
        await blobs.forget_all(unused)
        removed.update(gone)
    for file_id in await _ids(maintenance, _FILES, user.id):
        some, receipt = await files.remove_with_receipt(viewer, file_id, blobs.pictures)
        await blobs.forget_all([file.sha256 for file in some])
        removed.update(receipt.removed)
    return removed


async def _let_go(box: Box, user: User, turn_ids: Sequence[UUID]) -> LetGo:
    """What Valkey holds of their answers and prompts; while it is away it lets go by itself within the hour."""
    async with Redis.from_url(box.valkey_url) as valkey:
        log, let_go = ValkeyTurnLog(valkey), LetGo()
        for start in range(0, len(turn_ids), _AT_ONCE):
            with suppress(PartUnavailable):
                some = await log.discard(user.id, turn_ids[start : start + _AT_ONCE])
                let_go = LetGo(let_go.memories + some.memories, let_go.live_texts + some.live_texts)
    return let_go


async def _ids(database: Database, query: LiteralString, user_id: UUID) -> Sequence[UUID]:
    async with database.connection() as connection:
        rows = await connection.execute(query, (user_id,))
        return [row[0] for row in await rows.fetchall()]
