"""The ledger of what left the box: a line of JSON each, appended before the first byte leaves. Mode 0600.

`DATA/egress/ledger.jsonl` is written to; it is closed when it has grown or a day has ended (UTC), and what was closed
longer ago than it is to be kept is removed. Lines are numbered, and each holds a SHA-256 of the one before it and of
itself: a line that was changed, taken out or put in later is found by whoever walks the chain. That is no proof
against somebody who may write the folder and makes the whole chain anew; an export kept elsewhere is.

Every process appends under one lock of the file system. What began is on the disk before the call returns
(`fdatasync`: 0.06 ms on the disk it was measured on, some milliseconds on a spinning one, of a request that takes
hundreds); what ended is not waited for: the next beginning takes it along.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from inference.egress import Departure

CURRENT = "ledger.jsonl"
CLOSED = "ledger-*.jsonl"
START = "0" * 64
"""What the first line of all names as the one before it."""
_LONGEST_FIELD = 500  # characters: a line is one write, and is found again from the file's end
_TAIL_BYTES = 64 * 1024
_TIME = "%Y%m%dT%H%M%SZ"


class EgressLedger:
    """What inference.egress.Egress is handed. Several processes and threads may share the folder.

    segment_bytes: after which a file is closed. keep_days: 0 keeps them for ever. What cannot be written down does not
    leave: the call raises OSError, and the file is as before it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment_bytes: int = 16 * 2**20,
        keep_days: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder, self._segment_bytes, self._keep_days, self._now = folder, segment_bytes, keep_days, now

    def __call__(self, departure: Departure) -> None:
        self._made()
        descriptor = -1
        try:
            with self._locked():
                descriptor = self._open()
                number, chain = _last(descriptor) or self._last_closed()
                descriptor = self._close_when_due(descriptor, number)
                _append(descriptor, line_of(departure, number + 1, chain))
            if departure.happened == "began":
                os.fdatasync(descriptor)
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def forget(self) -> int:
        """Remove what has been closed for longer than it is to be kept; returns how many files."""
        if not self._keep_days or not self._folder.is_dir():
            return 0
        with self._locked():
            return self._forgotten()

    def _forgotten(self) -> int:
        if not self._keep_days:
            return 0
        before = self._now() - timedelta(days=self._keep_days)
        old = [path for path in self._folder.glob(CLOSED) if closed_at(path) < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _made(self) -> None:
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._given(self._folder)
            self._take_in_the_first()

    def _take_in_the_first(self) -> None:
        """It used to be logs/egress.jsonl, without numbers; that is kept as the oldest file."""
        first = self._folder.parent / "logs" / "egress.jsonl"
        if first.is_file():
            closed = datetime.fromtimestamp(first.stat().st_mtime, UTC)
            first.rename(self._folder / f"ledger-{0:012d}-{closed:{_TIME}}.jsonl")

    def _open(self) -> int:
        path = self._folder / CURRENT
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._given(path)
        return descriptor

    def _given(self, path: Path) -> None:
        """What root's command makes has to stay writable for the appliance, whose the data folder is."""
        if os.geteuid() == 0:
            owner = self._folder.parent.stat()
            if owner.st_uid:
                os.chown(path, owner.st_uid, owner.st_gid)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._folder / ".lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._given(path)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _close_when_due(self, descriptor: int, number: int) -> int:
        """The file to write to; the full one, or yesterday's, gets a name of its own. number: of its last line."""
        now, state = self._now(), os.fstat(descriptor)
        is_of_today = datetime.fromtimestamp(state.st_mtime, UTC).date() >= now.date()
        if not state.st_size or (is_of_today and state.st_size < self._segment_bytes):
            return descriptor
        os.fdatasync(descriptor)
        (self._folder / CURRENT).rename(self._folder / f"ledger-{number:012d}-{now:{_TIME}}.jsonl")
        os.close(descriptor)
        self._forgotten()
        return self._open()

    def _last_closed(self) -> tuple[int, str]:
        """Number and hash of the last line of the newest closed file."""
        closed = sorted(self._folder.glob(CLOSED), reverse=True)
        for path in closed:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if last := _last(descriptor):
                    return last
            finally:
                os.close(descriptor)
        return 0, START


def closed_at(path: Path) -> datetime:
    """When a closed file was closed, by its name; the far future where it has none of ours."""
    try:
        return datetime.strptime(path.stem.rpartition("-")[2], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)


def line_of(departure: Departure, number: int, before: str) -> bytes:
    """A line of the file. before: the hash of the line before it, hexadecimal."""
    told: dict[str, Any] = {"n": number, **asdict(departure)}
    told["at"] = departure.at.astimezone(UTC).isoformat(timespec="milliseconds")
    told = {name: value[:_LONGEST_FIELD] if isinstance(value, str) else value for name, value in told.items()}
    body = json.dumps(told, ensure_ascii=False)
    return f'{body[:-1]}, "chain": "{chain_of(before, body)}"}}\n'.encode()


def chain_of(before: str, body: str) -> str:
    """The hash that a line carries. body: the line as it stands, without its `chain`, closed by a brace."""
    return hashlib.sha256(f"{before}\n{body}".encode()).hexdigest()


def parted(line: bytes) -> tuple[dict[str, Any], str, str] | None:
    """(the line's fields, the text that was hashed, the hash); None where it is no whole line of ours."""
    try:
        text = line.decode().rstrip("\n")
        told = json.loads(text)
        body, mark, _ = text.rpartition(', "chain": "')
        return (told, body + "}", str(told["chain"])) if mark and isinstance(told["n"], int) else None
    except (ValueError, KeyError, TypeError):
        return None


def _last(descriptor: int) -> tuple[int, str] | None:
    """Number and hash of a file's last whole line; None where it has none. A torn end is closed by a line's end."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    for line in reversed(tail.splitlines()):
        if found := parted(line):
            return int(found[0]["n"]), found[2]
    return None


def _append(descriptor: int, line: bytes) -> None:
    """Wholly or not at all."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":  # a process died in the middle of its line
        line = b"\n" + line
    try:
        written = os.write(descriptor, line)
        if written != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(descriptor, size)
        raise
