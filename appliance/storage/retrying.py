"""Reading again what failed or was cancelled, and not reading what is not wanted any more."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from psycopg import AsyncConnection

from appliance.errors import NotFound
from appliance.storage.attaching import enqueue
from appliance.storage.jobs import PostgresJobQueue

_EXISTS = "SELECT 1 FROM collection_files WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s"
_RETRY = """
UPDATE collection_files SET status = 'in_progress', stage = 'waiting', progress = 0, attempts = 0, pages_done = 0,
    error_code = NULL, error_message = NULL, started_at = NULL, finished_at = NULL, updated_at = now()
WHERE collection_id = %(collection_id)s AND superseded_by IS NULL AND (
    file_id = %(file_id)s AND status IN ('failed', 'cancelled') OR %(file_id)s::uuid IS NULL AND status = 'failed')
RETURNING file_id, owner_id
"""
# With what lies in it: whoever stops reading an archive means its members too.
_CANCEL = """
WITH RECURSIVE inside AS (
    SELECT %(file_id)s::uuid AS id
    UNION ALL SELECT f.id FROM files f JOIN inside ON f.parent_id = inside.id)
UPDATE collection_files SET status = 'cancelled', finished_at = now(), updated_at = now()
WHERE collection_id = %(collection_id)s AND status = 'in_progress' AND file_id IN (SELECT id FROM inside)
RETURNING job_id
"""
_SOURCE = """
UPDATE collection_files SET source = coalesce(source, %(source)s)
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND superseded_by IS NULL
RETURNING source
"""


async def retry(
    connection: AsyncConnection, jobs: PostgresJobQueue, collection_id: UUID, file_id: UUID | None
) -> int:
    """Put one document, or all that failed, back into the queue; returns how many."""
    values = {"collection_id": collection_id, "file_id": file_id}
    if file_id is not None:
        await _require(connection, values)
    owned = await (await connection.execute(_RETRY, values)).fetchall()
    await enqueue(connection, jobs, collection_id, [(file, owner) for file, owner in owned], 0)
    return len(owned)


async def cancel(
    connection: AsyncConnection, jobs: PostgresJobQueue, collection_id: UUID, file_id: UUID
) -> None:
    """A document that has not been read yet is not going to be; one that has stays as it is."""
    values = {"collection_id": collection_id, "file_id": file_id}
    await _require(connection, values)
    cancelled = await (await connection.execute(_CANCEL, values)).fetchall()
    await jobs.cancel_in(connection, [job for (job,) in cancelled if job is not None])


async def source_of(connection: AsyncConnection, collection_id: UUID, file_id: UUID) -> str:
    """Of what the file is a version; one that was uploaded by itself is the first version of itself."""
    values = {"collection_id": collection_id, "file_id": file_id, "source": f"file-{file_id.hex}"}
    row = await (await connection.execute(_SOURCE, values)).fetchone()
    if row is None:
        raise NotFound(f"No file has the id 'file-{file_id.hex}' in this vector store.", param="replaces")
    return str(row[0])


async def _require(connection: AsyncConnection, values: Mapping[str, UUID | None]) -> None:
    if await (await connection.execute(_EXISTS, values)).fetchone() is None:
        file_id = values["file_id"]
        assert file_id is not None
        raise NotFound(f"No file has the id 'file-{file_id.hex}' in this vector store.")
