"""Work of the background for administrators: what failed, waits and runs, of everybody.

Documents that could not be read are rows of their collections; other jobs are rows of the queue. Names are looked up
with the administrator's own eyes, so those of private documents are not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from appliance.domain.administration import Job, JobStatus
from appliance.domain.people import AccountEvent, Viewer
from appliance.domain.refusals import Told
from appliance.errors import JobBroke, NotFound
from appliance.ports import INGEST_JOB
from appliance.storage.accounts import PostgresUsers, record_event
from appliance.storage.database import Database
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.retrying import retry

_DOCUMENTS: LiteralString = """
SELECT d.collection_id, d.file_id, f.filename, c.name, u.email, d.reason, cf.error_message, d.attempts, d.failed_at
FROM failed_documents(%(limit)s) d
     LEFT JOIN files f ON f.id = d.file_id LEFT JOIN collections c ON c.id = d.collection_id
     LEFT JOIN collection_files cf ON cf.collection_id = d.collection_id AND cf.file_id = d.file_id
     LEFT JOIN users u ON u.id = d.owner_id
ORDER BY d.failed_at DESC, d.file_id
"""
_JOBS: LiteralString = """
SELECT j.id, j.task_name, f.filename, c.name, u.email, j.attempts,
       (SELECT max(e.at) FROM procrastinate_events e WHERE e.job_id = j.id)
FROM procrastinate_jobs j
     LEFT JOIN files f ON f.id = CASE WHEN j.task_name = %(ingest)s THEN (j.args ->> 'file_id')::uuid END
     LEFT JOIN collections c ON c.id = CASE WHEN j.task_name = %(ingest)s THEN (j.args ->> 'collection_id')::uuid END
     LEFT JOIN users u ON u.id = CASE WHEN j.task_name = %(ingest)s THEN (j.args ->> 'owner_id')::uuid END
WHERE j.status = %(status)s::procrastinate_job_status ORDER BY j.priority DESC, j.id LIMIT %(limit)s
"""
_COUNTS: LiteralString = """
SELECT (SELECT count(*) FROM failed_documents(100000)) + count(*) FILTER (WHERE status = 'failed'),
       count(*) FILTER (WHERE status = 'todo'), count(*) FILTER (WHERE status = 'doing')
FROM procrastinate_jobs WHERE status IN ('failed', 'todo', 'doing')
"""
_OWNER = "SELECT owner_id FROM failed_documents(100000) WHERE collection_id = %s AND file_id = %s"
_AGAIN = """
SELECT procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL) FROM procrastinate_jobs
WHERE id = %s AND status = 'failed'
"""
_STATUS: dict[JobStatus, str] = {"failed": "failed", "waiting": "todo", "running": "doing"}


class PostgresFailedJobs:
    """Fulfils services.jobs_overview.JobsRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue = PostgresJobQueue(database)
        self._users = PostgresUsers(database)

    async def jobs(self, viewer: Viewer, status: JobStatus, limit: int) -> Sequence[Job]:
        values = {"status": _STATUS[status], "limit": limit, "ingest": INGEST_JOB}
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_JOBS, values)).fetchall()
            documents = []
            if status == "failed":
                documents = await (await connection.execute(_DOCUMENTS, values)).fetchall()
        reason, why = (JobBroke.code, str(JobBroke())) if status == "failed" else (None, None)
        queued = [
            Job(
                f"job-{number}",
                task,
                status,
                name,
                collection,
                owner,
                reason,
                why,
                attempts,
                moment,
            )
            for number, task, name, collection, owner, attempts, moment in rows
        ]
        return [_failed_document(*row) for row in documents] + queued

    async def counts(self, viewer: Viewer) -> dict[JobStatus, int]:
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_COUNTS)).fetchone()
        failed, waiting, running = row or (0, 0, 0)
        return {"failed": failed, "waiting": waiting, "running": running}

    async def retry_document(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> None:
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_OWNER, (collection_id, file_id))).fetchone()
        owner = None if row is None else await self._users.user(row[0])
        if owner is None:
            raise NotFound(Told("job_not_failed"))
        event = AccountEvent(
            "job.retried",
            viewer.user_id,
            owner.id,
            {"collection_id": str(collection_id), "file_id": str(file_id)},
        )
        # With the owner's eyes, as the first time: an administrator's do not reach into what is private.
        async with self._database.viewing(Viewer(owner.id, owner.group_ids, owner.role)) as connection:
            if await retry(connection, self._queue, collection_id, file_id) == 0:
                raise NotFound(Told("job_not_failed"))
            await record_event(connection, event)

    async def retry_job(self, viewer: Viewer, number: int) -> None:
        event = AccountEvent("job.retried", viewer.user_id, detail={"job": number})
        async with self._database.transaction() as connection:
            if (await connection.execute(_AGAIN, (number,))).rowcount == 0:
                raise NotFound(Told("job_not_failed"))
            await record_event(connection, event)


def _failed_document(
    collection_id: UUID,
    file_id: UUID,
    name: str | None,
    collection: str | None,
    owner: str | None,
    reason: str | None,
    message: str | None,
    attempts: int,
    failed_at: datetime | None,
) -> Job:
    job_id = f"ingest-{collection_id.hex}-{file_id.hex}"
    return Job(
        job_id,
        INGEST_JOB,
        "failed",
        name,
        collection,
        owner,
        reason,
        message if name is not None else None,  # it may repeat words of the document
        attempts,
        failed_at,
    )
