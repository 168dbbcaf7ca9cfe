"""The queue: durable, part of the caller's transaction, and never stuck behind a dead worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from appliance.errors import PartUnavailable
from appliance.ports import JobHandler, RetryLater
from appliance.storage.database import Database
from appliance.storage.job_worker import JobWorker
from appliance.storage.jobs import NewJob, PostgresJobQueue
from appliance.storage.roles import DatabaseRole, url_as
from tests.conftest import ROLE_SECRET


@asynccontextmanager
async def working(
    owner_url: str, handlers: Mapping[str, JobHandler], concurrency: int = 2
) -> AsyncIterator[JobWorker]:
    """A real worker in this process."""
    worker = JobWorker(url_as(owner_url, DatabaseRole.WORKER, ROLE_SECRET), handlers, concurrency=concurrency)
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop()
        await asyncio.wait_for(running, 60)


async def test_a_job_runs_once_and_leaves_the_queue(owner_url: str, database: Database) -> None:
    """What is put in is done, with its payload, and done jobs do not pile up."""
    queue, seen, done = PostgresJobQueue(database), list[Mapping[str, Any]](), asyncio.Event()

    async def handle(payload: Mapping[str, Any]) -> None:
        seen.append(payload)
        done.set()

    async with working(owner_url, {"greet": handle}):
        await queue.enqueue("greet", {"name": "Ana", "n": 3})
        await asyncio.wait_for(done.wait(), 60)

    assert seen == [{"name": "Ana", "n": 3}]
    assert await queue.depth() == {"todo": 0, "doing": 0}


async def test_a_job_of_a_transaction_that_fails_does_not_exist(database: Database) -> None:
    """Nothing is put in before the caller's own rows are there."""
    queue = PostgresJobQueue(database)

    with pytest.raises(RuntimeError, match="on second thoughts"):
        async with database.transaction() as connection:
            await queue.enqueue_in(connection, [NewJob("greet", {})])
            raise RuntimeError("on second thoughts")

    assert (await queue.depth())["todo"] == 0


async def test_a_handler_may_ask_for_another_try(owner_url: str, database: Database) -> None:
    """RetryLater runs the job again."""
    queue, tries, done = PostgresJobQueue(database), list[int](), asyncio.Event()

    async def handle(payload: Mapping[str, Any]) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise RetryLater(0.0)
        done.set()

    async with working(owner_url, {"flaky": handle}):
        await queue.enqueue("flaky", {})
        await asyncio.wait_for(done.wait(), 60)

    assert len(tries) == 3


async def test_a_cancelled_job_is_stopped_in_the_middle_and_not_run_again(
    owner_url: str, database: Database
) -> None:
    """Cancelling a running job ends it at once; a waiting one never starts."""
    queue, started, ended, runs = PostgresJobQueue(database), asyncio.Event(), asyncio.Event(), list[int]()

    async def handle(payload: Mapping[str, Any]) -> None:
        runs.append(1)
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with working(owner_url, {"long": handle}, concurrency=1):
        running = await queue.enqueue("long", {})
        await asyncio.wait_for(started.wait(), 60)
        waiting = await queue.enqueue("long", {})
        await queue.cancel(waiting)
        await queue.cancel(running)
        await asyncio.wait_for(ended.wait(), 60)
        while (await queue.depth())["doing"]:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.01)

    assert (len(runs), await queue.depth()) == (1, {"todo": 0, "doing": 0})


async def test_stopping_the_worker_puts_running_jobs_back(owner_url: str, database: Database) -> None:
    """A restart in the middle loses nothing."""
    queue, started, finished = PostgresJobQueue(database), asyncio.Event(), asyncio.Event()

    async def hang(payload: Mapping[str, Any]) -> None:
        started.set()
        await asyncio.Event().wait()

    async def succeed(payload: Mapping[str, Any]) -> None:
        finished.set()

    async with working(owner_url, {"work": hang}):
        await queue.enqueue("work", {})
        await asyncio.wait_for(started.wait(), 60)
    assert await queue.depth() == {"todo": 1, "doing": 0}
    async with working(owner_url, {"work": succeed}):
        await asyncio.wait_for(finished.wait(), 60)


async def test_a_worker_that_is_stopped_before_it_runs_ends(owner_url: str) -> None:
    """A stop during the start is not forgotten."""
    worker = JobWorker(url_as(owner_url, DatabaseRole.WORKER, ROLE_SECRET), {}, concurrency=1)
    worker.stop()

    await asyncio.wait_for(worker.run(), 60)


async def test_a_worker_says_when_the_database_goes_away(
    owner_url: str, database: Database, maintenance_database: Database
) -> None:
    """A worker without its database ends with an error, so that it is started again, instead of idling."""
    worker = JobWorker(url_as(owner_url, DatabaseRole.WORKER, ROLE_SECRET), {}, concurrency=1)
    running = asyncio.create_task(worker.run())
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
        while True:
            cut = await owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'appliance worker' AND datname = current_database() "
                # the connection whose life is the worker's: others come back by themselves
                "AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)"
            )
            if cut.rowcount:
                break
            await asyncio.sleep(0.05)

    with pytest.raises(PartUnavailable):
        await asyncio.wait_for(running, 60)


async def test_a_job_that_broke_is_tried_again_at_the_next_start(owner_url: str, database: Database) -> None:
    """An unforeseen error stops nothing else, and is not the end of the job."""
    queue, done, after = PostgresJobQueue(database), asyncio.Event(), asyncio.Event()

    async def break_down(payload: Mapping[str, Any]) -> None:
        if payload["breaks"]:
            raise ZeroDivisionError
        after.set()

    async def succeed(payload: Mapping[str, Any]) -> None:
        done.set()

    async with working(owner_url, {"work": break_down}, concurrency=1):
        await queue.enqueue("work", {"breaks": True})
        await queue.enqueue("work", {"breaks": False})
        await asyncio.wait_for(after.wait(), 60)
    async with working(owner_url, {"work": succeed}):
        await asyncio.wait_for(done.wait(), 60)
