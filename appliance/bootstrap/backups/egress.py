"""The ledger of what left, in a backup and back: it tells what happened even where the box is lost."""

from __future__ import annotations

import tarfile
from pathlib import Path

from appliance.storage.backups.errors import BackupDamaged
from appliance.storage.egress_ledger import CLOSED, CURRENT

_FOLDER = "egress"


def pack_ledger(data: Path, target: Path) -> bool:
    """Write all of it into one file; False where nothing ever left. Lines that come meanwhile are for the next one."""
    folder = data / _FOLDER
    files = [*sorted(folder.glob(CLOSED)), folder / CURRENT]
    present = [path for path in files if path.is_file()]
    if not present:
        return False
    with tarfile.open(target, "w") as archive:
        for path in present:
            with path.open("rb") as file:
                about = archive.gettarinfo(arcname=path.name, fileobj=file)
                archive.addfile(about, file)
    return True


def unpack_ledger(source: Path, data: Path) -> None:
    """Into an empty folder; its chain goes on from there. Raises BackupDamaged."""
    folder = data / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        with tarfile.open(source, "r") as archive:
            for about in archive:
                name = Path(about.name)
                if not about.isfile() or name.name != about.name or not name.match("ledger*.jsonl"):
                    raise BackupDamaged(f"{source} holds {about.name!r}, which is no part of the ledger.")
                archive.extract(about, folder, filter="data")
                (folder / about.name).chmod(0o600)
    except tarfile.TarError as error:
        raise BackupDamaged(f"{source} cannot be read: {error}.") from error
