"""The folder that backups of one box stand in: one at a time is made, under a name aside, and old ones go.

A backup is there when its folder has its own name; what a crash left under a name aside is removed by the next one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.manifest import SUMS, Manifest, read_manifest

_PART = ".part"
_LEAVING = ".leaving"


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup on the shelf."""

    folder: Path
    manifest: Manifest


class Shelf:
    """folder: made where it is missing, for nobody else to look into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the folder for one backup at a time. Raises BackupError."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise BackupError(f"{self.folder} cannot be written: {error.strerror}.") from error
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno != errno.EWOULDBLOCK:
                    raise BackupError(f"{self.folder} cannot be locked: {error.strerror}.") from error
                raise BackupError(f"Another backup is being made in {self.folder}. Wait for it.") from error
            try:
                self._clear()  # what a crash has left
                yield
            finally:
                self._clear()  # an interruption may come at any line, also before `begun` could take care
        finally:
            os.close(lock)

    @contextmanager
    def begun(self, name: str) -> Iterator[Path]:
        """A folder to make one in; it gets its name at the end of the block, and is removed if that breaks off."""
        part = self.folder / f".{name}{_PART}"
        part.mkdir(mode=0o700)
        try:
            yield part
            os.sync()  # everything in it is on the disk before it is there
            part.rename(self._free(name))
            _sync_folder(self.folder)
        except BaseException as error:
            shutil.rmtree(part, ignore_errors=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise BackupError(f"The disk of {self.folder} is full. Make room, or keep fewer.") from error
            raise

    def kept(self) -> Sequence[Kept]:
        """Those that are whole at the top, oldest first; a damaged one is no ground to make no more."""
        found = []
        for folder in sorted(self.folder.glob("[0-9]*")):
            if (folder / SUMS).is_file():
                try:
                    found.append(Kept(folder, read_manifest(folder)))
                except BackupError:
                    continue
        return sorted(found, key=lambda kept: (kept.manifest.created_at, kept.folder.name))

    def remove(self, kept: Kept) -> None:
        """Under another name first: half of a backup never looks like one."""
        leaving = self.folder / f".{kept.folder.name}{_LEAVING}"
        kept.folder.rename(leaving)
        shutil.rmtree(leaving)

    def _clear(self) -> None:
        for rest in [*self.folder.glob(f".*{_PART}"), *self.folder.glob(f".*{_LEAVING}")]:
            shutil.rmtree(rest, ignore_errors=True)

    def _free(self, name: str) -> Path:
        names = [name, *(f"{name}-{number}" for number in range(2, 100))]
        return next(path for one in names if not (path := self.folder / one).exists())


def name_of(moment: datetime) -> str:
    """Sorts by time."""
    return moment.strftime("%Y-%m-%dT%H-%M-%SZ")


def expired(kept: Sequence[Kept], now: datetime, *, keep_last: int, keep_days: int) -> Sequence[Kept]:
    """Those to go: older than keep_days, and not among the keep_last newest. kept: oldest first."""
    oldest = now - timedelta(days=keep_days)
    beyond = kept[: max(0, len(kept) - keep_last)]
    return [one for one in beyond if one.manifest.created_at < oldest]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
