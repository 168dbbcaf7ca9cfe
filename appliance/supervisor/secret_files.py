"""The secrets of one box, made at the first start and kept in DATA/secrets (0700, files 0600)."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import StartupError

_BYTES = 32
FOLDER = "secrets"
NAMES = ("database_owner_password", "database_role_secret", "valkey_password", "session_secret")


@dataclass(frozen=True, slots=True, repr=False)
class BoxSecrets:
    """owner: of the embedded database. role: from which the other database passwords are derived."""

    database_owner_password: str
    database_role_secret: str
    valkey_password: str
    session_secret: str


def load_or_create_secrets(data: Path) -> BoxSecrets:
    """Read what is there and make what is missing. Raises StartupError when a secret was lost that cannot be remade."""
    folder = data / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    owner = folder / "database_owner_password"
    if not owner.exists() and (data / "postgres" / "PG_VERSION").exists():
        raise StartupError(
            f"{owner} is missing, and without it the database in {data / 'postgres'} cannot be opened. "
            "Put it back from a backup, or choose another folder with `--data`."
        )
    return BoxSecrets(*(_load_or_create(folder / name) for name in NAMES))


def write_private(path: Path, text: str) -> None:
    """Write a file that only we may read; after a crash it is there wholly or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def _load_or_create(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        text = ""
    if not text:
        text = secrets.token_hex(_BYTES)
        write_private(path, text + "\n")
    elif path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return text
