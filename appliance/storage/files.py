"""Files in PostgreSQL, each seen by its owner and through the collections it is in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation, InsufficientPrivilege
from psycopg.rows import class_row

from appliance import telemetry
from appliance.domain.documents import PageRequest, Receipt, StoredFile
from appliance.domain.people import Viewer
from appliance.domain.refusals import Told
from appliance.errors import Conflict, NotFound, NotPermitted
from appliance.storage.children import descendants
from appliance.storage.database import Database
from appliance.storage.file_rows import COLUMNS, OpenScope
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.paging import sliced, slicing, slicing_values
from appliance.storage.receipts import count_place, kept_tables, record_receipt, unused_blobs
from appliance.storage.versions import Place
from rag.ports import InMemory, VectorStore

__all__ = ["COLUMNS", "OpenScope", "PostgresFiles"]

_ADD = """
INSERT INTO files (id, owner_id, filename, media_type, size_bytes, sha256, purpose, created_at, traceparent)
VALUES (%(id)s, %(owner_id)s, %(filename)s, %(media_type)s, %(size_bytes)s, %(sha256)s, %(purpose)s, %(created_at)s,
        %(traceparent)s)
"""
_FILE = f"SELECT {COLUMNS} FROM files f WHERE f.id = %(id)s"  # noqa: S608 - constants only
# What lies in chats and nowhere else belongs to them and is listed there; by its purpose it is asked for.
_FILES = f"""
SELECT {COLUMNS} FROM files f
WHERE f.owner_id = viewer_id() AND (%(purpose)s::text IS NULL OR f.purpose = %(purpose)s)
  AND (%(purpose)s::text IS NOT NULL OR f.purpose <> 'user_data' OR (
      SELECT coalesce(bool_or(c.conversation_id IS NULL), true)
      FROM collection_files cf JOIN collections c ON c.id = cf.collection_id WHERE cf.file_id = f.id))"""  # noqa: S608
_COUNT = "SELECT count(*) FROM files WHERE owner_id = viewer_id() AND parent_id IS NULL"
_LOCK_LINKS = (
    "SELECT collection_id, job_id FROM collection_files WHERE file_id = %(id)s ORDER BY 1 FOR UPDATE"
)
_REMOVE = "DELETE FROM files WHERE id = %(id)s"


class PostgresFiles:
    """Fulfils services.knowledge.ports.FileRepository."""

    def __init__(self, database: Database, index: VectorStore, jobs: PostgresJobQueue) -> None:
        self._database = database
        self._index = index
        self._jobs = jobs

    async def add(self, viewer: Viewer, file: StoredFile, place: Callable[[], Awaitable[None]]) -> None:
        values: dict[str, Any] = {
            "id": file.id,
            "owner_id": file.owner_id,
            "filename": file.filename,
            "media_type": file.media_type,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "purpose": file.purpose,
            "created_at": file.created_at,
            "traceparent": telemetry.traceparent.get() or None,
        }
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_ADD, values)  # locks the row of the bytes until the commit
            await place()

    async def file(self, viewer: Viewer, file_id: UUID) -> StoredFile:
        async with self._database.viewing(viewer) as connection:
            return await _file(connection, file_id)

    async def files(
        self, viewer: Viewer, page: PageRequest, purpose: str | None
    ) -> tuple[list[StoredFile], bool]:
        query = _FILES + slicing(page, ["f.id"], "%(cursor)s::uuid")
        async with (
            self._database.viewing(viewer) as connection,
            connection.cursor(row_factory=class_row(StoredFile)) as cursor,
        ):
            await cursor.execute(query, slicing_values(page) | {"purpose": purpose})
            return sliced(page, await cursor.fetchall())

    async def count(self, viewer: Viewer) -> int:
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_COUNT)).fetchone()
            return int(row[0]) if row else 0

    async def remove(self, viewer: Viewer, file_id: UUID) -> list[StoredFile]:
        gone, _ = await self._remove_all(viewer, file_id, None)
        return gone

    async def remove_with_receipt(
        self, viewer: Viewer, file_id: UUID, pictures: Callable[[bytes], int]
    ) -> tuple[list[StoredFile], Receipt]:
        gone, receipt = await self._remove_all(viewer, file_id, pictures)
        assert receipt is not None
        return gone, receipt

    async def _remove_all(
        self, viewer: Viewer, file_id: UUID, pictures: Callable[[bytes], int] | None
    ) -> tuple[list[StoredFile], Receipt | None]:
        held: list[InMemory] = []
        try:
            async with self._database.viewing(viewer) as connection:
                file = await _file(connection, file_id)
                if file.owner_id != viewer.user_id:
                    raise NotPermitted(Told("file_not_yours"))
                # The outer one's rows are locked first: what is registered under it meanwhile is seen after that.
                links = await self._lock_links(connection, file_id)
                gone = [*await descendants(connection, file_id), file]
                removed = Counter({"files": len(gone)})
                tables = await kept_tables(connection, [one.sha256 for one in gone])
                for one in gone:
                    removed += await self._remove(connection, one.id, links if one is file else None, held)
                unused = await unused_blobs(connection, [one.sha256 for one in gone])
                removed["blobs"] = len(unused)
                if gone_tables := sum(tables.get(content, 0) for content in unused):
                    removed["tables"] = gone_tables
                removed["bytes"] = sum(
                    {one.sha256: one.size_bytes for one in gone if one.sha256 in unused}.values()
                )
                removed["vectors_in_memory"] = sum(one.count for one in held)
                receipt = None
                if pictures is not None:
                    removed["page_images"] = sum(map(pictures, unused))
                    receipt = await record_receipt(connection, "file", file_id, viewer.user_id, removed)
        except (ForeignKeyViolation, InsufficientPrivilege) as error:
            raise Conflict(Told("file_elsewhere")) from error
        for one_held in held:
            self._index.let_go(one_held)
        return gone, receipt

    async def _lock_links(self, connection: AsyncConnection, file_id: UUID) -> Sequence[tuple[Any, ...]]:
        """(collection, job) each. First the links, as whoever reads the document does: nobody waits in a circle."""
        return await (await connection.execute(_LOCK_LINKS, {"id": file_id})).fetchall()

    async def _remove(
        self,
        connection: AsyncConnection,
        file_id: UUID,
        locked: Sequence[tuple[Any, ...]] | None,
        held: list[InMemory],
    ) -> Counter[str]:
        removed: Counter[str] = Counter()
        links = await self._lock_links(connection, file_id) if locked is None else locked
        await self._jobs.cancel_in(connection, [job for _, job in links if job is not None])
        scope = OpenScope(connection, [collection for collection, _ in links])
        for collection_id, _ in links:
            await Place(connection, collection_id, file_id).bequeath(self._index)
            removed += await count_place(connection, collection_id, file_id)
            in_memory = await self._index.in_memory(scope, collection_id, file_id)
            held += [] if in_memory is None else [in_memory]
            await self._index.remove(scope, file_id, collection_id)
        await connection.execute(_REMOVE, {"id": file_id})
        return removed


async def _file(connection: AsyncConnection, file_id: UUID) -> StoredFile:
    async with connection.cursor(row_factory=class_row(StoredFile)) as cursor:
        await cursor.execute(_FILE, {"id": file_id})
        file = await cursor.fetchone()
    if file is None:
        raise NotFound(f"No file has the id 'file-{file_id.hex}'.")
    return file
