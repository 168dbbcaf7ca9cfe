"""A backup put onto an empty machine: checked, loaded, brought up to this version, and what was deleted since deleted.

Until the end a marker stands in the data folder: nothing starts from half a restore, and the next one begins anew. It
names an external database that was found empty and is being filled, so that the next one may empty it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import psycopg

from appliance import __version__
from appliance.bootstrap.backups.contents import CONFIGURATION, put_back
from appliance.bootstrap.backups.egress import unpack_ledger
from appliance.bootstrap.backups.reapplying import reapplying
from appliance.bootstrap.backups.servers import (
    create_database,
    postgres_programs,
    running,
    wait_for_former,
)
from appliance.bootstrap.backups.trial import make_roles, restoring_jobs
from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.first_start import mark_done
from appliance.storage.backups.copying import read_listing, restore_blobs
from appliance.storage.backups.deletions import LOG, Deletion, read_log
from appliance.storage.backups.errors import BackupDamaged, BackupError
from appliance.storage.backups.loading import (
    analyze,
    empty_again,
    load_dump,
    require_empty,
    require_same_rows,
)
from appliance.storage.backups.manifest import (
    DUMP,
    LEDGER,
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

logger = logging.getLogger(__name__)

Progress = Callable[[str], None]
FETCHED = "restore-fetched"  # what comes from another machine, for the time of the restore
_TRIES, _PAUSE_S = 100, 0.1
_NOT_DATA = {"appliance.lock", RESTORING, FETCHED, "lost+found", "sockets"}


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
    is_passing: bool = False,
    progress: Progress = lambda _text: None,
) -> Restored:
    """folder: one backup. config: instead of the appliance.toml in it. log: of deletions; None: the one beside it.

    is_passing: the backup lies in data/FETCHED, and its files need no second copy. Raises BackupError and StartupError;
    the data folder is as empty then as it was. Ctrl-C does the same.
    """
    began, folder, data = monotonic(), folder.absolute(), data.absolute()
    manifest = read_manifest(folder)
    require_known(manifest, {one.name: one.checksum for one in packaged_migrations()}, DATA_VERSION)
    files = unseal((folder / SEALED).read_bytes(), passphrase, (folder / MANIFEST).read_bytes())
    log = log or folder.parent / LOG
    deletions = read_log(log) if with_deletions else []
    account = account_for_servers()
    require_empty_folder(data)
    prepare_data_folder(data, is_shared=account is not None)
    require_reachable(data, account)
    with locked(data, "(appliance restore)"):
        _clear(data)
        (data / RESTORING).touch(mode=0o600)
        box = None
        try:
            put_back({n: text for n, text in files.items() if config is None or n != CONFIGURATION}, data)
            box = open_box(data, config, account)
            migrated, deleted = _fill(box, folder, manifest, deletions, progress, is_passing=is_passing)
        except BaseException:
            if box is not None:
                _empty_if_ours(box)
            _clear(data)
            (data / RESTORING).unlink(missing_ok=True)
            raise
        (data / RESTORING).unlink()
        shutil.rmtree(data / FETCHED, ignore_errors=True)
    used = log if with_deletions and log.exists() else None
    return Restored(data, manifest, migrated, deleted, used, monotonic() - began)


def _fill(
    box: Box,
    folder: Path,
    manifest: Manifest,
    deletions: Sequence[Deletion],
    progress: Progress,
    *,
    is_passing: bool,
) -> tuple[Sequence[str], Mapping[str, int]]:
    progress("checking the database's dump")
    listed = {name: wanted for wanted, name in read_listing(folder) if name in (DUMP, LEDGER)}
    if DUMP not in listed:
        raise BackupDamaged(f"{folder} lists no {DUMP}.")
    for name, wanted in listed.items():
        check_sum(folder / name, wanted)
    if LEDGER in listed:
        unpack_ledger(folder / LEDGER, box.data)
    blobs = blobs_folder(box.data)
    blobs.mkdir(mode=0o700, exist_ok=True)
    found = restore_blobs(
        folder,
        blobs,
        lambda count: progress(f"files: {count} of {manifest.files}"),
        is_passing=is_passing,
    )
    if found != manifest.files:
        raise BackupDamaged(f"{folder} has {found} files, not {manifest.files}.")
    progress("database")
    if box.postgres is None:
        _empty_if_ours(box)
        require_empty(box.owner_url)
        (box.data / RESTORING).write_text(_external(box), encoding="ascii")
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


def _external(box: Box) -> str:
    """Tells one external database from another, and nothing of its password."""
    parts = urlsplit(box.owner_url)
    where = f"{parts.hostname}:{parts.port or 5432}{parts.path}?{parts.query}"
    return hashlib.sha256(where.encode()).hexdigest()


def _empty_if_ours(box: Box) -> None:
    """What a restore into this folder had begun to load into the external database goes again."""
    marker = box.data / RESTORING
    if box.postgres is None and marker.read_text(encoding="ascii") == _external(box):
        try:
            empty_again(box.owner_url)
        except psycopg.Error:
            logger.exception(
                "what was restored into database.url could not be removed; the next restore does it"
            )


def require_empty_folder(data: Path) -> None:
    """Half a restore counts as nothing. Raises BackupError."""
    if not data.exists() or (data / RESTORING).exists():
        return
    found = [path.name for path in sorted(data.iterdir()) if path.name not in _NOT_DATA]
    if found:
        raise BackupError(
            f"{data} is not empty (it has {found[0]}). Nothing was changed. Choose an empty folder with `--data`."
        )


def _clear(data: Path) -> None:
    wait_for_former(data)
    for path in data.iterdir():
        if path.name in _NOT_DATA:
            continue
        if path.is_dir() and not path.is_symlink():
            _remove(path)
        else:
            path.unlink()


def _remove(folder: Path) -> None:
    """Also while a program that a killed restore has left behind writes its last into it."""
    for _ in range(_TRIES):
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
            return
        sleep(_PAUSE_S)
    shutil.rmtree(folder)
