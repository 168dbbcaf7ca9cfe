"""A backup onto another machine: made aside on this one, sent, and checked there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.bootstrap.backups.contents import box_id
from appliance.bootstrap.backups.leaving import leaving
from appliance.bootstrap.backups.making import Made, Wishes, make_backup
from appliance.bootstrap.box import Box
from appliance.bootstrap.egress import way_out
from appliance.storage.backups.deletions import LOG, deletions_since, merge_log
from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.manifest import MANIFEST, Manifest
from appliance.storage.backups.ssh_shelf import SCHEME, SshShelf, expired_names, moment_of, ssh_shelf
from appliance.storage.backups.steps import Progress, Step
from appliance.storage.roles import DatabaseRole
from appliance.supervisor.parting import ends_with_us

_STAGING = "backup-staging"


def back_up_to(box: Box, address: str, wishes: Wishes, progress: Progress = lambda _step: None) -> Made:
    """address: a folder, or ssh://user@host/path. Raises BackupError and StartupError."""
    if not address.startswith(SCHEME):
        return make_backup(box, replace(wishes, folder=Path(address)), progress)
    shelf = ssh_shelf(address, ends_with_us(), box.settings.backup.ssh_options)
    with leaving(shelf, way_out(box), "backup") as shelf_there:
        return _sent(box, shelf_there, address, wishes, progress)


def _sent(box: Box, shelf: SshShelf, address: str, wishes: Wishes, progress: Progress) -> Made:
    shelf.prepare()
    names = shelf.names()
    latest = names[-1] if names else None
    if latest is not None:
        _require_ours(box, shelf, latest, address)
    staging = box.data / _STAGING
    try:
        here = replace(wishes, folder=staging, keep_last=0)
        made = make_backup(box, here, progress, is_passing=True)
        progress(Step("sending", target=shelf.target))
        name = shelf.send(made.folder, latest)
        oldest = moment_of(names[0]) if names else made.manifest.created_at
        _send_log(box, shelf, staging, oldest)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    removed = []
    if wishes.keep_last:
        now = datetime.now(UTC)
        going = expired_names([*names, name], now, keep_last=wishes.keep_last, keep_days=wishes.keep_days)
        for old in going:
            shelf.remove(old)
            removed.append(old)
    return replace(made, address=f"{address.rstrip('/')}/{name}", removed=removed)


def send_deletions(box: Box, address: str) -> None:
    """What was deleted since the oldest backup there. Raises BackupError."""
    with leaving(
        ssh_shelf(address, ends_with_us(), box.settings.backup.ssh_options), way_out(box), "backup"
    ) as shelf:
        names = shelf.names()
        if not names:
            return
        staging = box.data / f"{_STAGING}-log"
        staging.mkdir(mode=0o700, exist_ok=True)
        try:
            _send_log(box, shelf, staging, moment_of(names[0]))
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _send_log(box: Box, shelf: SshShelf, staging: Path, oldest: datetime) -> None:
    log = staging / LOG
    there = shelf.read(LOG)
    log.write_bytes(there)
    merge_log(log, deletions_since(box.database_url(DatabaseRole.MAINTENANCE), oldest), oldest)
    if log.read_bytes() != there:
        shelf.send_file(log)


def _require_ours(box: Box, shelf: SshShelf, name: str, address: str) -> None:
    try:
        found = Manifest.model_validate_json(shelf.read(f"{name}/{MANIFEST}")).box_id
    except ValueError as error:
        raise BackupError(
            f"{address}/{name} has no manifest. Remove it, or choose another folder."
        ) from error
    if found != box_id(box):
        raise BackupError(f"{address} holds backups of another appliance. Choose another folder.")
