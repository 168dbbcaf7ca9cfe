"""Adding files to a collection together with the jobs that read them, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from appliance.domain import Viewer
from appliance.errors import NotFound, NotPermitted
from appliance.ports import INGEST_JOB
from appliance.storage.jobs import NewJob, PostgresJobQueue

_LOWEST_PRIORITY = -10_000

_FILES = "SELECT id, owner_id FROM files WHERE id = ANY(%(ids)s)"
# By which group's membership, or by whose role, the viewer may write here; neither where it is their own.
_AUDIENCE = """
SELECT CASE WHEN owner_group_id = ANY (viewer_group_ids()) THEN owner_group_id ELSE (
           SELECT s.group_id FROM collection_shares s
           WHERE s.collection_id = c.id AND s.may_write AND s.group_id = ANY (viewer_group_ids()) LIMIT 1) END,
       is_public AND viewer_role() = 'admin'
FROM collections c WHERE id = %(id)s
"""
_WAITING = "SELECT count(*) FROM collection_files WHERE owner_id = viewer_id() AND status = 'in_progress'"
# A file that is there and has been read, or is being read, stays as it is; one that failed gets another chance.
_ATTACH = """
INSERT INTO collection_files (collection_id, file_id, owner_id, size_bytes, attributes)
SELECT %(collection_id)s, f.id, f.owner_id, f.size_bytes, a.attributes
FROM unnest(%(ids)s::uuid[], %(attributes)s::jsonb[]) AS a (id, attributes) JOIN files f ON f.id = a.id
ORDER BY f.id
ON CONFLICT (collection_id, file_id) DO UPDATE
    SET status = 'in_progress', progress = 0, attempts = 0, error_code = NULL, error_message = NULL,
        attributes = excluded.attributes, updated_at = now()
    WHERE collection_files.status IN ('failed', 'cancelled')
RETURNING file_id
"""
_NOTE_JOBS = """
UPDATE collection_files cf SET job_id = j.job_id
FROM unnest(%(ids)s::uuid[], %(jobs)s::bigint[]) AS j (file_id, job_id)
WHERE cf.collection_id = %(collection_id)s AND cf.file_id = j.file_id
"""
_ADD_BATCH = (
    "INSERT INTO file_batches (id, collection_id, created_by) VALUES (%(batch_id)s, %(id)s, viewer_id())"
)
_FILL_BATCH = """
INSERT INTO file_batch_files (batch_id, collection_id, file_id)
SELECT %(batch_id)s, %(id)s, file_id FROM unnest(%(ids)s::uuid[]) AS f (file_id)
"""
_TOUCH = "UPDATE collections SET last_active_at = now() WHERE id = %(id)s"


async def attach(
    connection: AsyncConnection,
    jobs: PostgresJobQueue,
    viewer: Viewer,
    collection_id: UUID,
    additions: Sequence[tuple[UUID, Mapping[str, str | float | bool]]],
    batch_id: UUID | None,
) -> None:
    """connection: viewing as viewer, who may change the collection.

    Raises NotFound for a file the viewer does not see and NotPermitted for one that is not their own.
    """
    wanted = dict(additions)
    await _require_own(connection, viewer, list(wanted))
    values = {
        "collection_id": collection_id,
        "ids": list(wanted),
        "attributes": [Jsonb(dict(attributes)) for attributes in wanted.values()],
    }
    waiting = await (await connection.execute(_WAITING)).fetchone()
    fresh = [row[0] for row in await (await connection.execute(_ATTACH, values)).fetchall()]
    numbers = await jobs.enqueue_in(
        connection, await _jobs(connection, viewer, collection_id, fresh, waiting[0] if waiting else 0)
    )
    await connection.execute(_NOTE_JOBS, {"collection_id": collection_id, "ids": fresh, "jobs": numbers})
    if batch_id is not None:
        batch = {"id": collection_id, "batch_id": batch_id, "ids": list(wanted)}
        await connection.execute(_ADD_BATCH, batch)
        await connection.execute(_FILL_BATCH, batch)
    await connection.execute(_TOUCH, {"id": collection_id})


async def _require_own(connection: AsyncConnection, viewer: Viewer, file_ids: list[UUID]) -> None:
    found: dict[UUID, UUID] = dict(await (await connection.execute(_FILES, {"ids": file_ids})).fetchall())
    for file_id in file_ids:
        if file_id not in found:
            raise NotFound(f"No file has the id 'file-{file_id.hex}'.", param="file_id")
        if found[file_id] != viewer.user_id:
            raise NotPermitted(
                f"'file-{file_id.hex}' was uploaded by somebody else. Upload it yourself to add it here.",
                param="file_id",
            )


async def _jobs(
    connection: AsyncConnection, viewer: Viewer, collection_id: UUID, file_ids: Sequence[UUID], waiting: int
) -> list[NewJob]:
    """The job carries the eyes it needs and no more: its owner's, in this collection.

    The more documents of one person wait, the further back the next one goes, so that nobody's thousand files stand
    before somebody's one.
    """
    audience = await (await connection.execute(_AUDIENCE, {"id": collection_id})).fetchone()
    group_id, is_public = audience if audience else (None, False)
    payload = {
        "collection_id": str(collection_id),
        "owner_id": str(viewer.user_id),
        "group_id": str(group_id) if group_id else None,
        "is_public": is_public,
    }
    return [
        NewJob(
            INGEST_JOB,
            payload | {"file_id": str(file_id)},
            lock=f"{collection_id.hex}:{file_id.hex}",
            priority=max(_LOWEST_PRIORITY, -waiting - place),
        )
        for place, file_id in enumerate(file_ids)
    ]
