"""The rows beneath the routes, as the gateway's role sees them with somebody's eyes, and what became of each run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from appliance.domain.people import Viewer
from appliance.storage.database import Database

_PRIVATE = """
SELECT c.id, (SELECT cf.file_id FROM collection_files cf WHERE cf.collection_id = c.id LIMIT 1)
FROM collections c LEFT JOIN users u ON u.id = c.owner_user_id LEFT JOIN groups g ON g.id = c.owner_group_id
WHERE NOT c.is_public AND coalesce(u.email, '') NOT LIKE %(canaries)s AND coalesce(g.name, '') <> %(group)s
ORDER BY random() LIMIT %(limit)s
"""
_CONVERSATIONS = """
SELECT c.id, (SELECT t.id FROM turns t WHERE t.conversation_id = c.id LIMIT 1)
FROM conversations c LEFT JOIN users u ON u.id = c.user_id WHERE coalesce(u.email, '') NOT LIKE %(canaries)s
ORDER BY random() LIMIT %(limit)s
"""
_CHAT_COLLECTION = "SELECT id FROM collections WHERE conversation_id = %s"
_RECORD = "INSERT INTO canary_runs (started_at, finished_at, probes, hits, found) VALUES (%s, %s, %s, %s, %s)"
_LAST = "SELECT finished_at, probes, hits FROM canary_runs ORDER BY id DESC LIMIT 1"


class CanaryNet:
    """Fulfils services.canaries.run.Net. api: as the gateway; maintenance: sees every row, names only are taken."""

    def __init__(self, api: Database, maintenance: Database, *, domain: str, group: str) -> None:
        self._api = api
        self._maintenance = maintenance
        self._not_these = {"canaries": f"%@{domain}", "group": group}

    async def visible_rows(self, viewer: Viewer, table: str, column: str, value: UUID) -> int:
        query = sql.SQL("SELECT count(*) FROM {} WHERE {} = %s").format(
            sql.Identifier(table), sql.Identifier(column)
        )
        async with self._api.viewing(viewer) as connection:
            row = await (await connection.execute(query, (value,))).fetchone()
        return int(row[0]) if row else 0

    async def chat_collection(self, conversation_id: UUID) -> UUID:
        """Of a conversation that has files."""
        async with self._maintenance.connection() as connection:
            row = await (await connection.execute(_CHAT_COLLECTION, (conversation_id,))).fetchone()
        assert row is not None
        found: UUID = row[0]
        return found

    async def private_collections(self, limit: int) -> Sequence[tuple[UUID, UUID | None]]:
        return await self._private(_PRIVATE, limit)

    async def private_conversations(self, limit: int) -> Sequence[tuple[UUID, UUID | None]]:
        return await self._private(_CONVERSATIONS, limit)

    async def _private(self, query: LiteralString, limit: int) -> Sequence[tuple[UUID, UUID | None]]:
        async with self._maintenance.connection() as connection:
            rows = await connection.execute(query, self._not_these | {"limit": limit})
            return [(whole, part) for whole, part in await rows.fetchall()]

    async def record(
        self, started_at: datetime, finished_at: datetime, probes: int, found: Sequence[dict[str, str]]
    ) -> None:
        """Keep what a run found."""
        async with self._api.connection() as connection:
            values = (started_at, finished_at, probes, len(found), Jsonb(list(found)))
            await connection.execute(_RECORD, values)


async def last_run(database: Database) -> tuple[datetime, int, int] | None:
    """(when it ended, probes, hits) of the latest run."""
    async with database.connection() as connection:
        row = await (await connection.execute(_LAST)).fetchone()
    return None if row is None else (row[0], int(row[1]), int(row[2]))
