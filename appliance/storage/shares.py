"""Who else may read or write a collection; each change and its line in account_events are one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from appliance.domain.documents import Share
from appliance.domain.people import AccountEvent, Viewer
from appliance.domain.refusals import Told
from appliance.domain.shelf import Candidate
from appliance.errors import NotFound, NotPermitted
from appliance.storage.accounts import record_event
from appliance.storage.database import Database

_OWNED = """
SELECT viewer_owns_collection(id), conversation_id IS NOT NULL FROM collections WHERE id = %(collection_id)s
"""
_SHARES = """
SELECT s.user_id, s.group_id, s.may_write, coalesce(u.email, g.name)
FROM collection_shares s LEFT JOIN users u ON u.id = s.user_id LEFT JOIN groups g ON g.id = s.group_id
WHERE s.collection_id = %(collection_id)s ORDER BY s.group_id IS NOT NULL, 4
"""
_PERSON = "SELECT email FROM users WHERE id = %(user_id)s"
_GROUP = "SELECT name FROM groups WHERE id = %(group_id)s"
_GIVE = """
INSERT INTO collection_shares (collection_id, user_id, group_id, may_write, created_by, is_public)
VALUES (%(collection_id)s, %(user_id)s, %(group_id)s, %(may_write)s, viewer_id(), false)
ON CONFLICT (collection_id, user_id, group_id) DO UPDATE SET may_write = excluded.may_write
"""
_TAKE = """
DELETE FROM collection_shares WHERE collection_id = %(collection_id)s
    AND user_id IS NOT DISTINCT FROM %(user_id)s AND group_id IS NOT DISTINCT FROM %(group_id)s
"""
# A person is found by any part of their name or address, groups by their name; without capitals.
_CANDIDATES = """
SELECT kind, id, label, name FROM (
    SELECT 'group' AS kind, id, name AS label, '' AS name FROM groups WHERE strpos(lower(name), lower(%(words)s)) > 0
    UNION ALL
    SELECT 'user', id, email, name FROM users
    WHERE NOT is_suspended AND id <> viewer_id()
      AND (strpos(lower(email), lower(%(words)s)) > 0 OR strpos(lower(name), lower(%(words)s)) > 0)) found
WHERE NOT EXISTS (SELECT 1 FROM collection_shares s
                  WHERE s.collection_id = %(collection_id)s AND (s.user_id = found.id OR s.group_id = found.id))
ORDER BY kind, lower(label) LIMIT %(most)s
"""


class PostgresShares:
    """Fulfils services.knowledge.sharing.ShareRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def shares(self, viewer: Viewer, collection_id: UUID) -> Sequence[Share]:
        async with self._database.viewing(viewer) as connection:
            await _require_owned(connection, collection_id)
            rows = await connection.execute(_SHARES, {"collection_id": collection_id})
            return [Share(*row) for row in await rows.fetchall()]

    async def give(self, viewer: Viewer, collection_id: UUID, share: Share) -> Share:
        values = _values(collection_id, share)
        async with self._database.viewing(viewer) as connection:
            await _require_owned(connection, collection_id)
            wanted = _PERSON if share.user_id else _GROUP
            named = await (await connection.execute(wanted, values)).fetchone()
            if named is None:
                raise NotFound(Told("nobody_such"), param="with")
            await connection.execute(_GIVE, values)
            await record_event(connection, _event("collection.shared", viewer, collection_id, share))
        return Share(share.user_id, share.group_id, share.may_write, named[0])

    async def take(self, viewer: Viewer, collection_id: UUID, share: Share) -> None:
        async with self._database.viewing(viewer) as connection:
            await _require_owned(connection, collection_id)
            taken = await connection.execute(_TAKE, _values(collection_id, share))
            if taken.rowcount == 0:
                raise NotFound(Told("share_missing"), param="with")
            await record_event(connection, _event("collection.unshared", viewer, collection_id, share))

    async def candidates(
        self, viewer: Viewer, collection_id: UUID, words: str, most: int
    ) -> Sequence[Candidate]:
        values = {"collection_id": collection_id, "words": words, "most": most}
        async with self._database.viewing(viewer) as connection:
            await _require_owned(connection, collection_id)
            rows = await connection.execute(_CANDIDATES, values)
            return [Candidate(*row) for row in await rows.fetchall()]

    async def person(self, email_key: str) -> UUID | None:
        return await self._id("SELECT id FROM users WHERE email_key = %s", email_key)

    async def group(self, name_key: str) -> UUID | None:
        return await self._id("SELECT id FROM groups WHERE name_key = %s", name_key)

    async def _id(self, query: LiteralString, key: str) -> UUID | None:
        async with self._database.connection() as connection:
            row = await (await connection.execute(query, (key,))).fetchone()
        return None if row is None else row[0]


async def _require_owned(connection: AsyncConnection, collection_id: UUID) -> None:
    """Raises NotFound for what the viewer does not see, NotPermitted for what is not theirs to share."""
    row = await (await connection.execute(_OWNED, {"collection_id": collection_id})).fetchone()
    if row is None:
        raise NotFound(f"No vector store has the id 'vs_{collection_id.hex}'.")
    is_own, is_chat = row
    if not is_own:
        raise NotPermitted(Told("share_not_own"))
    if is_chat:
        raise NotPermitted(Told("chat_not_shared"))


def _values(collection_id: UUID, share: Share) -> dict[str, object]:
    return {
        "collection_id": collection_id,
        "user_id": share.user_id,
        "group_id": share.group_id,
        "may_write": share.may_write,
    }


def _event(action: str, viewer: Viewer, collection_id: UUID, share: Share) -> AccountEvent:
    detail: dict[str, object] = {"collection_id": str(collection_id)}
    if action == "collection.shared":
        detail["access"] = "write" if share.may_write else "read"
    return AccountEvent(action, viewer.user_id, share.user_id or share.group_id, detail)
