"""The process that runs the jobs.

A worker that dies is known at once and never by mistake: it holds an advisory lock under its number for as long as its
connection lives, and the jobs of a number that nobody holds are put back. (A heartbeat would have to be slow, or would
take a busy worker for a dead one.)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.worker import Worker
from psycopg import AsyncConnection, OperationalError

from appliance.errors import PartUnavailable
from appliance.ports import JobHandler, RetryLater
from appliance.storage.jobs import QUEUE, WORKER_LOCK_CLASS

logger = logging.getLogger(__name__)

_RESCUE_S = 5.0  # how often jobs of dead workers are looked for, beside the start
_WATCH_S = 1.0
_GRACE_S = 0.3  # running jobs may end by themselves for this long when the worker is stopped
_PRUNE_S = 3600.0

_LIVE_LOCK = "SELECT pg_try_advisory_lock(%s, %s)"
_LOST = """
job.status = 'doing' AND (job.worker_id IS NULL OR NOT EXISTS (
    SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.granted
      AND l.objsubid = 2 AND l.classid = %(lock_class)s AND l.objid = job.worker_id))
"""
_RESCUE = f"""
SELECT procrastinate_retry_job_v2(job.id, now(), NULL, NULL, NULL), job.id, job.task_name
FROM procrastinate_jobs job WHERE NOT job.abort_requested AND {_LOST}
"""  # noqa: S608 - constants only
# What was cancelled while it ran is not run again, and procrastinate refuses to.
_GIVE_UP = f"UPDATE procrastinate_jobs job SET status = 'aborted' WHERE job.abort_requested AND {_LOST}"  # noqa: S608
# A job whose handler broke unforeseen gets another chance at the next start; the handler counts its tries.
_TRY_FAILED = """
SELECT procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL), id, task_name
FROM procrastinate_jobs WHERE status = 'failed'
"""
_TIDY = "DELETE FROM procrastinate_jobs WHERE status IN ('cancelled', 'aborted')"


class _Retry(BaseRetryStrategy):  # type: ignore[misc]  # procrastinate is not followed by mypy
    """Again when the handler asks for it, and at once when the worker was stopped in the middle."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        now = datetime.now(UTC)
        if isinstance(exception, RetryLater):
            return RetryDecision(retry_at=now + timedelta(seconds=exception.delay_s))
        if isinstance(exception, asyncio.CancelledError):
            return RetryDecision(
                retry_at=now
            )  # a job that was cancelled by its owner is not run again for that
        return None


class _WorkerLease:
    """The connection whose life is the worker's life, as far as other workers can tell."""

    def __init__(self, url: str, on_taken: Callable[[], None]) -> None:
        self._url = url
        self._on_taken = on_taken
        self._taken = asyncio.Event()
        self._connection: AsyncConnection | None = None

    async def take(self, worker_id: int) -> None:
        self._connection = await AsyncConnection.connect(
            self._url,
            autocommit=True,
            application_name="appliance worker",
            keepalives_idle=5,
            keepalives_count=3,
        )
        await self._connection.execute(_LIVE_LOCK, (WORKER_LOCK_CLASS, worker_id))
        self._taken.set()
        self._on_taken()

    async def wait_until_lost(self) -> None:
        await self._taken.wait()
        assert self._connection is not None
        while True:
            try:
                await self._connection.execute("SELECT 1")
            except OperationalError:
                return
            await asyncio.sleep(_WATCH_S)

    async def release(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class _LeasedJobManager(JobManager):  # type: ignore[misc]
    """Takes the lease before the first job can be fetched under the worker's number."""

    def __init__(self, connector: PsycopgConnector, lease: _WorkerLease) -> None:
        super().__init__(connector)
        self._lease = lease

    async def register_worker(self) -> int:
        worker_id: int = await super().register_worker()
        await self._lease.take(worker_id)
        return worker_id


class JobWorker:
    """Runs jobs until it is stopped. url: the worker role's address. on_ready: called when the first job may run."""

    def __init__(
        self,
        url: str,
        handlers: Mapping[str, JobHandler],
        *,
        concurrency: int,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._url = url
        self._handlers = dict(handlers)
        self._concurrency = concurrency
        self._on_ready = on_ready
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Returns after `stop`. Raises PartUnavailable when PostgreSQL goes away; the supervisor starts us again."""
        connector = PsycopgConnector(
            conninfo=self._url,
            min_size=1,
            max_size=self._concurrency + 3,
            kwargs={"application_name": "appliance worker"},
            configure=_configure,
        )
        app = App(connector=connector)
        lease = _WorkerLease(self._url, self._on_ready)
        app.job_manager = _LeasedJobManager(connector, lease)
        for name, handler in self._handlers.items():
            app.task(name=name, queue=QUEUE, retry=_Retry())(_as_task(handler))
        try:
            async with app.open_async():
                await self._run(app, lease)
        except (ConnectorException, OperationalError) as error:
            cause = error.__cause__ or error
            raise PartUnavailable(f"PostgreSQL went away while jobs were running ({cause!r}).") from error
        finally:
            await lease.release()

    def stop(self) -> None:
        """Running jobs end at once or are put back."""
        self._stopping.set()

    async def _run(self, app: App, lease: _WorkerLease) -> None:
        await _rescue(app)
        await _try_failed(app)
        worker = Worker(
            app=app,
            queues=[QUEUE],
            concurrency=self._concurrency,
            shutdown_graceful_timeout=_GRACE_S,
            delete_jobs="successful",
            install_signal_handlers=False,
            fetch_job_polling_interval=1.0,
            stalled_worker_timeout=_PRUNE_S,
        )
        running = asyncio.create_task(worker.run())
        lost = asyncio.create_task(lease.wait_until_lost())
        stopping = asyncio.create_task(self._stopping.wait())
        rescuing = asyncio.create_task(_rescue_forever(app))
        try:
            await asyncio.wait([running, lost, stopping], return_when=asyncio.FIRST_COMPLETED)
            if lost.done() and not running.done():
                # Without the database nothing can be put in order: closing the pool ends whatever waits for it.
                running.add_done_callback(_retrieve)
                raise PartUnavailable("The connection to PostgreSQL was lost.")
            worker.stop()  # not before it runs: a worker forgets what it was told earlier
            await running
        finally:
            side = (lost, stopping, rescuing)
            for task in side:
                task.cancel()
            await asyncio.gather(*side, return_exceptions=True)


async def _configure(connection: AsyncConnection) -> None:
    """One round trip a statement, and none waits for the disk.

    What a power failure in that moment may undo is that a job was taken or has ended: it is run again, and finds its
    document read.
    """
    await connection.set_autocommit(True)
    await connection.execute("SET synchronous_commit = off")


def _retrieve(task: asyncio.Task[None]) -> None:
    """Look at how a task ended that nobody waits for, so that asyncio does not complain."""
    if not task.cancelled():
        task.exception()


def _as_task(handler: JobHandler) -> Callable[..., Awaitable[None]]:
    async def run(**payload: Any) -> None:  # noqa: ANN401 - a job's own values
        await handler(payload)

    return run


async def _rescue_forever(app: App) -> None:
    while True:
        await asyncio.sleep(_RESCUE_S)
        try:
            await _rescue(app)
        except ConnectorException:
            logger.warning("jobs of lost workers could not be looked for; trying again")


async def _rescue(app: App) -> None:
    """Put back the jobs whose worker is gone, and forget those that were cancelled."""
    rows = await app.connector.execute_query_all_async(_RESCUE, lock_class=WORKER_LOCK_CLASS)
    for row in rows:
        logger.warning("job %s (%s) lost its worker and is run again", row["id"], row["task_name"])
    await app.connector.execute_query_async(_GIVE_UP, lock_class=WORKER_LOCK_CLASS)
    await app.connector.execute_query_async(_TIDY)


async def _try_failed(app: App) -> None:
    for row in await app.connector.execute_query_all_async(_TRY_FAILED):
        logger.warning("job %s (%s) failed before and is tried again", row["id"], row["task_name"])
