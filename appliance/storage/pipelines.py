"""Versions of declared pipelines in PostgreSQL, and what there is that a pipeline may name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import TupleRow

from appliance.domain.people import AccountEvent, Viewer
from appliance.domain.pipelines import PipelineVersion, SavedVia
from appliance.storage.accounts import record_event
from appliance.storage.database import Database

_COLUMNS = "v.name, v.number, v.hash, v.content, v.saved_at, v.via, coalesce(u.email, '')"
_FROM = "FROM pipeline_versions v LEFT JOIN users u ON u.id = v.saved_by"
_LATEST = f"SELECT {_COLUMNS} {_FROM} WHERE v.name = %s ORDER BY v.number DESC LIMIT %s"
_ONE = f"SELECT {_COLUMNS} {_FROM} WHERE v.name = %s AND v.number = %s"
_ADD = """
INSERT INTO pipeline_versions (name, number, hash, content, via, saved_by)
SELECT %(name)s, coalesce(max(number), 0) + 1, %(hash)s, %(content)s, %(via)s, %(saved_by)s
FROM pipeline_versions WHERE name = %(name)s
RETURNING number
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('pipeline ' || %s, 0))"
_NAMED = """
SELECT c.id, c.name FROM collections c
WHERE c.conversation_id IS NULL AND c.name = ANY (%s) ORDER BY c.id LIMIT 1000
"""


@dataclass(frozen=True, slots=True)
class NamedThings:
    """What exists by name. collections: of those that were asked for. questions: saved ones, by their source."""

    collections: frozenset[str]
    groups: Mapping[str, UUID]
    sources: frozenset[str]
    questions: Mapping[str, Sequence[str]]


class PostgresPipelines:
    """Fulfils ports.pipelines.PipelineVersions. database: of the api role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def accept(
        self,
        name: str,
        content_hash: str,
        content: str,
        via: SavedVia,
        saved_by: UUID | None = None,
    ) -> int:
        """Keep a content, unless it is the latest one; its number either way."""
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, (name,))
            row = await (await connection.execute(_LATEST, (name, 1))).fetchone()
            if row is not None and row[2] == content_hash:
                return int(row[1])
            values = {
                "name": name,
                "hash": content_hash,
                "content": content,
                "via": via,
                "saved_by": saved_by,
            }
            added = await (await connection.execute(_ADD, values)).fetchone()
            assert added is not None
            detail = {"name": name, "version": added[0], "via": via}
            await record_event(connection, AccountEvent("pipeline.saved", saved_by, detail=detail))
            return int(added[0])

    async def versions(self, name: str, limit: int) -> Sequence[PipelineVersion]:
        """The latest first."""
        async with self._database.connection() as connection:
            found = await connection.execute(_LATEST, (name, limit))
            return [_version(row) for row in await found.fetchall()]

    async def version(self, name: str, number: int) -> PipelineVersion | None:
        async with self._database.connection() as connection:
            row = await (await connection.execute(_ONE, (name, number))).fetchone()
        return None if row is None else _version(row)

    async def note(self, event: AccountEvent) -> None:
        """A line of the audit that belongs to no version."""
        async with self._database.transaction() as connection:
            await record_event(connection, event)

    async def named(self, collections: Collection[str]) -> NamedThings:
        """What there is just now."""
        async with self._database.connection() as connection:
            found = await connection.execute("SELECT pipeline_surroundings(%s)", (sorted(collections),))
            row = await found.fetchone()
        told = row[0] if row is not None else {}
        return NamedThings(
            frozenset(told["collections"]),
            {name: UUID(group_id) for name, group_id in told["groups"].items()},
            frozenset(told["sources"]),
            told["questions"],
        )

    async def collections_named(self, viewer: Viewer, names: Collection[str]) -> Mapping[str, Sequence[UUID]]:
        """Of each name all collections that the viewer sees, but those of chats."""
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_NAMED, (list(names),))).fetchall()
        found: dict[str, list[UUID]] = {}
        for collection_id, name in rows:
            found.setdefault(name, []).append(collection_id)
        return found


def _version(row: TupleRow) -> PipelineVersion:
    name, number, content_hash, text, saved_at, via, saved_by = row
    return PipelineVersion(name, number, content_hash, text, saved_at, via, saved_by)
