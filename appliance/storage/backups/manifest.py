"""What a backup says of itself, and the names of its parts.

NAME/
    SHA256SUMS       of the three files below; with FILES.sha256 it is what `sha256sum -c` reads
    manifest.json    versions, rows of every table, how many files
    sealed.json      settings and secrets, wrapped by the passphrase and bound to the manifest
    FILES.sha256     of everything else
    database.dump    PostgreSQL's own custom format (pg_restore)
    egress.tar       the ledger of what left, where something did
    blobs/ab/ab…     the uploaded files, each named by its SHA-256
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.storage.backups.errors import BackupDamaged, BackupError, BackupTooNew

FORMAT = 1
SUMS, MANIFEST, SEALED, LISTING = "SHA256SUMS", "manifest.json", "sealed.json", "FILES.sha256"
DUMP, BLOBS = "database.dump", "blobs"
LEDGER = "egress.tar"
_PIECE = 2**20


class Manifest(BaseModel):
    """created_at: the moment the database is of. rows: of every table. migrations: name → checksum.

    deleted_meanwhile: contents whose files were deleted while the backup was being made. missing: contents that the
    box itself had lost, or had damaged. Both as hexadecimal SHA-256; no file of the backup holds them.
    """

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    appliance_version: str
    data_version: int
    created_at: datetime
    box_id: str
    postgres: str
    migrations: Mapping[str, str]
    rows: Mapping[str, int]
    files: int
    files_bytes: int
    dump_bytes: int
    deleted_meanwhile: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def as_bytes(self) -> bytes:
        return self.model_dump_json(indent=1).encode() + b"\n"


def seal_sums(folder: Path) -> None:
    """Write the sums of the top files, last of all."""
    lines = [f"{sha256_of(folder / name).hex()}  {name}\n" for name in (MANIFEST, SEALED, LISTING)]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a finished backup, its top files checked. Raises BackupError, BackupDamaged, BackupTooNew."""
    if not (folder / SUMS).is_file():
        raise BackupError(f"{folder} is not a backup: it has no {SUMS}. Name the folder of one backup.")
    for line in (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines():
        wanted, _, name = line.partition("  ")
        if name not in (MANIFEST, SEALED, LISTING):
            raise BackupDamaged(f"{folder / SUMS} names {name!r}, which is not a part of a backup.")
        check_sum(folder / name, wanted)
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except ValidationError as error:
        raise BackupTooNew(f"({folder / MANIFEST} has a form that this version does not know.)") from error
    if manifest.format > FORMAT:
        raise BackupTooNew(f"({manifest.appliance_version})")
    return manifest


def require_known(manifest: Manifest, migrations: Mapping[str, str], data_version: int) -> None:
    """Raises BackupTooNew for what this version could not bring up to date. migrations: name → checksum, ours."""
    unknown = sorted(set(manifest.migrations) - set(migrations))
    if unknown or manifest.data_version > data_version:
        what = f"it knows {unknown[-1]}" if unknown else f"its data is of version {manifest.data_version}"
        raise BackupTooNew(f"(It is of version {manifest.appliance_version}: {what}.)")
    altered = sorted(name for name, sum_ in manifest.migrations.items() if migrations[name] != sum_)
    if altered:
        raise BackupError(
            f"The migration {altered[0]} has changed since the backup was made. Install a released version."
        )


def check_sum(path: Path, wanted: str) -> None:
    """Raises BackupDamaged naming the file."""
    try:
        found = sha256_of(path).hex()
    except OSError as error:
        raise BackupDamaged(f"{path} cannot be read: {error.strerror}.") from error
    if found != wanted:
        raise BackupDamaged(f"{path} is not what was backed up: its SHA-256 is {found}, not {wanted}.")


def sha256_of(path: Path) -> bytes:
    """Of a file, in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_PIECE):
            digest.update(data)
    return digest.digest()
