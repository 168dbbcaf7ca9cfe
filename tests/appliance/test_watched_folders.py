"""Folders on the server that are kept in step, and old versions that go when their time is over."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from appliance.domain.documents import PageRequest
from appliance.services.knowledge.folders import Found, walk
from appliance.services.knowledge.retention import VersionRetention
from appliance.services.knowledge.watching import WatchedFolder
from appliance.services.settings import FolderSettings
from appliance.storage.collections import PostgresCollections
from appliance.storage.database import Database
from appliance.storage.files import PostgresFiles
from appliance.storage.jobs import PostgresJobQueue
from appliance.storage.retired import RetiredVersions
from tests.ingestion_desk import Desk, ana, document

ANA = ana()


@pytest.fixture
def desk(database: Database, worker_database: Database, tmp_path: Path) -> Desk:
    """Nothing in it."""
    return Desk(database, worker_database, tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents, one of them deeper, long at rest."""
    made = tmp_path / "folder"
    (made / "deep").mkdir(parents=True)
    write(made / "a.txt", document("apple"))
    write(made / "deep" / "b.txt", document("pear"))
    return made


def write(path: Path, content: bytes, at_s: int = 1_000) -> None:
    """A file that was changed at that time."""
    path.write_bytes(content)
    os.utime(path, (at_s, at_s))


def remove(*paths: Path) -> None:
    """Files, and folders that are empty."""
    for path in paths:
        path.rmdir() if path.is_dir() else path.unlink()


def watched(desk: Desk, folder: Path, now_s: float = 2_000) -> WatchedFolder:
    """The folder as the worker looks at it, with its role."""
    settings = FolderSettings(path=str(folder), collection="shelf", owner=ANA.email)
    return WatchedFolder(settings, desk.keeping, ANA, lambda: now_s)


async def shelf_of(desk: Desk) -> UUID:
    """The collection that was made for the folder."""
    found, _ = await desk.knowledge.collections(ANA, PageRequest(10))
    return found[0].id


async def test_a_watched_folder_is_followed(desk: Desk, folder: Path) -> None:
    """What appears is read, what changes is replaced, what goes is removed; what stays costs nothing."""
    following = watched(desk, folder)
    assert (await following.look()).sent == 2
    await desk.work()
    shelf = await shelf_of(desk)
    assert await desk.found(ANA, shelf, "pear") == ["b.txt"]
    assert (await following.look()).sent == 0

    write(folder / "a.txt", document("cherry"), 1_100)
    write(folder / "c.txt", document("fig"))
    remove(folder / "deep" / "b.txt")
    done = await following.look()
    await desk.work()

    assert (done.sent, done.removed) == (2, 1)
    assert sorted(await desk.listed(ANA, shelf)) == ["a.txt", "c.txt"]
    assert await desk.found(ANA, shelf, "cherry") == ["a.txt"]
    assert await desk.found(ANA, shelf, "apple") == await desk.found(ANA, shelf, "pear") == []


async def test_a_worker_that_starts_again_sends_nothing_twice(desk: Desk, folder: Path) -> None:
    """Contents are compared with what the collection has."""
    await watched(desk, folder).look()
    await desk.work()
    again = await watched(desk, folder).look()
    await desk.work()

    files, _ = await desk.knowledge.files(ANA, PageRequest(10))
    assert (again.sent, len(files)) == (2, 2)


async def test_a_file_that_is_being_written_is_left_alone(desk: Desk, folder: Path) -> None:
    """It is read when it has rested, or is the same at two looks (a share's clock may be wrong)."""
    write(folder / "a.txt", document("half"), 1_999)
    following = watched(desk, folder)
    assert (await following.look()).sent == 1
    write(folder / "a.txt", document("whole"), 2_000)
    assert (await following.look()).sent == 0
    assert (await following.look()).sent == 1


async def test_an_empty_or_missing_folder_removes_nothing(desk: Desk, folder: Path) -> None:
    """A disk that is not mounted looks like this."""
    following = watched(desk, folder)
    await following.look()
    await desk.work()
    remove(folder / "a.txt", folder / "deep" / "b.txt")
    assert (await following.look()).removed == 0
    remove(folder / "deep", folder)
    with pytest.raises(FileNotFoundError):
        await following.look()
    assert len(await desk.listed(ANA, await shelf_of(desk))) == 2


def test_links_and_hidden_files_are_not_followed(folder: Path) -> None:
    """Nothing outside of the folder is ever seen."""
    (folder / "out.txt").symlink_to("/etc/passwd")
    (folder / "out").symlink_to("/etc")
    (folder / ".hidden.txt").write_text("x")

    assert [one.path.name for one in walk(folder) if isinstance(one, Found)] == ["a.txt", "b.txt"]


async def test_an_old_version_goes_when_its_time_is_over(desk: Desk, worker_database: Database) -> None:
    """Not before; then its page, its file and its bytes are gone, and the new version stays."""
    shelf = await desk.collection(ANA)
    old = await desk.add(ANA, shelf, document("ten"), source="/f/a.json")
    await desk.work()
    await desk.add(ANA, shelf, document("twelve"), source="/f/a.json")
    await desk.work()
    jobs = PostgresJobQueue(worker_database)
    files = PostgresFiles(worker_database, desk.store, jobs)
    collections = PostgresCollections(worker_database, desk.store, jobs)
    retention = VersionRetention(RetiredVersions(worker_database), files, collections, desk.blobs)

    assert await retention.remove_before(datetime.now(UTC) - timedelta(days=1)) == 0
    assert await desk.page(ANA, shelf, old) == "ten"
    assert await retention.remove_before(datetime.now(UTC) + timedelta(days=1)) == 1

    assert await desk.page(ANA, shelf, old) is None
    assert await desk.found(ANA, shelf, "twelve") == ["a.json"]
    assert len((await desk.knowledge.files(ANA, PageRequest(10)))[0]) == 1
