"""Files as bytes below DATA/blobs, each once, named by their SHA-256.

A blob is written aside, flushed to the disk and moved into place while the row that counts its references is locked;
it is removed while that row is being deleted under the same lock. So an upload and a deletion of the same content
cannot cross, and a crash leaves at most a file that nobody counts, which `sweep` finds.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from appliance.domain.refusals import Told
from appliance.errors import StorageFull, TooLarge
from appliance.storage.database import Database
from appliance.storage.page_images import PageImages, page_images_folder
from appliance.storage.transcripts import TranscriptSpool, transcripts_folder

_WRITE_BYTES = 2**20  # gathered before a thread writes and hashes them
_READ_BYTES = 256 * 1024
_ABANDONED_S = 3600.0  # an upload that has not been touched for this long has no writer any more
_FULL = {errno.ENOSPC, errno.EDQUOT}

_FORGET = "DELETE FROM blobs WHERE sha256 = ANY(%s) AND refs = 0 RETURNING sha256"
_FORGOTTEN_AT_ONCE = 50  # their rows are locked while the bytes go
_UNUSED = "SELECT sha256 FROM blobs WHERE refs = 0"
_KNOWN = "SELECT sha256 FROM blobs WHERE sha256 = ANY(%s)"
_KNOWN_AT_ONCE = 500


class BlobWriter:
    """Receives one upload; what it has written is gone at the end unless `place` was called."""

    def __init__(self, descriptor: int, path: Path, root: Path, max_bytes: int) -> None:
        self._descriptor = descriptor
        self._path = path
        self._root = root
        self._max_bytes = max_bytes
        self._hash = hashlib.sha256()
        self._pending = bytearray()
        self.size_bytes = 0

    async def write(self, data: bytes) -> None:
        """Raises TooLarge past the limit and StorageFull when the disk is."""
        self.size_bytes += len(data)
        if self.size_bytes > self._max_bytes:
            raise TooLarge(Told("file_most", most=self._max_bytes // 2**20), param="file")
        self._pending += data
        if len(self._pending) >= _WRITE_BYTES:
            await self._flush()

    async def finish(self) -> bytes:
        """Everything is on the disk now; returns its SHA-256."""
        await self._flush()
        with _disk_full():
            await asyncio.to_thread(os.fsync, self._descriptor)
        return self._hash.digest()

    async def place(self) -> None:
        """Move the upload to where its content belongs. Call it in the transaction that adds the reference."""
        with _disk_full():
            await asyncio.to_thread(self._place)

    async def _flush(self) -> None:
        data, self._pending = bytes(self._pending), bytearray()
        with _disk_full():
            await asyncio.to_thread(self._write_out, data)

    def _write_out(self, data: bytes) -> None:
        self._hash.update(data)
        rest = memoryview(data)
        while rest:  # a disk that is nearly full takes a part
            rest = rest[os.write(self._descriptor, rest) :]

    def _place(self) -> None:
        target = _path(self._root, self._hash.digest())
        target.parent.mkdir(mode=0o700, exist_ok=True)
        self._path.replace(target)
        _sync_folder(target.parent)


class BlobStore:
    """root: a folder of our own, on one file system."""

    def __init__(self, root: Path, database: Database, *, min_free_bytes: int = 0) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._database = database
        self._min_free_bytes = min_free_bytes
        self._images = PageImages(page_images_folder(root))
        self._transcripts = TranscriptSpool(transcripts_folder(root))

    def open(self) -> None:
        """Make the folders, for nobody else to look into."""
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._incoming.mkdir(mode=0o700, exist_ok=True)

    @asynccontextmanager
    async def writer(self, max_bytes: int) -> AsyncIterator[BlobWriter]:
        """Receive a file of unknown length; however this ends, nothing is left aside."""
        self._require_room()
        with _disk_full():
            descriptor, name = await asyncio.to_thread(tempfile.mkstemp, dir=self._incoming)
        path = Path(name)
        try:
            yield BlobWriter(descriptor, path, self._root, max_bytes)
        finally:
            os.close(descriptor)
            await asyncio.to_thread(path.unlink, missing_ok=True)

    def path(self, sha256: bytes) -> Path:
        return _path(self._root, sha256)

    async def has(self, sha256: bytes) -> bool:
        return await asyncio.to_thread(self.path(sha256).is_file)

    async def read(self, sha256: bytes, first: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The content from a byte on, so many bytes of it or all, in pieces. Raises FileNotFoundError."""
        file = await asyncio.to_thread(self.path(sha256).open, "rb")
        left = sys.maxsize if length is None else length
        try:
            await asyncio.to_thread(file.seek, first)
            while data := await asyncio.to_thread(file.read, min(_READ_BYTES, left)):
                left -= len(data)
                yield data
        finally:
            file.close()

    def pictures(self, sha256: bytes) -> int:
        """How many pictures of its pages are kept; they go with the content."""
        return self._images.count(sha256)

    async def forget(self, sha256: bytes) -> bool:
        """Remove the content and what was drawn and heard of it if no file refers to it any more; true if it was."""
        return bool(await self.forget_all([sha256]))

    async def forget_all(self, hashes: Sequence[bytes]) -> int:
        """The same of many; returns how many were removed."""
        wanted, removed = sorted(set(hashes)), 0
        for start in range(0, len(wanted), _FORGOTTEN_AT_ONCE):
            async with self._database.transaction() as connection:
                rows = await connection.execute(_FORGET, (wanted[start : start + _FORGOTTEN_AT_ONCE],))
                unused = [bytes(sha256) for (sha256,) in await rows.fetchall()]
                await asyncio.to_thread(self._remove_bytes, unused)
            removed += len(unused)
        return removed

    async def sweep(self) -> int:
        """Remove what crashes have left: contents without references and uploads without writers; returns how many."""
        async with self._database.connection() as connection:
            unused = [row[0] for row in await (await connection.execute(_UNUSED)).fetchall()]
        removed = await self.forget_all([bytes(sha256) for sha256 in unused])
        for made in (self._images, self._transcripts):
            await asyncio.to_thread(made.sweep, lambda sha256: self.path(sha256).exists())
        return removed + await asyncio.to_thread(self._remove_abandoned) + await self._remove_uncounted()

    def _remove_bytes(self, hashes: Sequence[bytes]) -> None:
        for sha256 in hashes:
            self.path(sha256).unlink(missing_ok=True)
            self._images.forget(sha256)
            self._transcripts.forget(sha256)

    def _remove_abandoned(self) -> int:
        old = [path for path in self._incoming.iterdir() if _age_s(path) > _ABANDONED_S]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    async def _remove_uncounted(self) -> int:
        """A crash between moving a file into place and the commit leaves a file without a row."""
        removed = 0
        old = await asyncio.to_thread(_old_blobs, self._root)
        for start in range(0, len(old), _KNOWN_AT_ONCE):
            part = {bytes.fromhex(path.name): path for path in old[start : start + _KNOWN_AT_ONCE]}
            async with self._database.connection() as connection:
                rows = await (await connection.execute(_KNOWN, (list(part),))).fetchall()
            for sha256 in part.keys() - {bytes(row[0]) for row in rows}:
                # An upload of the same content moves a fresh file here, so the age is looked at once more.
                if _age_s(part[sha256]) > _ABANDONED_S:
                    part[sha256].unlink(missing_ok=True)
                    removed += 1
        return removed

    def _require_room(self) -> None:
        status = os.statvfs(self._incoming)
        if status.f_bavail * status.f_frsize < self._min_free_bytes:
            raise StorageFull(Told("disk_free", least=self._min_free_bytes // 2**20))


def blobs_folder(data: Path) -> Path:
    """Where the bytes of files lie. data: the data folder."""
    return data / "blobs"


def _path(root: Path, sha256: bytes) -> Path:
    name = sha256.hex()
    return root / name[:2] / name


def _old_blobs(root: Path) -> list[Path]:
    return [
        path
        for path in root.glob("[0-9a-f][0-9a-f]/*")
        if len(path.name) == 64 and _age_s(path) > _ABANDONED_S
    ]


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _disk_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull from error
        raise
