"""A backup of a box, while it runs or while it stands still.

The order makes it consistent: the database at one moment first; then the contents that its rows name, which never
change once they are there. What is deleted in between is told apart from what the box has lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import psycopg

from appliance import __version__
from appliance.bootstrap.backups.contents import box_id, sealed_files
from appliance.bootstrap.backups.egress import pack_ledger
from appliance.bootstrap.backups.servers import postgres_programs, reachable_postgres
from appliance.bootstrap.backups.trial import try_database
from appliance.bootstrap.box import Box
from appliance.storage.backups.copying import Copied, copy_blobs
from appliance.storage.backups.deletions import LOG, deletions_since, merge_log
from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.manifest import (
    DUMP,
    LEDGER,
    LISTING,
    MANIFEST,
    SEALED,
    Manifest,
    seal_sums,
    sha256_of,
)
from appliance.storage.backups.sealing import seal
from appliance.storage.backups.shelf import Kept, Shelf, expired, name_of
from appliance.storage.backups.snapshot import snapshot, still_wanted
from appliance.storage.backups.steps import Progress, Step
from appliance.storage.blobs import blobs_folder
from appliance.storage.roles import DatabaseRole
from appliance.supervisor.data_folder import DATA_VERSION

_WANTED = "wanted-blobs"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How one is made. keep_last, keep_days: which older ones stay; keep_last 0: all of them."""

    folder: Path
    passphrase: str
    verify: bool = False
    keep_last: int = 0
    keep_days: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """What became of it. removed: names of older ones that went. address: where it was sent to."""

    folder: Path
    manifest: Manifest
    seconds: float
    is_verified: bool
    removed: Sequence[str]
    address: str = ""

    @property
    def where(self) -> str:
        """For people."""
        return self.address or str(self.folder)

    @property
    def size_bytes(self) -> int:
        return self.manifest.dump_bytes + self.manifest.files_bytes


def make_backup(
    box: Box, wishes: Wishes, progress: Progress = lambda _step: None, *, is_passing: bool = False
) -> Made:
    """Raises BackupError and StartupError; nothing is left then but what was there before. Ctrl-C does the same.

    is_passing: it is only made to be sent elsewhere, and may share its files with the box meanwhile.
    """
    began, shelf = monotonic(), Shelf(wishes.folder.absolute())
    with shelf.opened():
        previous = _previous(shelf, box)
        name = name_of(datetime.now(UTC))
        with reachable_postgres(box, "appliance backup"), shelf.begun(name) as part:
            manifest = _fill(part, box, previous, wishes, progress, is_passing=is_passing)
            if wishes.verify:
                progress(Step("trial"))
                try_database(part, manifest, box.account, box.data, _programs(box))
            oldest = previous[0].manifest.created_at if previous else manifest.created_at
            if not is_passing:
                known = deletions_since(box.database_url(DatabaseRole.MAINTENANCE), oldest)
                merge_log(shelf.folder / LOG, known, oldest)
        made = shelf.kept()
        removed = _remove_old(shelf, wishes) if wishes.keep_last else []
    return Made(made[-1].folder, manifest, monotonic() - began, wishes.verify, removed)


def _fill(
    part: Path,
    box: Box,
    previous: Sequence[Kept],
    wishes: Wishes,
    progress: Progress,
    *,
    is_passing: bool,
) -> Manifest:
    url = box.database_url(DatabaseRole.MAINTENANCE)
    with snapshot(url) as moment:
        progress(Step("counting"))
        rows, migrations = moment.rows(), moment.migrations()
        wanted = moment.list_blobs(part / _WANTED)
        moment.dump(postgres_programs(), url, part / DUMP, lambda size: progress(Step("database", size)))
    # A content lies in a box as it lies in a backup, so the box itself can be the one that is shared with.
    latest = box.data if is_passing else previous[-1].folder if previous else None
    with (part / LISTING).open("w", encoding="utf-8") as listing:
        listing.write(f"{sha256_of(part / DUMP).hex()}  {DUMP}\n")
        if pack_ledger(box.data, part / LEDGER):
            listing.write(f"{sha256_of(part / LEDGER).hex()}  {LEDGER}\n")
        copied = copy_blobs(
            _lines(part / _WANTED),
            blobs_folder(box.data),
            part,
            latest,
            listing,
            lambda so_far: progress(Step("files", so_far.size_bytes, so_far.files, wanted)),
            reads_links=wishes.verify or is_passing,
        )
    (part / _WANTED).unlink()
    missing = _missing(url, copied)
    manifest = Manifest(
        appliance_version=__version__,
        data_version=DATA_VERSION,
        created_at=moment.taken_at.astimezone(UTC),
        box_id=box_id(box),
        postgres=moment.postgres,
        migrations=migrations,
        rows=rows,
        files=copied.files,
        files_bytes=copied.size_bytes,
        dump_bytes=(part / DUMP).stat().st_size,
        deleted_meanwhile=tuple(sorted(set(copied.lost) - missing)),
        missing=tuple(sorted(missing)),
    )
    (part / MANIFEST).write_bytes(manifest.as_bytes())
    (part / SEALED).write_bytes(seal(sealed_files(box), wishes.passphrase, manifest.as_bytes()))
    seal_sums(part)
    return manifest


def _previous(shelf: Shelf, box: Box) -> Sequence[Kept]:
    """Those that are there. Raises BackupError where another appliance's are."""
    kept = shelf.kept()
    if any(one.manifest.box_id != box_id(box) for one in kept):
        raise BackupError(f"{shelf.folder} holds backups of another appliance. Choose another folder.")
    return kept


def _missing(url: str, copied: Copied) -> set[str]:
    """Of what was not found, what files refer to all the same: the box has lost it."""
    if not copied.lost:
        return set()
    with psycopg.connect(url) as connection:
        return still_wanted(connection, copied.lost)


def _remove_old(shelf: Shelf, wishes: Wishes) -> Sequence[str]:
    going = expired(shelf.kept(), datetime.now(UTC), keep_last=wishes.keep_last, keep_days=wishes.keep_days)
    for one in going:
        shelf.remove(one)
    return [one.folder.name for one in going]


def _programs(box: Box) -> Path | None:
    return None if box.account is None else box.data / "programs"


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="ascii") as lines:
        for line in lines:
            yield line.strip()
