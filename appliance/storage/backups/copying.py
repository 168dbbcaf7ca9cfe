"""The uploaded files of a backup: copied, each under its SHA-256, or shared with the backup before by a hard link.

Contents never change, so what the backup before has needs no second copy on the same disk. Nothing is linked with the
box's own files: a disk that spoils one would spoil both.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from appliance.storage.backups.errors import BackupDamaged
from appliance.storage.backups.manifest import BLOBS, DUMP, LEDGER, LISTING, check_sum, sha256_of

_PIECE = 2**20


@dataclass
class Copied:
    """What became of the contents. lost: hexadecimal SHA-256 of those that the box does not have, or not intact."""

    files: int = 0
    size_bytes: int = 0
    lost: list[str] = field(default_factory=list)


def place_of(folder: Path, sha256: str) -> Path:
    """Where a content lies below a folder of blobs."""
    return folder / sha256[:2] / sha256


def copy_blobs(
    wanted: Iterable[str],
    blobs: Path,
    part: Path,
    previous: Path | None,
    listing: IO[str],
    progress: Callable[[Copied], None],
    *,
    reads_links: bool,
) -> Copied:
    """wanted: hexadecimal SHA-256. blobs: the box's. part, previous: backups. listing: a line is added for each.

    reads_links: what the backup before has is read before it is shared; if it is damaged there it is copied again.
    """
    copied = Copied()
    for sha256 in wanted:
        target = place_of(part / BLOBS, sha256)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = None if previous is None else place_of(previous / BLOBS, sha256)
        size = _linked(before, target)
        if size is not None and reads_links and sha256_of(target).hex() != sha256:
            target.unlink()
            size = None
        if size is None:
            size = _copied(place_of(blobs, sha256), target, sha256)
        if size is None:
            copied.lost.append(sha256)
        else:
            listing.write(f"{sha256}  {BLOBS}/{sha256[:2]}/{sha256}\n")
            copied.files += 1
            copied.size_bytes += size
        progress(copied)
    return copied


def restore_blobs(
    backup: Path, blobs: Path, progress: Callable[[int], None], *, is_passing: bool = False
) -> int:
    """Copy every content into the box's folder, each checked on the way. Raises BackupDamaged naming the file.

    is_passing: the backup goes afterwards, so the box takes its files as they are, without a second copy.
    """
    count = 0
    for wanted, name in read_listing(backup):
        if name in (DUMP, LEDGER):
            continue
        target = place_of(blobs, wanted)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            if is_passing:
                check_sum(backup / name, wanted)
                (backup / name).chmod(0o600)
                os.link(backup / name, target)
            elif _copied(backup / name, target, wanted) is None:
                check_sum(backup / name, wanted)  # says what is wrong with it
        except OSError as error:
            if error.filename == str(backup / name):
                raise BackupDamaged(f"{backup / name} cannot be read: {error.strerror}.") from error
            raise
        count += 1
        progress(count)
    return count


def check_files(backup: Path, progress: Callable[[int], None]) -> None:
    """Read everything once. Raises BackupDamaged naming the file."""
    for count, (wanted, name) in enumerate(read_listing(backup), start=1):
        check_sum(backup / name, wanted)
        progress(count)


def read_listing(backup: Path) -> Iterable[tuple[str, str]]:
    """(SHA-256, name) of everything in a backup below its top; the sum of the list itself is checked before."""
    with (backup / LISTING).open(encoding="utf-8") as lines:
        for line in lines:
            wanted, _, name = line.rstrip("\n").partition("  ")
            if name not in (DUMP, LEDGER) and name != f"{BLOBS}/{wanted[:2]}/{wanted}":
                raise BackupDamaged(f"{backup / LISTING} names {name!r}, which is not a part of a backup.")
            yield wanted, name


def _linked(source: Path | None, target: Path) -> int | None:
    if source is None:
        return None
    with contextlib.suppress(OSError):  # not there, too many links, a disk that knows none
        os.link(source, target)
        return target.stat().st_size
    return None


def _copied(source: Path, target: Path, sha256: str) -> int | None:
    """Its size; None where it is not there, or is not what its name says."""
    digest, size = hashlib.sha256(), 0
    try:
        with source.open("rb") as original, target.open("xb") as copy:
            os.fchmod(copy.fileno(), 0o600)
            while data := original.read(_PIECE):
                digest.update(data)
                copy.write(data)
                size += len(data)
    except FileNotFoundError:
        return None
    if digest.hexdigest() != sha256:
        target.unlink()
        return None
    return size
