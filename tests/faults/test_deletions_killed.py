"""kill -9 while a file, a collection or a person is deleted: all of it or nothing, and doing it again ends it.

`--battery` strikes fifty moments of each instead of two; the seed is printed.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import time
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol
from uuid import UUID

import psycopg
import pytest

from appliance.bootstrap.box import open_box
from appliance.bootstrap.removal import remove_person
from appliance.domain.documents import Audience
from appliance.domain.people import Caller, Role
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from tests.conftest import ROLE_SECRET, Servers
from tests.faults.test_ingestion import report
from tests.ingestion_desk import Desk, ana, document

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("FAULT_SEED", "20261121"))
FEW, MANY = 2, 50
_PATIENCE_S = 400.0  # with a process that starts, or works, on a machine that does much else
DOCUMENTS = 8
STAFF = UUID(int=77)
ANA, HEIR = ana(), Caller(UUID(int=5), "heir@example.com", Role.USER, frozenset({STAFF}))

_COUNTS = """
SELECT (SELECT count(*) FROM collections), (SELECT count(*) FROM collection_files), (SELECT count(*) FROM files),
       (SELECT count(DISTINCT file_id) FROM chunks), (SELECT count(DISTINCT file_id) FROM pages)
"""
# One row a document: whether what the index has of it is what its row says, and whether all sums are true.
_WHOLE = """
SELECT coalesce(bool_and(cf.chunks = (SELECT count(*) FROM chunks c WHERE c.collection_id = cf.collection_id
                                      AND c.file_id = cf.file_id)), true),
       (SELECT count(*) FROM embeddings) = (SELECT count(*) FROM chunks),
       (SELECT coalesce(sum(chunks), 0) FROM collection_totals) = (SELECT count(*) FROM chunks),
       (SELECT coalesce(sum(df), 0) FROM terms) = (SELECT count(*) FROM postings),
       (SELECT coalesce(sum(refs), 0) FROM blobs) = (SELECT count(*) FROM files)
FROM collection_files cf WHERE cf.status = 'completed'
"""
_THEIRS = """
SELECT (SELECT count(*) FROM users WHERE id = %(id)s) + (SELECT count(*) FROM files WHERE owner_id = %(id)s)
     + (SELECT count(*) FROM collections WHERE owner_user_id = %(id)s)
     + (SELECT count(*) FROM collection_files WHERE owner_id = %(id)s)
"""


@dataclass(frozen=True)
class Deletion:
    """What a process of its own deletes, as the gateway or the command does, once it is told to."""

    urls: tuple[str, str]
    data: Path
    collection: UUID | None = None
    file: UUID | None = None
    with_files: bool = False

    def run(self, told: Connection) -> None:
        asyncio.run(self._run(told))

    async def _run(self, told: Connection) -> None:
        if self.collection is None:
            box = open_box(self.data)
            told.send("ready")
            told.recv()
            await remove_person(box, ANA.email, HEIR.email)
        else:
            api, worker = [Database(url, pool_size=2) for url in self.urls]
            await api.open()
            await worker.open()
            desk = Desk(api, worker, self.data)
            await desk.knowledge.collection(ANA, self.collection)  # connected, as a gateway is
            told.send("ready")
            told.recv()
            if self.file is not None:
                await desk.knowledge.remove_file(ANA, self.file)
            elif self.with_files:
                await desk.knowledge.remove_collection_with_files(ANA, self.collection)
            else:
                await desk.knowledge.remove_collection(ANA, self.collection)
        told.send("done")
        told.recv()


class Struck(Protocol):
    """Tells that it is ready, waits for a word, does it, tells that it is done and waits to be killed."""

    def run(self, told: Connection) -> None: ...


class Striker:
    """Runs deletions in processes of their own and kills them at moments of the seed.

    Moments are shares of how long the deletion takes, and a little beyond; how long that is, the kills tell.
    """

    def __init__(self, seed: int) -> None:
        self._seeded = random.Random(seed)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self.whole_s = 0.5

    def strike(self, deletion: Struck, *, spare: bool = False) -> None:
        """Returns when the process is gone. spare: let it end."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=deletion.run, args=(theirs,), daemon=True)
        process.start()
        assert ours.poll(_PATIENCE_S) and ours.recv() == "ready"
        begun = time.monotonic()
        ours.send("go")
        ended = ours.poll(_PATIENCE_S if spare else self._seeded.uniform(0, 1.2) * self.whole_s)
        if ended:
            assert ours.recv() == "done"
            self.whole_s = time.monotonic() - begun
        else:
            self.whole_s *= 1.3  # it takes longer than was thought
        assert ended or not spare
        process.kill()
        process.join()


@pytest.fixture
def box_folder(owner_url: str, servers: Servers, tmp_path: Path) -> Path:
    """A data folder for that database, whose people have accounts."""
    (tmp_path / "appliance.toml").write_text(
        f'[database]\nurl = "{owner_url}"\nrole_secret = "{ROLE_SECRET}"\n'
        f'[valkey]\nurl = "{servers.valkey.url}"\n',
        encoding="utf-8",
    )
    with psycopg.connect(owner_url) as connection:
        connection.execute("INSERT INTO groups (id, name, name_key) VALUES (%s, 'Staff', 'staff')", (STAFF,))
    for caller in (ANA, HEIR):
        add_account(owner_url, caller)
    return tmp_path


@pytest.mark.parametrize("points", [FEW, pytest.param(MANY, marks=pytest.mark.battery)])
@pytest.mark.timeout(1800)
async def test_a_collection_killed_in_its_deletion_is_whole_or_gone(
    points: int, owner_url: str, box_folder: Path, database: Database, worker_database: Database
) -> None:
    """After each kill all of it is there or nothing; the files stay their owner's; it can be deleted again."""
    desk, striker = Desk(database, worker_database, box_folder), Striker(SEED)
    outcomes, shelf, made = {"whole": 0, "gone": 0}, None, 0
    for _ in range(points):
        if shelf is None:
            shelf, made = await filled(desk, ANA, made), made + DOCUMENTS
        await asyncio.to_thread(striker.strike, Deletion(urls(owner_url), box_folder, shelf))

        counts = one(owner_url, _COUNTS)
        whole = (1, DOCUMENTS, made, DOCUMENTS, DOCUMENTS)
        assert counts in (whole, (0, 0, made, 0, 0)), counts
        assert all(one(owner_url, _WHOLE))
        outcomes["whole" if counts == whole else "gone"] += 1
        shelf = shelf if counts == whole else None
    receipts = one(owner_url, "SELECT count(*) FROM receipts WHERE kind = 'collection'")
    report(f"seed {SEED}, {points} deletions of a collection: {outcomes}")
    assert receipts == (outcomes["gone"],)


@pytest.mark.parametrize("points", [FEW, pytest.param(MANY, marks=pytest.mark.battery)])
@pytest.mark.timeout(1800)
async def test_a_collection_killed_in_its_deletion_with_its_files_is_whole_or_gone(
    points: int, owner_url: str, box_folder: Path, database: Database, worker_database: Database
) -> None:
    """After each kill all documents and files are there or none, each that went has a receipt, and no byte stays."""
    desk, striker = Desk(database, worker_database, box_folder), Striker(SEED + 3)
    outcomes, shelf, made = {"whole": 0, "gone": 0}, None, 0
    whole = (1, DOCUMENTS, DOCUMENTS, DOCUMENTS, DOCUMENTS)
    for _ in range(points):
        if shelf is None:
            shelf, made = await filled(desk, ANA, made), made + DOCUMENTS
        deletion = Deletion(urls(owner_url), box_folder, shelf, with_files=True)
        await asyncio.to_thread(striker.strike, deletion)

        counts = one(owner_url, _COUNTS)
        assert counts in (whole, (0, 0, 0, 0, 0)), counts
        assert all(one(owner_url, _WHOLE))
        outcomes["whole" if counts == whole else "gone"] += 1
        shelf = shelf if counts == whole else None
    report(f"seed {SEED}, {points} deletions of a collection with its files: {outcomes}")
    receipts = one(owner_url, "SELECT count(*), count(*) FILTER (WHERE kind = 'collection') FROM receipts")
    assert receipts == (outcomes["gone"] * (1 + DOCUMENTS), outcomes["gone"])
    if shelf is not None:
        await desk.knowledge.remove_collection_with_files(ANA, shelf)
    await desk.blobs.sweep()
    assert [path for path in (box_folder / "blobs").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("points", [FEW, pytest.param(MANY, marks=pytest.mark.battery)])
@pytest.mark.timeout(1800)
async def test_an_archive_killed_in_its_deletion_is_whole_or_gone(
    points: int, owner_url: str, box_folder: Path, database: Database, worker_database: Database
) -> None:
    """With all that lies in it: after each kill every document of it is there or none, and so are the bytes."""
    desk, striker = Desk(database, worker_database, box_folder), Striker(SEED + 2)
    outcomes, shelf, file = {"whole": 0, "gone": 0}, await desk.collection(ANA), None
    inside = {
        f"{n}.json": {"pages": [f"leaf {n} " * 40], "inside": {}, "notes": []} for n in range(DOCUMENTS)
    }
    whole = (1, 1 + DOCUMENTS, 1 + DOCUMENTS, 1 + DOCUMENTS, 1 + DOCUMENTS)
    for point in range(points):
        if file is None:
            file = await desk.add(ANA, shelf, document(f"root {point}", inside=inside), "box.zip")
            await desk.work()
        await asyncio.to_thread(striker.strike, Deletion(urls(owner_url), box_folder, shelf, file))

        counts = one(owner_url, _COUNTS)
        assert counts in (whole, (1, 0, 0, 0, 0)), counts
        assert all(one(owner_url, _WHOLE))
        outcomes["whole" if counts == whole else "gone"] += 1
        file = file if counts == whole else None
    report(f"seed {SEED}, {points} deletions of an archive: {outcomes}")
    if file is not None:
        await desk.knowledge.remove_file(ANA, file)
    await desk.blobs.sweep()
    assert one(owner_url, "SELECT count(*) FROM blobs") == (0,)
    assert [path for path in (box_folder / "blobs").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("points", [FEW, pytest.param(MANY, marks=pytest.mark.battery)])
@pytest.mark.timeout(1800)
async def test_a_person_killed_in_their_removal_can_be_removed_again(
    points: int, owner_url: str, box_folder: Path, database: Database, worker_database: Database
) -> None:
    """After each kill no document is half there; the next removal ends it, and what they gave to others is found."""
    desk, striker = Desk(database, worker_database, box_folder), Striker(SEED + 1)
    outcomes, team, made = {"begun": 0, "gone": 0}, await group_collection(desk), 0
    theirs = partial(one, owner_url, _THEIRS, {"id": ANA.user_id})
    await furnish(desk, team, made := made + 1)
    for point in range(points):
        if theirs() == (0,):
            add_account(owner_url, ANA)
            await furnish(desk, team, made := made + 1)
        deletion = Deletion(urls(owner_url), box_folder)
        await asyncio.to_thread(partial(striker.strike, deletion, spare=point == points - 1))

        assert all(one(owner_url, _WHOLE))
        outcomes["gone" if theirs() == (0,) else "begun"] += 1
    report(f"seed {SEED}, {points} removals of a person: {outcomes}")
    assert theirs() == (0,)
    for number in range(1, made + 1):
        assert await desk.found(HEIR, team, f"gift{number}") == ["gift.json"]
    await desk.blobs.sweep()
    assert one(owner_url, "SELECT count(*) FROM blobs") == (made,)
    kept = [path for path in (box_folder / "blobs").rglob("*") if path.is_file()]
    assert len(kept) == made


async def filled(desk: Desk, caller: Caller, made: int) -> UUID:
    """A new collection with documents that are all read."""
    shelf = await desk.collection(caller)
    for number in range(made, made + DOCUMENTS):
        await desk.add(
            caller, shelf, document(f"page {number} " * 30, f"leaf {number} " * 30), f"{number}.json"
        )
    await desk.work()
    return shelf


async def furnish(desk: Desk, team: UUID, number: int) -> None:
    """Ana has two collections of her own, and one document in her group's."""
    berta = Caller(ANA.user_id, ANA.email, Role.USER, frozenset({STAFF}))
    for half in range(2):
        await filled(desk, berta, (2 * number + half) * DOCUMENTS)
    await desk.add(berta, team, document(f"gift{number} " * 20), "gift.json")
    await desk.work()


async def group_collection(desk: Desk) -> UUID:
    """Of the group that the heir is in."""
    return (await desk.knowledge.create(HEIR, "team", Audience(group_id=STAFF))).id


def add_account(owner_url: str, caller: Caller) -> None:
    """An account that can sign in."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, 'user')",
            (caller.user_id, caller.email, caller.email),
        )
        connection.execute(
            "INSERT INTO group_members (group_id, user_id) VALUES (%s, %s)", (STAFF, caller.user_id)
        )


def urls(owner_url: str) -> tuple[str, str]:
    """Of the roles that delete."""
    return (
        url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        url_as(owner_url, DatabaseRole.WORKER, ROLE_SECRET),
    )


def one(owner_url: str, query: str, values: dict[str, object] | None = None) -> tuple[object, ...]:
    """The first row, with the eyes of maintenance: row-level security hides nothing."""
    with psycopg.connect(url_as(owner_url, DatabaseRole.MAINTENANCE, ROLE_SECRET)) as connection:
        row = connection.execute(query, values).fetchone()
    assert row is not None
    return tuple(row)
