"""kill -9 while versions replace each other and while documents are deleted: always one of them, never a half.

`--battery` strikes fifty points of each instead of five; the seed is printed.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from tests.conftest import ROLE_SECRET
from tests.faults.test_ingestion import document, progress, reach, report
from tests.ingestion_desk import Desk, ana
from tests.ingestion_desk import document as boxed
from tests.knowledge_harness import Room, WorkerProcess, data, embedder_home, make_box, open_room

pytestmark = pytest.mark.slow

__all__ = ["data", "embedder_home"]

SEED = int(os.environ.get("FAULT_SEED", "20261121"))
FEW, MANY = 5, 50
SOURCES = 3
ANA = ana()

_SEARCHABLE = """
SELECT cf.source, count(DISTINCT c.file_id), count(*) = max(cf.chunks), bool_and(cf.superseded_by IS NULL)
FROM chunks c JOIN collection_files cf USING (collection_id, file_id) GROUP BY cf.source
"""
_TOTALS = """
SELECT (SELECT coalesce(sum(chunks), 0) FROM collection_totals) = (SELECT count(*) FROM chunks),
       (SELECT coalesce(sum(df), 0) FROM terms) = (SELECT count(*) FROM postings),
       (SELECT count(*) FROM embeddings) = (SELECT count(*) FROM chunks)
"""
_LEFT = """
SELECT (SELECT count(*) FROM files), (SELECT count(*) FROM collection_files),
       (SELECT count(DISTINCT file_id) FROM chunks),
       (SELECT count(DISTINCT file_id) FROM pages), (SELECT count(*) FROM blobs WHERE refs > 0)
"""
# Deletes a file as the gateway does, as soon as it is told to.
_DELETION = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from appliance.storage.database import Database
from tests.ingestion_desk import Desk, ana
async def main(api, worker, folder, file):
    async def opened(url):
        database = Database(url, pool_size=2)
        await database.open()
        return database
    desk = Desk(await opened(api), await opened(worker), Path(folder))
    print("ready", flush=True)
    sys.stdin.readline()
    await desk.knowledge.remove_file(ana(), UUID(file))
    print("done", flush=True)
asyncio.run(main(*sys.argv[1:]))
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


async def test_one_version_is_found_whenever_the_worker_is_killed(
    room: Room, worker: WorkerProcess, maintenance_database: Database
) -> None:
    """Five seeded points while new versions of documents are read: of each source exactly one is searchable, whole."""
    await _versions_are_replaced(room, worker, maintenance_database, FEW)


@pytest.mark.battery
@pytest.mark.timeout(1800)
async def test_one_version_is_found_at_fifty_points(
    room: Room, worker: WorkerProcess, maintenance_database: Database
) -> None:
    """The same, at fifty."""
    await _versions_are_replaced(room, worker, maintenance_database, MANY)


async def test_a_killed_deletion_is_whole_or_did_not_happen(
    owner_url: str,
    database: Database,
    worker_database: Database,
    maintenance_database: Database,
    tmp_path: Path,
) -> None:
    """Five seeded moments in deleting an archive: all of it is there or nothing, and deleting it again is right."""
    desk = Desk(database, worker_database, tmp_path)
    await _deletions_are_killed(desk, owner_url, maintenance_database, tmp_path, FEW)


@pytest.mark.battery
@pytest.mark.timeout(1800)
async def test_fifty_killed_deletions(
    owner_url: str,
    database: Database,
    worker_database: Database,
    maintenance_database: Database,
    tmp_path: Path,
) -> None:
    """The same, fifty times."""
    desk = Desk(database, worker_database, tmp_path)
    await _deletions_are_killed(desk, owner_url, maintenance_database, tmp_path, MANY)


async def _versions_are_replaced(
    room: Room, worker: WorkerProcess, maintenance: Database, points: int
) -> None:
    seeded, store = random.Random(SEED), await room.store()
    worker.start()
    files = [await _send(room, store, 0, source) for source in range(SOURCES)]
    for file in files:
        assert (await room.settled(store, file))["status"] == "completed"
    report(f"seed {SEED}: {points} points")
    for version in range(1, points + 1):
        files = [await _send(room, store, version, source) for source in range(SOURCES)]
        await reach(room, store, min(seeded.uniform(0, SOURCES), SOURCES - 0.05))
        worker.kill()
        assert await _rows(maintenance, _SEARCHABLE) == [
            (f"/f/{n}.md", 1, True, True) for n in range(SOURCES)
        ]
        assert await _rows(maintenance, _TOTALS) == [(True, True, True)]
        worker.start()
    supervising = asyncio.create_task(_supervise(worker))
    for file in files:
        assert (await room.settled(store, file))["status"] == "completed"
    supervising.cancel()
    assert await progress(room, store) == SOURCES
    for source, file in enumerate(files):
        found = await room.found(store, f"word{points * SOURCES + source}x3x7")
        assert found[0]["file_id"] == file


async def _supervise(worker: WorkerProcess) -> None:
    """Start the worker again when it ends by itself (75: it lost the database), as the supervisor does."""
    while True:
        await asyncio.sleep(0.2)
        if worker.process is not None and worker.process.poll() == 75:
            worker.start()


async def _send(room: Room, store: str, version: int, source: int) -> str:
    file = await room.upload(document(version * SOURCES + source), f"{source}.md")
    body = {"file_id": file, "source": f"/f/{source}.md"}
    status, answer = await room.call("POST", f"/vector_stores/{store}/files", json=body)
    assert status == 200, answer
    return file


async def _deletions_are_killed(
    desk: Desk, owner_url: str, maintenance: Database, folder: Path, points: int
) -> None:
    seeded, shelf, outcomes = random.Random(SEED), await desk.collection(ANA), {"whole": 0, "gone": 0}
    inside = {f"{n}.json": {"pages": [f"leaf {n} " * 40], "inside": {}, "notes": []} for n in range(12)}
    file = None
    for point in range(points):
        if file is None:
            file = await desk.add(ANA, shelf, boxed(f"root {point}", inside=inside), "box.zip")
            await desk.work()
            whole = (await _rows(maintenance, _LEFT))[0]
            assert whole[:4] == (13, 13, 13, 13)
        after_s = seeded.uniform(0, 0.4)
        await asyncio.to_thread(_kill_deletion, owner_url, folder, file, after_s)
        left = (await _rows(maintenance, _LEFT))[0]
        assert left in (whole, (0, 0, 0, 0, 0)), left
        assert await _rows(maintenance, _TOTALS) == [(True, True, True)]
        outcomes["gone" if left[0] == 0 else "whole"] += 1
        file = None if left[0] == 0 else file
    report(f"seed {SEED}: {outcomes}")
    if file is not None:
        await desk.knowledge.remove_file(ANA, file)
    await desk.blobs.sweep()
    assert (await _rows(maintenance, "SELECT count(*) FROM blobs"))[0] == (0,)
    assert [path for path in folder.rglob("*") if path.is_file()] == []  # noqa: ASYNC240


def _kill_deletion(owner_url: str, folder: Path, file: UUID, after_s: float) -> None:
    urls = [url_as(owner_url, role, ROLE_SECRET) for role in (DatabaseRole.API, DatabaseRole.WORKER)]
    words = [sys.executable, "-c", _DELETION, *urls, str(folder), str(file)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, **pipes, env={**os.environ, "PYTHONPATH": os.getcwd()}) as process:  # type: ignore[call-overload]  # noqa: PTH109
        assert process.stdout.readline() == b"ready\n"
        process.stdin.write(b"\n")
        process.stdin.flush()
        try:
            assert process.wait(after_s) == 0
        except subprocess.TimeoutExpired:
            process.kill()


async def _rows(maintenance: Database, query: str) -> list[tuple[object, ...]]:
    async with maintenance.transaction() as connection:
        return sorted(await (await connection.execute(query)).fetchall())
