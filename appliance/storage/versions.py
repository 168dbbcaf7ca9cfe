"""Which of several rows of a collection is found: the newest version of a source, and one of equal content.

Everything here works within somebody else's transaction, and in this order: rows first, then what is equal, then the
index. So two documents that end at the same time follow each other instead of waiting in a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import AsyncConnection

from appliance.storage.file_rows import OpenScope
from rag.ports import VectorStore

# Older rows of the same source; and what lay in them and lies in the newer one no more, with all inside of that. (What
# lies in both has a newer version of its own.)
_OLDER = """
WITH RECURSIVE older AS (
    SELECT o.file_id FROM collection_files o JOIN collection_files newer USING (collection_id, source)
    WHERE newer.collection_id = %(collection_id)s AND newer.file_id = %(file_id)s AND o.file_id <> newer.file_id
      AND o.superseded_by IS NULL
), gone AS (
    SELECT f.id FROM older JOIN files f ON f.parent_id = older.file_id
         JOIN collection_files cf ON cf.file_id = f.id AND cf.collection_id = %(collection_id)s
    WHERE NOT EXISTS (
        SELECT 1 FROM collection_files n JOIN files nf ON nf.id = n.file_id
        WHERE n.collection_id = cf.collection_id AND n.source = cf.source AND nf.parent_id = %(file_id)s)
    UNION ALL SELECT f.id FROM files f JOIN gone ON f.parent_id = gone.id
)
SELECT file_id FROM collection_files
WHERE collection_id = %(collection_id)s AND superseded_by IS NULL
  AND file_id IN (SELECT file_id FROM older UNION SELECT id FROM gone)
ORDER BY file_id FOR UPDATE
"""
# Documents of one content that come or go at the same time: the second one waits here and then sees what the first did.
# Several contents always in the same order, so that nobody waits in a circle.
_LOCK_CONTENTS = """
SELECT pg_advisory_xact_lock(content) FROM (
    SELECT DISTINCT hashtextextended(%(collection_id)s::text || encode(sha256, 'hex'), 0) AS content
    FROM files WHERE id = ANY(%(ids)s) ORDER BY 1) contents
"""
# A document with others inside is never left out: they are registered under it.
_TWIN = """
SELECT cf.file_id FROM files f JOIN files other ON other.sha256 = f.sha256 AND other.id <> f.id
     JOIN collection_files cf ON cf.file_id = other.id
WHERE f.id = %(file_id)s AND cf.collection_id = %(collection_id)s AND cf.status = 'completed' AND cf.chunks > 0
  AND cf.superseded_by IS NULL AND cf.duplicate_of IS NULL AND NOT cf.file_id = ANY(%(without)s)
  AND NOT EXISTS (SELECT 1 FROM files inside WHERE inside.parent_id IN (f.id, other.id))
ORDER BY cf.added_at, cf.file_id LIMIT 1
"""
_SUPERSEDE = """
UPDATE collection_files SET superseded_by = %(by)s, superseded_at = now(), updated_at = now(),
    status = CASE status WHEN 'completed' THEN status ELSE 'cancelled' END
WHERE collection_id = %(collection_id)s AND file_id = ANY(%(ids)s)
"""
NOTE_RETIRED = """
INSERT INTO retired_versions (collection_id, file_id, owner_id, group_id, is_public)
SELECT cf.collection_id, cf.file_id, cf.owner_id, c.owner_group_id, c.is_public
FROM collection_files cf JOIN collections c ON c.id = cf.collection_id
WHERE cf.collection_id = %(collection_id)s AND cf.file_id = ANY(%(ids)s)
ON CONFLICT DO NOTHING
"""
_HEIR = """
SELECT file_id FROM collection_files
WHERE collection_id = %(collection_id)s AND duplicate_of = %(file_id)s AND superseded_by IS NULL
ORDER BY added_at, file_id LIMIT 1 FOR UPDATE
"""
_INHERIT = """
UPDATE collection_files SET duplicate_of = NULLIF(%(heir)s, file_id), updated_at = now(),
    chunks = CASE file_id WHEN %(heir)s THEN %(chunks)s ELSE chunks END
WHERE collection_id = %(collection_id)s AND duplicate_of = %(file_id)s
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A document's place in a collection, and the transaction in which it changes."""

    connection: AsyncConnection
    collection_id: UUID
    file_id: UUID

    @property
    def scope(self) -> OpenScope:
        return OpenScope(self.connection, [self.collection_id])

    async def older(self) -> list[UUID]:
        """Current rows that this document takes the place of, locked."""
        return await self._ids(_OLDER)

    async def twin(self, without: Sequence[UUID] = ()) -> UUID | None:
        """A document of the same content that is found already. Until we are done nobody adds or removes one."""
        await self._lock_contents(self.file_id, *without)
        values = {"collection_id": self.collection_id, "file_id": self.file_id, "without": list(without)}
        row = await (await self.connection.execute(_TWIN, values)).fetchone()
        return row[0] if row else None

    async def supersede(self, index: VectorStore, older: Sequence[UUID]) -> None:
        """They are not found any more; their pages stay until their time is over."""
        values = {"collection_id": self.collection_id, "by": self.file_id, "ids": list(older)}
        await self.connection.execute(_SUPERSEDE, values)
        await self.connection.execute(NOTE_RETIRED, values)
        for file_id in older:
            place = Place(self.connection, self.collection_id, file_id)
            await place.bequeath(index)
            await index.retire(place.scope, file_id, self.collection_id)

    async def bequeath(self, index: VectorStore) -> None:
        """Before a document leaves the index: another one of the same content takes its passages over."""
        await self._lock_contents(self.file_id)  # one that ends just now counts on these passages
        heirs = await self._ids(_HEIR)
        if heirs:
            chunks = await index.hand_over(self.scope, self.file_id, self.collection_id, heirs[0])
            values = {"collection_id": self.collection_id, "file_id": self.file_id}
            await self.connection.execute(_INHERIT, values | {"heir": heirs[0], "chunks": chunks})

    async def _lock_contents(self, *files: UUID) -> None:
        values = {"collection_id": self.collection_id, "ids": list(files)}
        await self.connection.execute(_LOCK_CONTENTS, values)

    async def _ids(self, query: str) -> list[UUID]:
        values = {"collection_id": self.collection_id, "file_id": self.file_id}
        return [row[0] for row in await (await self.connection.execute(query, values)).fetchall()]
