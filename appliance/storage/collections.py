"""Collections, what is in them, and batches, in PostgreSQL; who sees and changes what is row-level security's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from appliance.domain.documents import (
    Audience,
    Collection,
    CollectionFile,
    FileBatch,
    FileCounts,
    IngestionStatus,
    PageRequest,
    Receipt,
)
from appliance.domain.people import Viewer
from appliance.domain.refusals import Told
from appliance.errors import NotFound, NotPermitted
from appliance.storage.attaching import attach
from appliance.storage.children import descendants
from appliance.storage.database import Database
from appliance.storage.file_rows import ATTACHED, OpenScope, as_collection_file
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.paging import sliced, slicing, slicing_values
from appliance.storage.receipts import count_place, record_receipt
from appliance.storage.removing import count_families, remove_families
from appliance.storage.retrying import cancel, retry, source_of
from appliance.storage.versions import Place
from rag.ports import InMemory, VectorStore

_ADD = """
INSERT INTO collections (id, name, description, owner_user_id, owner_group_id, is_public, created_by, metadata,
                         created_at, last_active_at)
VALUES (%(id)s, %(name)s, %(description)s, %(user_id)s, %(group_id)s, %(is_public)s, viewer_id(), %(metadata)s,
        %(created_at)s, %(created_at)s)
"""
_COUNTED = """
    count(*) FILTER (WHERE cf.status = 'in_progress') AS in_progress,
    count(*) FILTER (WHERE cf.status = 'completed') AS completed,
    count(*) FILTER (WHERE cf.status = 'failed') AS failed,
    count(*) FILTER (WHERE cf.status = 'cancelled') AS cancelled"""
_COLLECTIONS = f"""
SELECT c.id, c.name, c.description, c.owner_user_id, c.owner_group_id, c.metadata, c.created_at, c.last_active_at,
       viewer_writes_collection(c.id) AS can_write, viewer_owns_collection(c.id) AS can_manage,
       c.may_leave,
       coalesce((SELECT email FROM users u WHERE u.id = c.owner_user_id),
                (SELECT g.name FROM groups g WHERE g.id = c.owner_group_id), '') AS owner_name, n.*
FROM collections c CROSS JOIN LATERAL (
    SELECT {_COUNTED}, coalesce(sum(cf.size_bytes) FILTER (WHERE cf.status = 'completed'), 0)::bigint AS size_bytes
    FROM collection_files cf WHERE cf.collection_id = c.id AND cf.superseded_by IS NULL) n
WHERE true"""  # noqa: S608 - constants only
_VISIBLE = "SELECT id FROM collections WHERE %(wanted)s::uuid[] IS NULL OR id = ANY(%(wanted)s) ORDER BY id"
_SEARCHED = "SELECT id FROM collections WHERE conversation_id IS NULL ORDER BY id"
_CHANGE = """
UPDATE collections SET name = coalesce(%(name)s, name), description = coalesce(%(description)s, description),
    metadata = coalesce(%(metadata)s, metadata), last_active_at = now()
WHERE id = %(id)s
"""
_WRITABLE = "SELECT viewer_writes_collection(id) FROM collections WHERE id = %(id)s"
_OWNED = "SELECT viewer_owns_collection(id) FROM collections WHERE id = %(id)s"
_LOCK_LINKS = """
SELECT file_id, job_id FROM collection_files WHERE collection_id = %(id)s ORDER BY file_id FOR UPDATE
"""
_REMOVE = "DELETE FROM collections WHERE id = %(id)s"

_ONE = " AND cf.file_id = %(file_id)s"
_SOME = """ AND cf.superseded_by IS NULL AND (%(status)s::text IS NULL OR cf.status = %(status)s)
    AND (%(batch_id)s::uuid IS NULL OR EXISTS (
        SELECT 1 FROM file_batch_files b WHERE b.batch_id = %(batch_id)s AND b.file_id = cf.file_id))"""
_CURSOR = """SELECT added_at, file_id FROM collection_files
    WHERE collection_id = %(collection_id)s AND file_id = %(cursor)s"""
_ATTRIBUTES = """
SELECT file_id, attributes FROM collection_files WHERE collection_id = %(collection_id)s AND file_id = ANY(%(ids)s)
"""
_ANNOTATE = """
UPDATE collection_files SET attributes = %(attributes)s, updated_at = now()
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s
"""
_LOCK_LINK = """
SELECT file_id, job_id FROM collection_files
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s FOR UPDATE
"""
_DETACH = "DELETE FROM collection_files WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s"
_BATCH = f"""
SELECT b.id, b.collection_id, b.created_at, b.cancelled_at IS NOT NULL AS is_cancelled, n.*
FROM file_batches b CROSS JOIN LATERAL (
    SELECT {_COUNTED} FROM file_batch_files bf JOIN collection_files cf USING (collection_id, file_id)
    WHERE bf.batch_id = b.id) n
WHERE b.id = %(batch_id)s AND b.collection_id = %(collection_id)s
"""  # noqa: S608 - constants only
_CANCEL_BATCH = "UPDATE file_batches SET cancelled_at = coalesce(cancelled_at, now()) WHERE id = %(batch_id)s"
_CANCEL_FILES = """
UPDATE collection_files cf SET status = 'cancelled', updated_at = now()
FROM file_batch_files bf
WHERE bf.batch_id = %(batch_id)s AND cf.collection_id = bf.collection_id AND cf.file_id = bf.file_id
  AND cf.status = 'in_progress'
RETURNING cf.job_id
"""


class PostgresCollections:
    """Fulfils services.knowledge.ports.CollectionRepository."""

    def __init__(self, database: Database, index: VectorStore, jobs: PostgresJobQueue) -> None:
        self._database = database
        self._index = index
        self._jobs = jobs

    async def add(self, viewer: Viewer, collection: Collection) -> None:
        values = {
            "id": collection.id,
            "name": collection.name,
            "description": collection.description,
            "user_id": collection.audience.user_id,
            "group_id": collection.audience.group_id,
            "is_public": collection.audience.is_everybody,
            "metadata": Jsonb(dict(collection.metadata)),
            "created_at": collection.created_at,
        }
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_ADD, values)

    async def collection(self, viewer: Viewer, collection_id: UUID) -> Collection:
        async with self._database.viewing(viewer) as connection:
            row = await _one(connection, _COLLECTIONS + " AND c.id = %(id)s", {"id": collection_id})
        if row is None:
            raise _no_collection(collection_id)
        return _collection(row)

    async def collections(self, viewer: Viewer, page: PageRequest) -> tuple[list[Collection], bool]:
        listed = _COLLECTIONS + " AND c.conversation_id IS NULL"
        query = listed + slicing(page, ["c.id"], "%(cursor)s::uuid")
        async with self._database.viewing(viewer) as connection:
            rows = await _all(connection, query, slicing_values(page))
        found, has_more = sliced(page, rows)
        return [_collection(row) for row in found], has_more

    async def visible_ids(self, viewer: Viewer, wanted: Sequence[UUID] | None) -> tuple[UUID, ...]:
        values = {"wanted": None if wanted is None else list(wanted)}
        async with self._database.viewing(viewer) as connection:
            found = [row[0] for row in await (await connection.execute(_VISIBLE, values)).fetchall()]
        missing = sorted(set(wanted or ()) - set(found))
        if missing:
            raise _no_collection(missing[0])
        return tuple(found)

    async def searched_ids(self, viewer: Viewer) -> tuple[UUID, ...]:
        async with self._database.viewing(viewer) as connection:
            return tuple(row[0] for row in await (await connection.execute(_SEARCHED)).fetchall())

    async def change(
        self,
        viewer: Viewer,
        collection_id: UUID,
        name: str | None,
        description: str | None,
        metadata: Mapping[str, str] | None,
    ) -> None:
        values = {
            "id": collection_id,
            "name": name,
            "description": description,
            "metadata": None if metadata is None else Jsonb(dict(metadata)),
        }
        async with self._database.viewing(viewer) as connection:
            await _require_owned(connection, collection_id)
            await connection.execute(_CHANGE, values)

    async def remove(self, viewer: Viewer, collection_id: UUID) -> Receipt:
        async with self._database.viewing(viewer) as connection:
            held = await self._hold_all(connection, collection_id)
            removed = await count_place(connection, collection_id)
            removed["collections"] = 1
            removed["vectors_in_memory"] = 0 if held is None else held.count
            await connection.execute(_REMOVE, {"id": collection_id})
            receipt = await record_receipt(connection, "collection", collection_id, viewer.user_id, removed)
        if held is not None:
            self._index.let_go(held)
        return receipt

    async def remove_with_files(
        self, viewer: Viewer, collection_id: UUID, pictures: Callable[[bytes], int]
    ) -> tuple[Receipt, Mapping[str, int], Sequence[bytes]]:
        async with self._database.viewing(viewer) as connection:
            held = await self._hold_all(connection, collection_id)
            families = await count_families(connection, collection_id)
            removed = await count_place(connection, collection_id)
            removed.subtract(families.indexed())
            removed["collections"] = 1
            removed["vectors_in_memory"] = 0 if held is None else held.count
            await connection.execute(_REMOVE, {"id": collection_id})
            told = await remove_families(connection, families, pictures)
            receipt = await record_receipt(connection, "collection", collection_id, viewer.user_id, removed)
        if held is not None:
            self._index.let_go(held)
        told.update(receipt.removed)
        return receipt, told, families.unused

    async def _hold_all(self, connection: AsyncConnection, collection_id: UUID) -> InMemory | None:
        """Nobody reads into the collection any more; returns what this process has of it in memory."""
        await _require_owned(connection, collection_id)
        links = await (await connection.execute(_LOCK_LINKS, {"id": collection_id})).fetchall()
        await self._jobs.cancel_in(connection, [job for _, job in links if job is not None])
        return await self._index.in_memory(OpenScope(connection, [collection_id]), collection_id)

    async def attach(
        self,
        viewer: Viewer,
        collection_id: UUID,
        additions: Sequence[tuple[UUID, Mapping[str, str | float | bool]]],
        batch_id: UUID | None = None,
        sources: Mapping[UUID, str] = MappingProxyType({}),
    ) -> None:
        async with self._database.viewing(viewer, plans_once=True) as connection:
            await require_writable(connection, collection_id)
            await attach(connection, self._jobs, viewer, collection_id, additions, batch_id, sources)

    async def source(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> str:
        async with self._database.viewing(viewer) as connection:
            await require_writable(connection, collection_id)
            return await source_of(connection, collection_id, file_id)

    async def retry(self, viewer: Viewer, collection_id: UUID, file_id: UUID | None = None) -> int:
        async with self._database.viewing(viewer) as connection:
            await require_writable(connection, collection_id)
            return await retry(connection, self._jobs, collection_id, file_id)

    async def cancel(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> None:
        async with self._database.viewing(viewer) as connection:
            await require_writable(connection, collection_id)
            await cancel(connection, self._jobs, collection_id, file_id)

    async def attached(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> CollectionFile:
        values = {"collection_id": collection_id, "file_id": file_id}
        async with self._database.viewing(viewer, plans_once=True) as connection:
            await _require_visible(connection, collection_id)
            row = await _one(connection, ATTACHED + _ONE, values)
        if row is None:
            raise _no_file(file_id)
        return as_collection_file(row)

    async def all_attached(
        self,
        viewer: Viewer,
        collection_id: UUID,
        page: PageRequest,
        status: IngestionStatus | None = None,
        batch_id: UUID | None = None,
    ) -> tuple[list[CollectionFile], bool]:
        values = {"collection_id": collection_id, "status": status, "batch_id": batch_id}
        query = ATTACHED + _SOME + slicing(page, ["cf.added_at", "cf.file_id"], _CURSOR)
        async with self._database.viewing(viewer) as connection:
            await _require_visible(connection, collection_id)
            rows = await _all(connection, query, values | slicing_values(page))
        found, has_more = sliced(page, rows)
        return [as_collection_file(row) for row in found], has_more

    async def attributes(
        self, viewer: Viewer, collection_id: UUID, file_ids: Sequence[UUID]
    ) -> dict[UUID, Mapping[str, str | float | bool]]:
        values = {"collection_id": collection_id, "ids": list(file_ids)}
        async with self._database.viewing(viewer) as connection:
            return dict(await (await connection.execute(_ATTRIBUTES, values)).fetchall())

    async def annotate(
        self, viewer: Viewer, collection_id: UUID, file_id: UUID, attributes: Mapping[str, str | float | bool]
    ) -> None:
        values = {"collection_id": collection_id, "file_id": file_id, "attributes": Jsonb(dict(attributes))}
        async with self._database.viewing(viewer) as connection:
            await require_writable(connection, collection_id)
            if (await connection.execute(_ANNOTATE, values)).rowcount == 0:
                raise _no_file(file_id)

    async def detach(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> None:
        values = {"collection_id": collection_id, "file_id": file_id}
        async with self._database.viewing(viewer) as connection:
            await require_writable(connection, collection_id)
            if await (await connection.execute(_LOCK_LINK, values)).fetchone() is None:
                raise _no_file(file_id)
            held = [
                await self._detach(connection, collection_id, inside.id)
                for inside in await descendants(connection, file_id)
            ]
            held.append(await self._detach(connection, collection_id, file_id))
        for one in held:
            if one is not None:
                self._index.let_go(one)

    async def _detach(
        self, connection: AsyncConnection, collection_id: UUID, file_id: UUID
    ) -> InMemory | None:
        values = {"collection_id": collection_id, "file_id": file_id}
        link = await (await connection.execute(_LOCK_LINK, values)).fetchone()
        if link is None:
            return None
        await self._jobs.cancel_in(connection, [link[1]] if link[1] is not None else [])
        await Place(connection, collection_id, file_id).bequeath(self._index)
        scope = OpenScope(connection, [collection_id])
        held = await self._index.in_memory(scope, collection_id, file_id)
        await self._index.remove(scope, file_id, collection_id)
        await connection.execute(_DETACH, values)
        return held

    async def batch(self, viewer: Viewer, collection_id: UUID, batch_id: UUID) -> FileBatch:
        async with self._database.viewing(viewer) as connection:
            row = await _one(connection, _BATCH, {"batch_id": batch_id, "collection_id": collection_id})
        if row is None:
            raise NotFound(f"No file batch has the id 'vsfb_{batch_id.hex}' here.")
        return FileBatch(
            row["id"], row["collection_id"], row["created_at"], row["is_cancelled"], _counts(row)
        )

    async def cancel_batch(self, viewer: Viewer, collection_id: UUID, batch_id: UUID) -> None:
        await self.batch(viewer, collection_id, batch_id)
        async with self._database.viewing(viewer) as connection:
            await require_writable(connection, collection_id)
            await connection.execute(_CANCEL_BATCH, {"batch_id": batch_id})
            cancelled = await (await connection.execute(_CANCEL_FILES, {"batch_id": batch_id})).fetchall()
            await self._jobs.cancel_in(connection, [job for (job,) in cancelled if job is not None])


async def require_writable(connection: AsyncConnection, collection_id: UUID) -> None:
    """Raises NotFound where the viewer does not see the collection and NotPermitted where they may only read it."""
    row = await (await connection.execute(_WRITABLE, {"id": collection_id})).fetchone()
    if row is None:
        raise _no_collection(collection_id)
    if not row[0]:
        raise NotPermitted(Told("collection_read_only"))


async def _require_owned(connection: AsyncConnection, collection_id: UUID) -> None:
    """A share to write is for what is in a collection, not for the collection."""
    row = await (await connection.execute(_OWNED, {"id": collection_id})).fetchone()
    if row is None:
        raise _no_collection(collection_id)
    if not row[0]:
        raise NotPermitted(Told("collection_not_own"))


async def _require_visible(connection: AsyncConnection, collection_id: UUID) -> None:
    if await _one(connection, "SELECT 1 FROM collections WHERE id = %(id)s", {"id": collection_id}) is None:
        raise _no_collection(collection_id)


async def _one(connection: AsyncConnection, query: str, values: Mapping[str, Any]) -> DictRow | None:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone()


async def _all(connection: AsyncConnection, query: str, values: Mapping[str, Any]) -> list[DictRow]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()


def _collection(row: DictRow) -> Collection:
    return Collection(
        id=row["id"],
        name=row["name"],
        audience=Audience(row["owner_user_id"], row["owner_group_id"]),
        created_at=row["created_at"],
        last_active_at=row["last_active_at"],
        description=row["description"],
        metadata=row["metadata"],
        counts=_counts(row),
        size_bytes=row["size_bytes"],
        can_write=row["can_write"],
        can_manage=row["can_manage"],
        may_leave=row["may_leave"],
        owner_name=row["owner_name"],
    )


def _counts(row: DictRow) -> FileCounts:
    return FileCounts(row["in_progress"], row["completed"], row["failed"], row["cancelled"])


def _no_collection(collection_id: UUID) -> NotFound:
    return NotFound(f"No vector store has the id 'vs_{collection_id.hex}'.")


def _no_file(file_id: UUID) -> NotFound:
    return NotFound(f"No file has the id 'file-{file_id.hex}' in this vector store.")
