"""Running PostgreSQL and Valkey without root's rights when the appliance itself was started by root.

PostgreSQL refuses to run as root. The packages may lie below a home that only root may walk (mode 0700), so their
files are copied beside the data, where the system user `appliance` can reach them.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import StartupError

SYSTEM_USER = "appliance"


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that owns the servers' files."""

    name: str
    uid: int
    gid: int

    def prefix(self) -> list[str]:
        """The words before a command that make it run as this user, with no way back."""
        return [
            "setpriv",
            f"--reuid={self.uid}",
            f"--regid={self.gid}",
            "--clear-groups",
            "--no-new-privs",
            "--",
        ]


def account_for_servers() -> Account | None:
    """None when we are nobody special and start children as ourselves; as root the user `appliance`, made if absent."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _make_system_user()
        entry = pwd.getpwnam(SYSTEM_USER)
    return Account(SYSTEM_USER, entry.pw_uid, entry.pw_gid)


def _make_system_user() -> None:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    command += ["--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise StartupError(
            f"The system user {SYSTEM_USER!r} could not be made ({error}). Make it, or start as an ordinary user."
        ) from error


def require_reachable(folder: Path, account: Account | None) -> None:
    """Raise StartupError naming --data when the servers' user cannot walk to the folder."""
    if account is None:
        return
    test = subprocess.run([*account.prefix(), "test", "-x", str(folder)], check=False)
    if test.returncode != 0:
        raise StartupError(
            f"The user {account.name!r}, as which PostgreSQL has to run, cannot reach {folder}. "
            "Choose another folder with `--data`, for example --data /var/lib/appliance."
        )


def copy_programs(source: Path, target: Path) -> Path:
    """Copy a program folder once, atomically; returns target. An older half copy is never used."""
    if not target.exists():
        half = target.with_name(f"{target.name}.{os.getpid()}.half")
        shutil.rmtree(half, ignore_errors=True)
        half.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, half, symlinks=True)
        for path in (half, *half.rglob("*")):
            open_to_all(path)
        try:
            half.rename(target)
        except OSError:
            shutil.rmtree(half, ignore_errors=True)
            if not target.exists():
                raise
    return target


def open_to_all(path: Path) -> None:
    """Let everybody read a file or walk a folder: a strict umask, at the installation or now, shut them out."""
    if not path.is_symlink():
        mode = path.stat().st_mode
        path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))


def own(path: Path, account: Account | None, mode: int) -> None:
    """Make a folder if needed and hand it to the servers' user."""
    path.mkdir(parents=True, exist_ok=True)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    path.chmod(mode)
