"""A file of ledger rows that PostgreSQL could not take: one line a row, each with its checksum, durable when told so.

    crc32 of the rest (8 hexadecimal digits), space, S (start) or E (end), the row as one line of JSON

The file is allocated ahead and filled with zeros, so that the room for the ends is there when the starts are written.
A line that was torn by a crash does not have its checksum and counts for nothing: nobody was told that it was kept.
Who has the file open holds its lock; the file of a process that died can be locked by another. Everything here blocks.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from appliance.errors import PartUnavailable, StorageFull

SUFFIX = ".spool"
START, END = b"S", b"E"
_STEP_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 10  # checksum, space, kind
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class SpooledRows:
    """Some rows in the order in which they were written, and where the next ones begin. damaged: lines left out."""

    starts: Sequence[bytes]
    ends: Sequence[bytes]
    next_offset: int
    damaged: int = 0

    def __len__(self) -> int:
        return len(self.starts) + len(self.ends)


class SpoolFile:
    """One open, locked file. Made by `create` or `adopt`."""

    def __init__(self, path: Path, descriptor: int, end: int, allocated: int) -> None:
        self.path = path
        self.end = end
        """Where the next line goes, in bytes from the beginning."""
        self._descriptor = descriptor
        self._allocated = allocated

    def append(self, starts: Sequence[bytes], ends: Sequence[bytes], *, reserve: int, most: int) -> None:
        """Durable when this returns; nothing counts where it raises. reserve: bytes that must be free behind it.

        Raises StorageFull, and PartUnavailable where the file would become larger than `most` bytes.
        """
        data = b"".join([_line(START, row) for row in starts] + [_line(END, row) for row in ends])
        needed = self.end + len(data) + reserve
        if needed > most:
            raise PartUnavailable("The spool is as large as `gate.spool_mb` permits.")
        try:
            if needed > self._allocated:
                wanted = min(most, -(-needed // _STEP_BYTES) * _STEP_BYTES)
                os.posix_fallocate(self._descriptor, 0, wanted)
                self._allocated = wanted
            written = 0
            while written < len(data):
                written += os.pwrite(self._descriptor, data[written:], self.end + written)
            os.fdatasync(self._descriptor)
        except OSError as error:
            # What was written of it is written over by the next one, also after a failed sync.
            if error.errno in _NO_ROOM:
                raise StorageFull("The spool has no room.") from error
            raise PartUnavailable(f"The spool cannot be written: {error.strerror}.") from error
        self.end += len(data)

    def read(self, offset: int, most_rows: int = 500) -> SpooledRows:
        """Rows from there on; empty at the end."""
        starts: list[bytes] = []
        ends: list[bytes] = []
        damaged = 0
        for line in self._lines(offset):
            offset += len(line) + 1
            kind, row = line[9:_HEAD_BYTES], line[_HEAD_BYTES:]
            if kind not in (START, END) or line[:8] != b"%08x" % crc32(line[9:]):
                damaged += bool(line.strip(b"\0"))
                continue
            (starts if kind == START else ends).append(row)
            if len(starts) + len(ends) == most_rows:
                break
        return SpooledRows(starts, ends, offset, damaged)

    def _lines(self, offset: int) -> Iterator[bytes]:
        """Without their line ends; the last one may be torn. Zeros up to the end are no line."""
        rest = b""
        while offset < self.end:
            block = os.pread(self._descriptor, min(_BLOCK_BYTES, self.end - offset), offset)
            if not block:
                break
            offset += len(block)
            *lines, rest = (rest + block).split(b"\n")
            yield from lines
        if rest.strip(b"\0"):
            yield rest

    def remove(self) -> None:
        """All of it is in PostgreSQL."""
        self.path.unlink(missing_ok=True)
        _sync_folder(self.path.parent)
        self.close()

    def close(self) -> None:
        """Give up the lock; the file stays for whoever adopts it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def create(folder: Path, name: str) -> SpoolFile:
    """An empty file, 0600, that nobody can adopt before we have locked it. Raises StorageFull, PartUnavailable."""
    path = folder / f"{name}{SUFFIX}"
    fresh = path.with_suffix(".new")
    descriptor = -1
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.posix_fallocate(descriptor, 0, _STEP_BYTES)
        os.fsync(descriptor)
        fresh.rename(path)
        _sync_folder(folder)
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
            fresh.unlink(missing_ok=True)
        if error.errno in _NO_ROOM:
            raise StorageFull("The spool has no room.") from error
        raise PartUnavailable(f"The spool cannot be made: {error.strerror}.") from error
    return SpoolFile(path, descriptor, 0, _STEP_BYTES)


def adopt(folder: Path) -> Iterator[SpoolFile]:
    """The files of processes that died, locked one after the other; those of living processes are left alone."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        status = os.fstat(descriptor)
        if status.st_nlink == 0:  # another one adopted it, and was done with it before we had the lock
            os.close(descriptor)
            continue
        yield SpoolFile(path, descriptor, status.st_size, status.st_size)


def _line(kind: bytes, row: bytes) -> bytes:
    body = kind + row
    return b"%08x %b\n" % (crc32(body), body)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
