"""A backup put onto an empty machine: checked, loaded, brought up to this version, and what was deleted since deleted.

Until the end a marker stands in the data folder: nothing starts from half a restore, and the next one begins anew.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import psycopg

from appliance import __version__
from appliance.bootstrap.backups.contents import CONFIGURATION, put_back
from appliance.bootstrap.backups.reapplying import reapplying
from appliance.bootstrap.backups.servers import create_database, postgres_programs, running
from appliance.bootstrap.backups.trial import make_roles, restoring_jobs
from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.first_start import mark_done
from appliance.storage.backups.copying import read_listing, restore_blobs
from appliance.storage.backups.deletions import LOG, Deletion, read_log
from appliance.storage.backups.errors import BackupDamaged, BackupError
from appliance.storage.backups.loading import analyze, load_dump, require_empty, require_same_rows
from appliance.storage.backups.manifest import (
    DUMP,
    MANIFEST,
    SEALED,
    Manifest,
    check_sum,
    read_manifest,
    require_known,
)
from appliance.storage.backups.sealing import unseal
from appliance.storage.blobs import blobs_folder
from appliance.storage.migrating import migrate, packaged_migrations
from appliance.storage.roles import DatabaseRole
from appliance.supervisor.data_folder import (
    DATA_VERSION,
    RESTORING,
    locked,
    prepare_data_folder,
    stamp_version,
)
from appliance.supervisor.unprivileged import account_for_servers, require_reachable

Progress = Callable[[str], None]
_NOT_DATA = {"appliance.lock", RESTORING, "lost+found"}


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of it. migrated: files of this version that ran. deleted: what was deleted again, by kind."""

    data: Path
    manifest: Manifest
    migrated: Sequence[str]
    deleted: Mapping[str, int]
    log: Path | None
    seconds: float


def restore_backup(
    folder: Path,
    data: Path,
    passphrase: str,
    *,
    config: Path | None = None,
    log: Path | None = None,
    with_deletions: bool = True,
    progress: Progress = lambda _text: None,
) -> Restored:
    """folder: one backup. config: instead of the appliance.toml in it. log: of deletions; None: the one beside it.

    Raises BackupError and StartupError; the data folder is as empty then as it was. Ctrl-C does the same.
    """
    began, folder, data = monotonic(), folder.absolute(), data.absolute()
    manifest = read_manifest(folder)
    require_known(manifest, {one.name: one.checksum for one in packaged_migrations()}, DATA_VERSION)
    files = unseal((folder / SEALED).read_bytes(), passphrase, (folder / MANIFEST).read_bytes())
    log = log or folder.parent / LOG
    deletions = read_log(log) if with_deletions else []
    account = account_for_servers()
    _require_empty(data)
    prepare_data_folder(data, is_shared=account is not None)
    require_reachable(data, account)
    with locked(data, "(appliance restore)"):
        _clear(data)
        (data / RESTORING).touch(mode=0o600)
        try:
            put_back({n: text for n, text in files.items() if config is None or n != CONFIGURATION}, data)
            box = open_box(data, config, account)
            migrated, deleted = _fill(box, folder, manifest, deletions, progress)
        except BaseException:
            _clear(data)
            (data / RESTORING).unlink(missing_ok=True)
            raise
        (data / RESTORING).unlink()
    used = log if with_deletions and log.exists() else None
    return Restored(data, manifest, migrated, deleted, used, monotonic() - began)


def _fill(
    box: Box, folder: Path, manifest: Manifest, deletions: Sequence[Deletion], progress: Progress
) -> tuple[Sequence[str], Mapping[str, int]]:
    progress("checking the database's dump")
    for wanted, name in read_listing(folder):
        if name == DUMP:
            check_sum(folder / DUMP, wanted)
            break
    else:
        raise BackupDamaged(f"{folder} lists no {DUMP}.")
    blobs = blobs_folder(box.data)
    blobs.mkdir(mode=0o700, exist_ok=True)
    found = restore_blobs(folder, blobs, lambda count: progress(f"files: {count} of {manifest.files}"))
    if found != manifest.files:
        raise BackupDamaged(f"{folder} has {found} files, not {manifest.files}.")
    progress("database")
    if box.postgres is None:
        require_empty(box.owner_url)
        return _load(box, folder, manifest, deletions, progress, jobs=0)
    with running(box.postgres):
        create_database(box.postgres)
        return _load(box, folder, manifest, deletions, progress, jobs=restoring_jobs())


def _load(
    box: Box,
    folder: Path,
    manifest: Manifest,
    deletions: Sequence[Deletion],
    progress: Progress,
    *,
    jobs: int,
) -> tuple[Sequence[str], Mapping[str, int]]:
    try:
        make_roles(box.owner_url, box.role_secret)
        load_dump(postgres_programs(), folder / DUMP, box.owner_url, jobs=jobs)
        require_same_rows(box.database_url(DatabaseRole.MAINTENANCE), manifest.rows)
        progress("bringing the database up to this version")
        migrated = asyncio.run(migrate(box.owner_url, box.role_secret))
        progress("deleting again what was deleted since")
        deleted = asyncio.run(_delete_again(box, manifest, deletions))
        analyze(box.owner_url)
    except psycopg.Error as error:
        raise BackupError(f"PostgreSQL: {str(error).strip()}") from error
    stamp_version(box.data, __version__)
    mark_done(box)
    return migrated, deleted


async def _delete_again(box: Box, manifest: Manifest, deletions: Sequence[Deletion]) -> Mapping[str, int]:
    async with reapplying(box) as again:
        done: Counter[str] = Counter()
        if manifest.deleted_meanwhile:
            done["file"] += await again.forget_contents(manifest.deleted_meanwhile)
        done += await again.delete(deletions)
    return done


def _require_empty(data: Path) -> None:
    """Half a restore counts as nothing. Raises BackupError."""
    if not data.exists() or (data / RESTORING).exists():
        return
    found = [path.name for path in sorted(data.iterdir()) if path.name not in _NOT_DATA]
    if found:
        raise BackupError(
            f"{data} is not empty (it has {found[0]}). Nothing was changed. Choose an empty folder with `--data`."
        )


def _clear(data: Path) -> None:
    for path in data.iterdir():
        if path.name in _NOT_DATA:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
