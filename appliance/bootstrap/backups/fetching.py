"""A backup that lies on another machine, restored from there: what can be refused is refused before it is fetched.

It is fetched into the data folder, which the restore needs empty but for that, and a fetch that broke off goes on where
it stopped.
"""

from __future__ import annotations

from pathlib import Path

from appliance.bootstrap.backups.restoring import (
    FETCHED,
    Progress,
    Restored,
    require_empty_folder,
    restore_backup,
)
from appliance.storage.backups.deletions import LOG
from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.manifest import LISTING, MANIFEST, SEALED, SUMS, read_manifest
from appliance.storage.backups.sealing import unseal
from appliance.storage.backups.ssh_shelf import SCHEME, SshShelf, one_on_shelf
from appliance.supervisor.data_folder import locked, prepare_data_folder
from appliance.supervisor.parting import ends_with_us
from appliance.supervisor.unprivileged import account_for_servers


def restore_from(
    address: str,
    data: Path,
    passphrase: str,
    *,
    ssh_options: str = "",
    config: Path | None = None,
    log: Path | None = None,
    with_deletions: bool = True,
    progress: Progress = lambda _text: None,
) -> Restored:
    """address: a backup's folder, ssh://user@host/path/NAME, or ssh://user@host/path for the newest there.

    Raises as restore_backup. What was fetched is kept for another try, but for a passphrase that does not open it.
    """
    if not address.startswith(SCHEME):
        return restore_backup(
            Path(address),
            data,
            passphrase,
            config=config,
            log=log,
            with_deletions=with_deletions,
            progress=progress,
        )
    data = data.absolute()
    require_empty_folder(data)
    shelf, name = one_on_shelf(address, ends_with_us(), ssh_options)
    progress(f"fetching {name} from {shelf.target}")
    tops = {part: shelf.read(f"{name}/{part}") for part in (SUMS, MANIFEST, SEALED, LISTING)}
    if not tops[SUMS]:
        raise BackupError(f"{address} is not a backup: it has no {SUMS}. Name the folder of one backup.")
    unseal(tops[SEALED], passphrase, tops[MANIFEST])
    prepare_data_folder(data, is_shared=account_for_servers() is not None)
    with locked(data, "(appliance restore)"):
        folder = _fetch(shelf, name, data / FETCHED, tops)
    return restore_backup(
        folder,
        data,
        passphrase,
        config=config,
        log=log,
        with_deletions=with_deletions,
        is_passing=True,
        progress=progress,
    )


def _fetch(shelf: SshShelf, name: str, into: Path, tops: dict[str, bytes]) -> Path:
    folder = into / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part, content in tops.items():
        (folder / part).write_bytes(content)
    read_manifest(folder)
    shelf.fetch(name, into)
    (into / LOG).write_bytes(shelf.read(LOG))
    if not (into / LOG).stat().st_size:
        (into / LOG).unlink()  # there is none
    return folder
