"""Adding files to a collection together with the jobs that read them, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from appliance import telemetry
from appliance.domain.people import Viewer
from appliance.errors import NotFound, NotPermitted
from appliance.ports import INGEST_JOB
from appliance.storage.jobs import NewJob, PostgresJobQueue
from appliance.storage.versions import NOTE_RETIRED

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
INSERT INTO collection_files (collection_id, file_id, owner_id, size_bytes, attributes, source)
SELECT %(collection_id)s, f.id, f.owner_id, f.size_bytes, a.attributes, a.source
FROM unnest(%(ids)s::uuid[], %(attributes)s::jsonb[], %(sources)s::text[]) AS a (id, attributes, source)
     JOIN files f ON f.id = a.id
ORDER BY f.id
ON CONFLICT (collection_id, file_id) DO UPDATE
    SET status = 'in_progress', stage = 'waiting', progress = 0, attempts = 0, error_code = NULL, error_message = NULL,
        superseded_by = NULL, superseded_at = NULL, duplicate_of = NULL, attributes = excluded.attributes,
        source = coalesce(excluded.source, collection_files.source), updated_at = now()
    WHERE collection_files.status IN ('failed', 'cancelled') OR collection_files.superseded_by IS NOT NULL
RETURNING file_id
"""
# What was never read of an older version is not read any more; what was is found until the new one is.
_SET_ASIDE = """
UPDATE collection_files older
SET status = 'cancelled', superseded_by = newer.file_id, superseded_at = now(), updated_at = now()
FROM collection_files newer
WHERE older.collection_id = %(collection_id)s AND older.status <> 'completed' AND older.superseded_by IS NULL
  AND older.file_id <> ALL(%(fresh)s)
  AND newer.collection_id = older.collection_id AND newer.source = older.source AND newer.file_id = ANY(%(fresh)s)
RETURNING older.file_id, older.job_id
"""
_NOT_RETIRED = (
    "DELETE FROM retired_versions WHERE collection_id = %(collection_id)s AND file_id = ANY(%(fresh)s)"
)
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
    batch_id: UUID | None = None,
    sources: Mapping[UUID, str] = MappingProxyType({}),
) -> None:
    """connection: viewing as viewer, who may change the collection. sources: of which path each file is a version.

    Raises NotFound for a file the viewer does not see and NotPermitted for one that is not their own.
    """
    wanted = dict(additions)
    await _require_own(connection, viewer, list(wanted))
    values = {
        "collection_id": collection_id,
        "ids": list(wanted),
        "attributes": [Jsonb(dict(attributes)) for attributes in wanted.values()],
        "sources": [sources.get(file_id) for file_id in wanted],
    }
    waiting = await (await connection.execute(_WAITING)).fetchone()
    fresh = [row[0] for row in await (await connection.execute(_ATTACH, values)).fetchall()]
    await _set_aside(connection, jobs, collection_id, fresh)
    owned = [(file_id, viewer.user_id) for file_id in fresh]
    await enqueue(connection, jobs, collection_id, owned, waiting[0] if waiting else 0)
    if batch_id is not None:
        batch = {"id": collection_id, "batch_id": batch_id, "ids": list(wanted)}
        await connection.execute(_ADD_BATCH, batch)
        await connection.execute(_FILL_BATCH, batch)
    await connection.execute(_TOUCH, {"id": collection_id})


async def enqueue(
    connection: AsyncConnection,
    jobs: PostgresJobQueue,
    collection_id: UUID,
    owned: Sequence[tuple[UUID, UUID]],
    waiting: int,
) -> None:
    """Put in the jobs that read files. owned: (file, its owner) each. waiting: how many documents stand before them."""
    made = await _jobs(connection, collection_id, owned, waiting)
    numbers = await jobs.enqueue_in(connection, made)
    values = {"collection_id": collection_id, "ids": [file_id for file_id, _ in owned], "jobs": numbers}
    await connection.execute(_NOTE_JOBS, values)


async def _set_aside(
    connection: AsyncConnection, jobs: PostgresJobQueue, collection_id: UUID, fresh: Sequence[UUID]
) -> None:
    values = {"collection_id": collection_id, "fresh": list(fresh)}
    await connection.execute(_NOT_RETIRED, values)
    aside = await (await connection.execute(_SET_ASIDE, values)).fetchall()
    await jobs.cancel_in(connection, [job for _, job in aside if job is not None])
    await connection.execute(NOTE_RETIRED, {"collection_id": collection_id, "ids": [row[0] for row in aside]})


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
    connection: AsyncConnection, collection_id: UUID, owned: Sequence[tuple[UUID, UUID]], waiting: int
) -> list[NewJob]:
    """The job carries the eyes it needs and no more: its owner's, in this collection.

    The more documents of one person wait, the further back the next one goes, so that nobody's thousand files stand
    before somebody's one.
    """
    audience = await (await connection.execute(_AUDIENCE, {"id": collection_id})).fetchone()
    group_id, is_public = audience if audience else (None, False)
    payload = {
        "collection_id": str(collection_id),
        "group_id": str(group_id) if group_id else None,
        "is_public": is_public,
    }
    traces = await _traces(connection, [file_id for file_id, _ in owned])
    return [
        NewJob(
            INGEST_JOB,
            payload | {"file_id": str(file_id), "owner_id": str(owner_id)} | traces.get(file_id, {}),
            lock=f"{collection_id.hex}:{file_id.hex}",
            priority=max(_LOWEST_PRIORITY, -waiting - place),
        )
        for place, (file_id, owner_id) in enumerate(owned)
    ]


async def _traces(
    connection: AsyncConnection, file_ids: Sequence[UUID]
) -> Mapping[UUID, dict[str, list[str]]]:
    """What each job is linked to where traces are kept: who put it in, and the upload of its file."""
    asking = telemetry.traceparent.get()
    if not asking or not file_ids:
        return {}
    query = "SELECT id, traceparent FROM files WHERE id = ANY (%s)"
    rows = await (await connection.execute(query, (list(file_ids),))).fetchall()
    return {
        file_id: {"traces": list(dict.fromkeys(filter(None, (asking, upload))))} for file_id, upload in rows
    }
