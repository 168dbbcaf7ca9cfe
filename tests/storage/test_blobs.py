"""Bytes on the disk and the rows that count them, also when uploads, deletions and crashes cross."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.domain.documents import StoredFile
from appliance.domain.people import Viewer
from appliance.errors import TooLarge
from appliance.storage.blobs import BlobStore
from appliance.storage.database import Database
from appliance.storage.files import PostgresFiles
from appliance.storage.jobs import PostgresJobQueue
from rag.stores.pgvector import PgvectorStore

SEED = 20261121
OLD = 0.0  # a modification time long ago


class Shelf:
    """Files of one person on a disk of their own."""

    def __init__(self, database: Database, root: Path) -> None:
        self.root = root
        self.viewer = Viewer(uuid4())
        self.blobs = BlobStore(root, database)
        self.blobs.open()
        self.files = PostgresFiles(database, PgvectorStore(), PostgresJobQueue(database))

    async def upload(self, content: bytes) -> StoredFile:
        """What the use case does, without its checks."""
        async with self.blobs.writer(2**20) as writer:
            await writer.write(content)
            digest = await writer.finish()
            now = datetime.now(UTC)
            file = StoredFile(
                uuid4(), self.viewer.user_id, "a.txt", "text/plain", len(content), digest, "assistants", now
            )
            await self.files.add(self.viewer, file, writer.place)
        return file

    async def delete(self, file: StoredFile) -> None:
        """The row, and the bytes unless somebody needs them."""
        await self.files.remove(self.viewer, file.id)
        await self.blobs.forget(file.sha256)

    def on_disk(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.is_file()]


@pytest.fixture
async def shelf(database: Database, tmp_path: Path) -> AsyncIterator[Shelf]:
    """An empty shelf."""
    yield Shelf(database, tmp_path / "blobs")


async def test_uploads_and_deletions_of_one_content_may_cross(shelf: Shelf) -> None:
    """In any order: as long as one file has the content, it can be read; with the last one it goes."""
    order = random.Random(SEED)
    kept: list[StoredFile] = []

    async def come_and_go() -> None:
        for _ in range(6):
            file = await shelf.upload(b"the same for all")
            await asyncio.sleep(order.random() * 0.01)
            assert shelf.blobs.path(file.sha256).read_bytes() == b"the same for all"
            if order.random() < 0.8:
                await shelf.delete(file)
            else:
                kept.append(file)

    await asyncio.gather(*(come_and_go() for _ in range(4)))
    assert len(shelf.on_disk()) == (1 if kept else 0)
    for file in kept:
        assert shelf.blobs.path(file.sha256).exists()
        await shelf.delete(file)
    assert shelf.on_disk() == []


async def test_a_crash_before_the_commit_leaves_only_what_the_sweep_removes(
    shelf: Shelf, database: Database
) -> None:
    """Bytes in place whose row was never committed, a deletion that got half way, and an upload without a writer."""
    kept = await shelf.upload(b"kept")
    gone = await shelf.upload(b"deleted, but its bytes are there still")
    await shelf.files.remove(shelf.viewer, gone.id)
    uncounted = shelf.root / "ab" / ("ab" + "0" * 62)
    uncounted.parent.mkdir(exist_ok=True)
    abandoned, fresh = shelf.root / "incoming" / "old", shelf.root / "incoming" / "new"
    for path in (uncounted, abandoned, fresh):
        path.write_bytes(b"x")
    for path in (uncounted, abandoned):
        os.utime(path, (OLD, OLD))

    assert await shelf.blobs.sweep() == 3

    assert set(shelf.on_disk()) == {shelf.blobs.path(kept.sha256), fresh}
    assert await shelf.blobs.sweep() == 0


async def test_an_upload_past_its_limit_stops_at_once(shelf: Shelf) -> None:
    """TooLarge comes with the piece that is too much, not at the end."""
    with pytest.raises(TooLarge, match="MiB"):
        async with shelf.blobs.writer(100) as writer:
            await writer.write(b"x" * 60)
            await writer.write(b"x" * 60)

    assert shelf.on_disk() == []


async def test_nobody_sees_how_many_files_share_their_content(shelf: Shelf, database: Database) -> None:
    """References are counted by the database itself: the gateway's role cannot write the count."""
    await shelf.upload(b"x")

    with pytest.raises(Exception, match="permission denied"):
        async with database.connection() as connection:
            await connection.execute("UPDATE blobs SET refs = 0")
