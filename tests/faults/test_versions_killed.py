"""kill -9 while versions of documents replace each other: always one of them, never a half.

`--battery` strikes fifty points of each instead of two; the seed is printed.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from appliance.storage.database import Database
from tests.faults.test_ingestion import document, progress, reach, report
from tests.knowledge_harness import Room, WorkerProcess, data, embedder_home, make_box, open_room

pytestmark = pytest.mark.slow

__all__ = ["data", "embedder_home"]

SEED = int(os.environ.get("FAULT_SEED", "20261121"))
FEW, MANY = 2, 50
SOURCES = 3

_SEARCHABLE = """
SELECT cf.source, count(DISTINCT c.file_id), count(*) = max(cf.chunks), bool_and(cf.superseded_by IS NULL)
FROM chunks c JOIN collection_files cf USING (collection_id, file_id) GROUP BY cf.source
"""
_TOTALS = """
SELECT (SELECT coalesce(sum(chunks), 0) FROM collection_totals) = (SELECT count(*) FROM chunks),
       (SELECT coalesce(sum(df), 0) FROM terms) = (SELECT count(*) FROM postings),
       (SELECT count(*) FROM embeddings) = (SELECT count(*) FROM chunks)
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
    """Two seeded points while new versions of documents are read: of each source exactly one is searchable, whole."""
    await _versions_are_replaced(room, worker, maintenance_database, FEW)


@pytest.mark.battery
@pytest.mark.timeout(1800)
async def test_one_version_is_found_at_fifty_points(
    room: Room, worker: WorkerProcess, maintenance_database: Database
) -> None:
    """The same, at fifty."""
    await _versions_are_replaced(room, worker, maintenance_database, MANY)


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


async def _rows(maintenance: Database, query: str) -> list[tuple[object, ...]]:
    async with maintenance.transaction() as connection:
        return sorted(await (await connection.execute(query)).fetchall())
