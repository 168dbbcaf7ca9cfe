"""Reading documents while processes are killed: nothing that was accepted is lost, nothing is half there."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from appliance.storage.database import Database
from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from appliance.supervisor.postgres import EmbeddedPostgres
from appliance.supervisor.unprivileged import account_for_servers
from tests.conftest import ROLE_SECRET
from tests.knowledge_harness import (
    PATIENCE_S,
    Room,
    WorkerProcess,
    count_blobs,
    data,
    embedder_home,
    make_box,
    open_room,
    until,
)

pytestmark = pytest.mark.slow

__all__ = ["data", "embedder_home"]

SEED = 20261121
POINTS = 3
DOCUMENTS = 5
SECTIONS = 16  # passages a document, at least

_STATE = """
SELECT cf.status, cf.chunks, cf.attempts,
       (SELECT count(*) FROM chunks c WHERE (c.collection_id, c.file_id) = (cf.collection_id, cf.file_id)),
       (SELECT count(*) FROM chunks c JOIN embeddings e ON e.chunk_id = c.id
        WHERE (c.collection_id, c.file_id) = (cf.collection_id, cf.file_id)),
       (SELECT count(*) FROM pages p WHERE (p.collection_id, p.file_id) = (cf.collection_id, cf.file_id))
FROM collection_files cf
"""
_TOTALS = """
SELECT (SELECT coalesce(sum(chunks), 0) FROM collection_totals), (SELECT count(*) FROM chunks),
       (SELECT coalesce(sum(df), 0) FROM terms), (SELECT count(*) FROM postings)
"""


@pytest.fixture
async def room(owner_url: str, embedder_home: Path, data: Path) -> AsyncIterator[Room]:
    """The doors, without a worker."""
    async with open_room(make_box(owner_url, embedder_home, data)) as opened:
        yield opened


@pytest.fixture
def worker(room: Room) -> Iterator[WorkerProcess]:
    """A worker in a process of its own, not started yet."""
    process = WorkerProcess(room.box)
    yield process
    if process.process is not None and process.process.poll() is None:
        process.kill()


def document(number: int) -> bytes:
    """About SECTIONS passages that are found by their own words."""
    sections = [
        f"## Rule {number}-{section}\n\n"
        + " ".join(
            f"Rule {number}-{section} says that word{number}x{section}x{w} is kept." for w in range(12)
        )
        for section in range(SECTIONS)
    ]
    return (f"# Book {number}\n\n" + "\n\n".join(sections)).encode()


async def require_whole(maintenance: Database) -> int:
    """Every document is searchable if and only if it says so, and all counts are true; returns how many are read."""
    async with maintenance.transaction() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        rows = await (await connection.execute(_STATE)).fetchall()
        totals = await (await connection.execute(_TOTALS)).fetchone()
    for status, chunks, _, stored, embedded, pages in rows:
        expected = chunks if status == "completed" else 0
        assert (stored, embedded) == (expected, expected), rows
        assert (pages > 0) == (status == "completed"), rows
    assert totals is not None and totals[0] == totals[1] and totals[2] == totals[3], totals
    return sum(1 for row in rows if row[0] == "completed")


async def starts(maintenance: Database) -> int:
    """How often the reading of a document was begun."""
    async with maintenance.connection() as connection:
        row = await (await connection.execute("SELECT sum(attempts) FROM collection_files")).fetchone()
    return int(row[0]) if row else 0


async def progress(room: Room, store: str) -> float:
    """Documents read so far, with the parts of those under way."""
    _, files = await room.call("GET", f"/vector_stores/{store}/files?limit=100")
    return sum(float(file["progress"]) for file in files["data"])


async def reach(room: Room, store: str, point: float) -> None:
    """Returns when that many documents, and parts of them, have been read."""
    async with asyncio.timeout(PATIENCE_S):
        while await progress(room, store) < point:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def report(line: str) -> None:
    """For whoever looks at the run: seeds and times are shown, never judged."""
    sys.stdout.write(f"{line}\n")


async def test_killing_the_worker_loses_nothing(
    room: Room, worker: WorkerProcess, maintenance_database: Database
) -> None:
    """kill -9 at three seeded points of a batch: after each everything is whole, and in the end all of it was read."""
    await _reading_is_killed(room, worker, maintenance_database, POINTS, DOCUMENTS)


@pytest.mark.battery
@pytest.mark.timeout(1800)
async def test_killing_the_worker_at_fifty_points(
    room: Room, worker: WorkerProcess, maintenance_database: Database
) -> None:
    """The same at fifty, of a batch ten times as large."""
    await _reading_is_killed(room, worker, maintenance_database, 50, 10 * DOCUMENTS)


async def _reading_is_killed(
    room: Room, worker: WorkerProcess, maintenance: Database, kills: int, documents: int
) -> None:
    store = await room.store()
    files = [await room.upload(document(n), f"book-{n}.md") for n in range(documents)]
    await room.call("POST", f"/vector_stores/{store}/file_batches", json={"file_ids": files})
    seeded = random.Random(SEED)
    points = sorted(seeded.uniform(0, documents) for _ in range(kills))
    report(f"seed {SEED}: killed at {', '.join(f'{point:.2f}' for point in points)} of {documents} documents")

    for point in points:
        started_at, before = time.monotonic(), await starts(maintenance)
        worker.start()
        while await starts(maintenance) == before and await progress(room, store) < documents:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        report(f"the first document was taken up {time.monotonic() - started_at:.2f} s after the start")
        await reach(room, store, point)
        worker.kill()
        await require_whole(maintenance)
    worker.start()
    for file in files:
        assert (await room.settled(store, file))["status"] == "completed"
    assert await require_whole(maintenance) == documents
    for number, file in enumerate(files):
        assert (await room.found(store, f"word{number}x3x7"))[0]["file_id"] == file


async def test_a_document_that_kills_its_worker_again_and_again_is_given_up(
    room: Room, worker: WorkerProcess, maintenance_database: Database, owner_url: str
) -> None:
    """After eight starts the owner reads that it was given up; other documents go on."""
    store, file = await room.store(), await room.upload(document(0), "book.md")
    await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
        await owner.execute("ALTER TABLE collection_files NO FORCE ROW LEVEL SECURITY")
        await owner.execute("UPDATE collection_files SET attempts = 8")
        await owner.execute("ALTER TABLE collection_files FORCE ROW LEVEL SECURITY")
    worker.start()

    read = await room.settled(store, file)

    assert (read["status"], read["last_error"]["reason"]) == ("failed", "reading_interrupted")
    assert await require_whole(maintenance_database) == 0


async def test_removing_a_document_while_it_is_read_leaves_nothing_of_it(
    room: Room, worker: WorkerProcess, maintenance_database: Database
) -> None:
    """Files and vector stores deleted at seeded moments of being read: no passage survives, the worker goes on."""
    points = random.Random(SEED)
    worker.start()
    for number in range(POINTS):
        store, file = await room.store(), await room.upload(document(number), "book.md")
        await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})
        point = points.uniform(0.1, 0.99)
        await reach(room, store, point)
        path = f"/vector_stores/{store}" if number % 2 else f"/files/{file}"
        status, answer = await room.call("DELETE", path)
        assert status == 200, answer
    last, file = await room.store(), await room.upload(b"# Last\n\nThe last one is read.", "last.md")
    await room.call("POST", f"/vector_stores/{last}/files", json={"file_id": file})

    assert (await room.settled(last, file))["status"] == "completed"
    assert worker.stop() == 0
    assert await require_whole(maintenance_database) == 1
    await until(lambda: count_blobs(room.box) <= 1 + POINTS // 2)


async def test_a_document_waits_for_the_embedding_process(
    room: Room, worker: WorkerProcess, embedder_home: Path, maintenance_database: Database
) -> None:
    """While that process is away the document is not refused; once it is back, it is read."""
    room.box.embedder_socket.unlink()
    store, file = await room.store(), await room.upload(document(0), "book.md")
    await room.call("POST", f"/vector_stores/{store}/files", json={"file_id": file})
    worker.start()
    async with asyncio.timeout(PATIENCE_S):
        while not await starts(maintenance_database):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert await require_whole(maintenance_database) == 0

    room.box.embedder_socket.symlink_to(embedder_home / "e.sock")

    assert (await room.settled(store, file))["status"] == "completed"
    assert await require_whole(maintenance_database) == 1


@pytest.mark.battery
async def test_a_database_that_is_killed_comes_back_to_its_work(embedder_home: Path, data: Path) -> None:
    """kill -9 of PostgreSQL in the middle of reading: the worker says so and ends; started again, it reads on."""
    folder = Path(tempfile.mkdtemp(prefix="apl-pg-", dir="/tmp"))
    folder.chmod(0o755)  # noqa: ASYNC240
    postgres = EmbeddedPostgres(folder, "owner-password", account_for_servers())
    postgres.prepare()
    server = _start(postgres)
    try:
        postgres.wait_ready()
        async with await psycopg.AsyncConnection.connect(
            postgres.url(database="postgres"), autocommit=True
        ) as owner:
            await owner.execute("CREATE DATABASE box")
        url = postgres.url(database="box")
        await migrate(url, ROLE_SECRET)
        async with open_room(make_box(url, embedder_home, data)) as room:
            worker = WorkerProcess(room.box)
            store = await room.store()
            files = [await room.upload(document(n), f"book-{n}.md") for n in range(3)]
            await room.call("POST", f"/vector_stores/{store}/file_batches", json={"file_ids": files})
            worker.start()
            await reach(room, store, 1.2)

            server.kill()
            server.wait()
            assert worker.process is not None
            assert worker.process.wait(60) == 75
            status, answer = await room.call("GET", "/vector_stores")
            assert (status, answer["error"]["code"]) == (503, "part_unavailable")
            server = _start(postgres)
            postgres.wait_ready()
            worker.start()

            for file in files:
                assert (await room.settled(store, file))["status"] == "completed"
            maintenance = Database(url_as(url, DatabaseRole.MAINTENANCE, ROLE_SECRET))
            await maintenance.open()
            assert await require_whole(maintenance) == 3
            await maintenance.close()
            assert worker.stop() == 0
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _start(postgres: EmbeddedPostgres) -> subprocess.Popen[bytes]:
    return subprocess.Popen(postgres.command(), stderr=subprocess.DEVNULL)
