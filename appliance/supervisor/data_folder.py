"""The data folder: made, checked, locked for one start at a time, and stamped with the version that wrote it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from appliance.errors import StartupError
from appliance.supervisor.secret_files import write_private

DATA_VERSION = 1  # raised when an older program could not read what this one writes
LEAST_FREE_BYTES = 500 * 10**6
SYSTEM_DATA = Path("/var/lib/appliance")
RESTORING = "restore-in-progress"  # stands here until a restore has ended


def default_data_folder() -> Path:
    """`./data` of the checkout; as root /var/lib/appliance, which the servers' own user can reach."""
    if os.geteuid() == 0:
        return SYSTEM_DATA
    return Path(__file__).resolve().parent.parent.parent / "data"


def prepare_data_folder(data: Path, *, is_shared: bool) -> None:
    """Make the folder and see that it can be used. is_shared: another user has to walk through it (we are root).

    Raises StartupError for a folder without rights, a full disk and data of a newer version.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o711 if is_shared else 0o700)
        probe = data / ".write-test"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise StartupError(_why_not_writable(data, error)) from error
    free = shutil.disk_usage(data).free
    if free < LEAST_FREE_BYTES:
        raise StartupError(
            f"The disk of {data} has {free / 1e6:.0f} MB left; at least {LEAST_FREE_BYTES / 1e6:.0f} MB are needed. "
            "Make room, or choose a folder on another disk with `--data`."
        )


@contextmanager
def locked(data: Path, described_as: str) -> Iterator[None]:
    """Hold the folder for this process alone; the kernel lets go when we end, however we end.

    described_as: what a second start is told about us. Raises StartupError naming who holds it.
    """
    path = data / "appliance.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise StartupError(
                    f"{path} cannot be locked ({error.strerror}). Choose a local disk with `--data`."
                ) from error
            holder = os.pread(descriptor, 500, 0).decode(errors="replace").strip() or "another process"
            raise StartupError(
                f"{data} is in use by {holder}. Stop that one first, or choose another folder with `--data`."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} {described_as}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def check_version(data: Path) -> None:
    """Raises StartupError when a newer appliance has written here, or when a restore was broken off."""
    if (data / RESTORING).exists():
        raise StartupError(
            f"A restore into {data} was broken off. Run `appliance restore` again; it begins anew by itself."
        )
    path = data / "version.json"
    try:
        stamp = json.loads(path.read_text(encoding="utf-8"))
        found, by = int(stamp["data_version"]), str(stamp["written_by"])
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError) as error:
        raise StartupError(
            f"{path} cannot be read ({error}). Put it back from a backup, or remove it if this version wrote {data}."
        ) from error
    if found > DATA_VERSION:
        raise StartupError(
            f"{data} was written by version {by}, which is newer than this one. Start version {by} or later, "
            "or restore a backup made with this version into another folder (`--data`)."
        )


def stamp_of(data: Path) -> dict[str, Any]:
    """Which version wrote this folder last, and under `before` which other one before it; empty where nobody knows."""
    try:
        stamp = json.loads((data / "version.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def stamp_version(data: Path, version: str) -> None:
    """Say which version wrote this folder last."""
    last = stamp_of(data)
    before = last if last.get("written_by") != version else last.get("before")
    stamp: dict[str, Any] = {"data_version": DATA_VERSION, "written_by": version}
    if before:
        stamp["before"] = {name: value for name, value in before.items() if name != "before"}
    write_private(data / "version.json", json.dumps(stamp) + "\n")


def stamp_before(data: Path) -> None:
    """The version before wrote it last, now that its data is back."""
    before = stamp_of(data).get("before")
    if before:
        write_private(data / "version.json", json.dumps(before) + "\n")


def _why_not_writable(data: Path, error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return f"The disk of {data} is full. Make room, or choose a folder on another disk with `--data`."
    if error.errno == errno.ENAMETOOLONG:
        return f"The path {data} is too long. Choose a shorter one with `--data`."
    if error.errno == errno.EROFS:
        return f"{data} lies on a disk that cannot be written. Choose another folder with `--data`."
    return (
        f"The folder {data} cannot be written by user {os.geteuid()} ({error.strerror}). "
        "Give that user the right, or choose another folder with `--data`."
    )
