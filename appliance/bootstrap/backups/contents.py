"""What of a box's data folder is wrapped by the passphrase, and how it is put back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from appliance.bootstrap.box import Box
from appliance.storage.backups.errors import BackupDamaged, BackupError
from appliance.supervisor.secret_files import FOLDER, write_private

CONFIGURATION = "appliance.toml"
_CREDENTIALS = "credentials.json"
_LEAST_CHARACTERS = 8
# What operators wrote into the data folder by hand: declared pipelines, passwords of databases, keys of tool servers.
_WRITTEN = ("pipelines", "databases/passwords", "tool-secrets")
_MOST_BYTES = 2**16  # of one of their files; what is larger is none of them


def sealed_files(box: Box) -> dict[str, str]:
    """Name → text: secrets, appliance.toml wherever it lies, credentials.json while it is there, what was written."""
    found = {
        f"{FOLDER}/{path.name}": path.read_text(encoding="utf-8")
        for path in sorted((box.data / FOLDER).iterdir())
        if path.is_file() and path.suffix != ".new"
    }
    if box.config is not None:
        found[CONFIGURATION] = box.config.read_text(encoding="utf-8")
    if box.credentials_path.exists():
        found[_CREDENTIALS] = box.credentials_path.read_text(encoding="utf-8")
    for folder in _WRITTEN:
        found |= _written_in(box.data, folder)
    return found


def _written_in(data: Path, folder: str) -> dict[str, str]:
    """Small texts of a folder that may not be there; links lead elsewhere and are left out."""
    there = data / folder
    if not there.is_dir():
        return {}
    found = {}
    for path in sorted(there.iterdir()):
        if path.name.startswith(".") or path.is_symlink() or not path.is_file():
            continue
        with suppress(UnicodeDecodeError):
            if path.stat().st_size <= _MOST_BYTES:
                found[f"{folder}/{path.name}"] = path.read_text(encoding="utf-8")
    return found


def put_back(files: Mapping[str, str], data: Path) -> None:
    """Write them into an empty data folder."""
    (data / FOLDER).mkdir(mode=0o700, exist_ok=True)
    for name, text in files.items():
        folder, _, last = name.rpartition("/")
        if folder not in ("", FOLDER, *_WRITTEN) or not last or last.startswith("."):
            raise BackupDamaged(f"sealed.json names {name!r}, which has no place in a data folder.")
        (data / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(data / name, text)


def box_id(box: Box) -> str:
    """The same for a box and what is restored from it; says nothing of the secret it is made from."""
    return hashlib.sha256(b"box " + box.secrets.session_secret.encode()).hexdigest()[:16]


def passphrase_of(box: Box) -> str:
    """As the settings have it. Raises BackupError."""
    settings = box.settings.backup
    if settings.passphrase_file:
        return read_passphrase(Path(settings.passphrase_file))
    return checked_passphrase(settings.passphrase.get_secret_value(), "backup.passphrase_file")


def read_passphrase(path: Path) -> str:
    """The first line of a file. Raises BackupError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"The passphrase's file {path} cannot be read: {error}.") from error
    return checked_passphrase(text.strip("\n").partition("\n")[0].strip(), str(path))


def checked_passphrase(passphrase: str, where: str) -> str:
    """Raises BackupError for one that anybody would guess."""
    if len(passphrase) < _LEAST_CHARACTERS:
        raise BackupError(
            f"The passphrase ({where}) is missing or shorter than {_LEAST_CHARACTERS} characters. Make a file that "
            "holds one (`openssl rand -base64 24 > FILE; chmod 600 FILE`), and keep a copy of it elsewhere."
        )
    return passphrase
