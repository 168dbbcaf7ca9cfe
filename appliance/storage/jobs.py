"""Durable jobs in PostgreSQL, through procrastinate's tables.

Putting a job in is part of the caller's transaction where it hands its connection over. Who runs the jobs:
storage/job_worker.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Job
from psycopg import AsyncConnection

from appliance.storage.database import Database

QUEUE = "documents"
WORKER_LOCK_CLASS = 7_305_108  # of the workers' advisory locks; any number, the same for every process
# true while a worker's connection lives: known at once, and never by mistake
WORKER_LIVES = """
SELECT EXISTS (SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted
      AND l.objsubid = 2 AND l.classid = %s)
"""
_CANCEL = "SELECT procrastinate_cancel_job_v1(id, true, false) FROM unnest(%s::bigint[]) AS job (id)"
_WAITING = (
    "SELECT status::text, count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') GROUP BY 1"
)


@dataclass(frozen=True, slots=True)
class NewJob:
    """payload: JSON values only. A higher priority goes first; jobs with the same lock run one after the other."""

    task: str
    payload: Mapping[str, Any]
    lock: str | None = None
    priority: int = 0


class PostgresJobQueue:
    """Fulfils appliance.ports.JobQueue, and puts jobs into somebody else's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._app = App(
            connector=PsycopgConnector()
        )  # never opened: it writes on the connections it is handed

    async def enqueue(self, task: str, payload: Mapping[str, Any], *, lock: str | None = None) -> int:
        async with self._database.transaction() as connection:
            return (await self.enqueue_in(connection, [NewJob(task, payload, lock)]))[0]

    async def enqueue_in(self, connection: AsyncConnection, jobs: Sequence[NewJob]) -> list[int]:
        """The jobs exist if and only if the connection's transaction commits; returns their numbers, in order."""
        if not jobs:
            return []
        deferred = await self._app.job_manager.batch_defer_jobs_async(
            [
                Job(
                    id=None,
                    queue=QUEUE,
                    task_name=job.task,
                    lock=job.lock,
                    queueing_lock=None,
                    priority=job.priority,
                    task_kwargs=dict(job.payload),
                )
                for job in jobs
            ],
            connection=connection,
        )
        return [job.id for job in deferred]

    async def cancel(self, job_id: int) -> None:
        async with self._database.connection() as connection:
            await self.cancel_in(connection, [job_id])

    async def cancel_in(self, connection: AsyncConnection, job_ids: Sequence[int]) -> None:
        """A waiting job never starts; a running one is told to stop at once."""
        await connection.execute(_CANCEL, (list(job_ids),))

    async def depth(self) -> dict[str, int]:
        """How many jobs are waiting ("todo") and running ("doing")."""
        async with self._database.connection() as connection:
            rows = await (await connection.execute(_WAITING)).fetchall()
        return {"todo": 0, "doing": 0} | {str(status): int(count) for status, count in rows}
