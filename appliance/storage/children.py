"""Documents inside of documents: registered once, whoever reads the outer one how often, and gone with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from appliance.domain.documents import Family, StoredFile
from appliance.domain.people import Viewer
from appliance.storage.attaching import attach
from appliance.storage.file_rows import COLUMNS
from appliance.storage.jobs import PostgresJobQueue

# How deep a file lies, and what lies in the outermost file around it.
_FAMILY = """
WITH RECURSIVE up AS (
    SELECT id, parent_id, 0 AS depth FROM files WHERE id = %(id)s
    UNION ALL SELECT f.id, f.parent_id, up.depth + 1 FROM files f JOIN up ON f.id = up.parent_id WHERE up.depth < 100
), root AS (
    SELECT id, depth FROM up ORDER BY depth DESC LIMIT 1
), inside AS (
    SELECT f.id, f.parent_id, f.size_bytes FROM files f JOIN root ON f.parent_id = root.id
    UNION ALL SELECT f.id, f.parent_id, f.size_bytes FROM files f JOIN inside ON f.parent_id = inside.id
)
SELECT (SELECT depth FROM root), (SELECT count(*) FROM inside),
       (SELECT coalesce(sum(size_bytes), 0)::bigint FROM inside),
       ARRAY(SELECT id FROM inside WHERE parent_id = %(id)s)
"""
_DESCENDANTS = f"""
WITH RECURSIVE inside AS (
    SELECT id, 1 AS depth FROM files WHERE parent_id = %(id)s
    UNION ALL SELECT f.id, inside.depth + 1 FROM files f JOIN inside ON f.parent_id = inside.id
)
SELECT {COLUMNS} FROM inside JOIN files f USING (id) ORDER BY inside.depth DESC, f.id
"""  # noqa: S608 - constants only
# The trigger that counts references fires for every row that is tried, so nothing is tried twice.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(id)s::text, 1))"
_ADD = """
INSERT INTO files (id, owner_id, filename, media_type, size_bytes, sha256, purpose, created_at, parent_id)
SELECT %(id)s, %(owner_id)s, %(filename)s, %(media_type)s, %(size_bytes)s, %(sha256)s, %(purpose)s, %(created_at)s,
       %(parent_id)s
WHERE NOT EXISTS (SELECT 1 FROM files WHERE id = %(id)s)
"""
_SOURCE = (
    "SELECT source FROM collection_files WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s"
)
_LONGEST_SOURCE = 4096


async def family(connection: AsyncConnection, file_id: UUID) -> Family:
    """connection: viewing as the owner."""
    row = await (await connection.execute(_FAMILY, {"id": file_id})).fetchone()
    depth, count, size_bytes, children = row or (0, 0, 0, [])
    return Family(depth or 0, count, size_bytes, frozenset(children))


async def descendants(connection: AsyncConnection, file_id: UUID) -> list[StoredFile]:
    """All that lies inside, the deepest first."""
    async with connection.cursor(row_factory=class_row(StoredFile)) as cursor:
        await cursor.execute(_DESCENDANTS, {"id": file_id})
        return await cursor.fetchall()


async def add_child(
    connection: AsyncConnection,
    jobs: PostgresJobQueue,
    viewer: Viewer,
    collection_id: UUID,
    child: StoredFile,
    place: Callable[[], Awaitable[None]],
) -> None:
    """Register a file that lies in another one, in the same collection, with the job that reads it.

    connection: viewing as the owner, holding the outer document's row. place: puts the bytes where they belong.
    """
    await connection.execute(_LOCK, {"id": child.id})
    values = {name: getattr(child, name) for name in StoredFile.__slots__}
    if (await connection.execute(_ADD, values)).rowcount:
        await place()
    source = await _source(connection, collection_id, child)
    await attach(connection, jobs, viewer, collection_id, [(child.id, {})], sources=source)


async def _source(connection: AsyncConnection, collection_id: UUID, child: StoredFile) -> dict[UUID, str]:
    """Where the outer one is a version of something, so is what lies in it."""
    values = {"collection_id": collection_id, "file_id": child.parent_id}
    row = await (await connection.execute(_SOURCE, values)).fetchone()
    if row is None or row[0] is None:
        return {}
    source = f"{row[0]}!/{child.filename.partition('/')[2] or child.filename}"
    return {child.id: source} if len(source.encode()) <= _LONGEST_SOURCE else {}
