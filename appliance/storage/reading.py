"""How far each document has been read, kept by the worker with the owner's eyes.

A document is searchable if and only if its row says `completed`: both happen in one transaction (completing.py), which
alone waits for the disk; what is noted on the way there goes with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from appliance.domain.documents import Family, ReadingProgress, ReadingTask, StoredFile
from appliance.domain.people import Viewer
from appliance.ports import ReadingStopped
from appliance.storage.children import add_child, family
from appliance.storage.database import Database
from appliance.storage.file_rows import COLUMNS, written_notes
from appliance.storage.jobs import PostgresJobQueue
from rag.ports import Scope

_BEGIN = """
UPDATE collection_files SET attempts = attempts + 1, progress = 0, stage = 'parsing', pages_done = 0, notes = '[]',
    started_at = now(), finished_at = NULL, updated_at = now()
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress'
RETURNING attempts
"""
# The file, and where it may be had without reading it: another file of its content, another collection that has it.
# What has others inside is read again, so that they are registered in this collection too.
_FILE = f"""
SELECT {COLUMNS},
    EXISTS (SELECT 1 FROM files other WHERE other.sha256 = f.sha256 AND other.id <> f.id) AS has_equal,
    (SELECT cf.collection_id FROM collection_files cf JOIN collections c ON c.id = cf.collection_id
     WHERE cf.file_id = %(file_id)s AND cf.collection_id <> %(collection_id)s AND cf.status = 'completed'
       AND cf.chunks > 0 AND cf.superseded_by IS NULL
       AND NOT EXISTS (SELECT 1 FROM files inside WHERE inside.parent_id = cf.file_id)
     ORDER BY cf.updated_at DESC LIMIT 1) AS copy_from
FROM files f WHERE f.id = %(file_id)s
"""  # noqa: S608 - constants only
# Left out while the document's end is being written, which would be waited for, and after which nothing is to be told.
_ADVANCE = """
UPDATE collection_files SET stage = %(stage)s, progress = %(share)s, pages_done = %(pages_done)s, updated_at = now()
WHERE collection_id = %(collection_id)s AND file_id = (
    SELECT file_id FROM collection_files
    WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress'
    FOR NO KEY UPDATE SKIP LOCKED)
"""
_WAIT = """
UPDATE collection_files SET stage = 'waiting', progress = 0, pages_done = 0, notes = %(notes)s, updated_at = now(),
    attempts = greatest(attempts - 1, 0)
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress'
"""
_NOTE = """
UPDATE collection_files SET notes = %(notes)s, updated_at = now()
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress'
"""
_HEARD = """
UPDATE collection_files SET heard_s = %(heard_s)s, spoken = %(spoken)s, updated_at = now()
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress'
"""
_FAIL = """
UPDATE collection_files SET status = 'failed', error_code = %(code)s, error_message = %(message)s, notes = %(notes)s,
    finished_at = now(), updated_at = now()
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress'
"""
_WANTED = """
SELECT 1 FROM collection_files
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress' FOR UPDATE
"""


class PostgresReading:
    """Fulfils services.knowledge.ports.ReadingRepository."""

    def __init__(self, database: Database, jobs: PostgresJobQueue) -> None:
        self._database = database
        self._jobs = jobs

    async def begin(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> ReadingTask | None:
        values = {"collection_id": collection_id, "file_id": file_id}
        async with self._database.viewing(viewer, is_flushed=False) as connection:
            begun = await (await connection.execute(_BEGIN, values)).fetchone()
            if begun is None:
                return None
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_FILE, values)
                row = await cursor.fetchone()
        if row is None:
            return None
        copy_from, has_equal = row.pop("copy_from"), row.pop("has_equal")
        return ReadingTask(StoredFile(**row), collection_id, begun[0], copy_from, has_equal)

    async def advance(
        self, viewer: Viewer, collection_id: UUID, file_id: UUID, progress: ReadingProgress
    ) -> None:
        values = {
            "collection_id": collection_id,
            "file_id": file_id,
            "stage": progress.stage,
            "share": min(max(progress.share, 0.0), 1.0),
            "pages_done": progress.pages_done,
        }
        async with self._database.viewing(viewer, is_flushed=False) as connection:
            await connection.execute(_ADVANCE, values)

    async def wait(self, viewer: Viewer, collection_id: UUID, file_id: UUID, reason: str) -> None:
        values = {"collection_id": collection_id, "file_id": file_id, "notes": written_notes([reason])}
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_WAIT, values)

    async def note(self, viewer: Viewer, collection_id: UUID, file_id: UUID, notes: Sequence[str]) -> None:
        values = {"collection_id": collection_id, "file_id": file_id, "notes": written_notes(notes)}
        async with self._database.viewing(viewer, is_flushed=False) as connection:
            await connection.execute(_NOTE, values)

    async def heard(
        self, viewer: Viewer, collection_id: UUID, file_id: UUID, heard_s: float, spoken: str | None
    ) -> None:
        values = {"collection_id": collection_id, "file_id": file_id, "heard_s": heard_s, "spoken": spoken}
        async with self._database.viewing(viewer, is_flushed=False) as connection:
            await connection.execute(_HEARD, values)

    async def fail(
        self,
        viewer: Viewer,
        collection_id: UUID,
        file_id: UUID,
        code: str,
        message: str,
        notes: Sequence[str] = (),
    ) -> None:
        values = {"collection_id": collection_id, "file_id": file_id, "code": code, "message": message}
        values |= {"notes": written_notes(notes)}
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_FAIL, values)

    def scope(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> Scope:
        return _WantedScope(self._database, viewer, file_id, (collection_id,))

    async def family(self, viewer: Viewer, file_id: UUID) -> Family:
        async with self._database.viewing(viewer) as connection:
            return await family(connection, file_id)

    async def add_child(
        self, viewer: Viewer, collection_id: UUID, child: StoredFile, place: Callable[[], Awaitable[None]]
    ) -> None:
        assert child.parent_id is not None
        wanted = _WantedScope(self._database, viewer, child.parent_id, (collection_id,))
        async with wanted.connection() as connection:
            await add_child(connection, self._jobs, viewer, collection_id, child, place)


@dataclass(frozen=True, slots=True)
class _WantedScope:
    """Transactions that hold the document's row: it can be neither cancelled nor removed under them."""

    database: Database
    viewer: Viewer
    file_id: UUID
    collection_ids: tuple[UUID, ...]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        values = {"collection_id": self.collection_ids[0], "file_id": self.file_id}
        async with self.database.viewing(self.viewer) as connection:
            if await (await connection.execute(_WANTED, values)).fetchone() is None:
                raise ReadingStopped
            yield connection
