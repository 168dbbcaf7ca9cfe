"""Versions whose time is over, and the person as whom the worker looks after a folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from appliance.domain.documents import RetiredVersion
from appliance.domain.people import Caller, Role, Viewer
from appliance.storage.database import Database

_AT_ONCE = 500
_BEFORE = """
SELECT r.collection_id, r.file_id, r.owner_id, r.group_id, r.is_public
FROM retired_versions r WHERE r.retired_at < %s ORDER BY r.retired_at LIMIT %s
"""
_ELSEWHERE = "SELECT count(*) FROM collection_files WHERE file_id = %s AND collection_id <> %s"
_FORGET = "DELETE FROM retired_versions WHERE collection_id = %s AND file_id = %s"
_PERSON = """
SELECT u.id, u.email, u.role, ARRAY(SELECT group_id FROM group_members m WHERE m.user_id = u.id)
FROM users u WHERE lower(u.email) = lower(%s) AND NOT u.is_suspended
"""


class RetiredVersions:
    """Fulfils services.knowledge.ports.RetiredRepository. database: as the worker's role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def before(self, moment: datetime) -> Sequence[RetiredVersion]:
        async with self._database.connection() as connection:
            rows = await (await connection.execute(_BEFORE, (moment, _AT_ONCE))).fetchall()
        return [
            RetiredVersion(
                collection,
                file,
                Viewer(owner, frozenset({group} if group else ()), Role.ADMIN if is_public else Role.USER),
            )
            for collection, file, owner, group, is_public in rows
        ]

    async def is_elsewhere(self, version: RetiredVersion) -> bool:
        async with self._database.viewing(version.viewer) as connection:
            values = (version.file_id, version.collection_id)
            row = await (await connection.execute(_ELSEWHERE, values)).fetchone()
            return bool(row and row[0])

    async def forget(self, version: RetiredVersion) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(_FORGET, (version.collection_id, version.file_id))


async def person(database: Database, email: str) -> Caller | None:
    """Who has that e-mail and is not suspended, with their groups of this moment."""
    async with database.connection() as connection:
        row = await (await connection.execute(_PERSON, (email,))).fetchone()
    if row is None:
        return None
    user_id, address, role, groups = row
    return Caller(UUID(str(user_id)), address, Role(role), frozenset(groups))
