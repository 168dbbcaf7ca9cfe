"""Backups on another machine: sent by rsync over ssh, which shares unchanged files there with the backup before.

The other machine needs ssh, rsync, sha256sum and a POSIX shell, and nothing of ours. Keys and known hosts are those of
the system's ssh: it must connect without asking.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.manifest import LISTING, SUMS

SCHEME = "ssh://"
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d+)?")
_MOMENT = "%Y-%m-%dT%H-%M-%SZ"


@dataclass(frozen=True, slots=True)
class SshShelf:
    """target: user@host. path: of the folder there. before: between fork and exec, such as to end with us.

    options: more words for ssh.
    """

    target: str
    port: int | None
    path: str
    before: Callable[[], None]
    options: tuple[str, ...] = ()

    def prepare(self) -> None:
        """Make the folder there; clear away what broken off sendings have left. Raises BackupError."""
        folder = shlex.quote(self.path)
        self._shell(f"umask 077 && mkdir -p {folder} && rm -rf {folder}/.*.part {folder}/.*.leaving")

    def names(self) -> Sequence[str]:
        """Those that are there, oldest first."""
        listed = self._shell(f"ls -1 {shlex.quote(self.path)}").splitlines()
        return sorted(name for name in listed if _NAME.fullmatch(name))

    def read(self, name: str) -> bytes:
        """A small file below the folder; empty where there is none."""
        path = shlex.quote(f"{self.path}/{name}")
        return self._shell(f"if [ -f {path} ]; then cat {path}; fi").encode()

    def send(self, folder: Path, latest: str | None) -> str:
        """Send a backup under a name aside, check all sums there, then give it its name, which is returned."""
        name, part = folder.name, f"{self.path}/.{folder.name}.part"
        shared = [f"--link-dest=../{latest}/"] if latest else []
        self._rsync([*shared, f"{folder}/", f"{self.target}:{part}/"])
        checked = f"cd {shlex.quote(part)} && sha256sum --check --quiet {SUMS} {LISTING} && sync"
        self._shell(f"{checked} && mv {shlex.quote(part)} {shlex.quote(f'{self.path}/{name}')}")
        return name

    def send_file(self, file: Path) -> None:
        """A file beside the backups; it is there wholly or not at all."""
        self._rsync([str(file), f"{self.target}:{self.path}/{file.name}"])

    def remove(self, name: str) -> None:
        """Under another name first: half of a backup never looks like one."""
        leaving = shlex.quote(f"{self.path}/.{name}.leaving")
        self._shell(f"mv {shlex.quote(f'{self.path}/{name}')} {leaving} && rm -rf {leaving}")

    def _shell(self, command: str) -> str:
        return self._run([*self._ssh(), self.target, command])

    def _rsync(self, words: Sequence[str]) -> None:
        if shutil.which("rsync") is None:
            raise BackupError("This machine lacks rsync. Install it: apt-get install rsync.")
        how = ["rsync", "--archive", "--hard-links", "--chmod=go=", f"--rsh={shlex.join(self._ssh())}"]
        self._run([*how, *words])

    def _ssh(self) -> list[str]:
        words = ["ssh", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=15", *self.options]
        return [*words, "-p", str(self.port)] if self.port else words

    def _run(self, words: Sequence[str]) -> str:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
            preexec_fn=self.before,
        )
        try:
            out, complaints = process.communicate()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode != 0:
            told = (complaints or out).strip()[-400:] or f"it ended with status {process.returncode}"
            raise BackupError(f"{words[0]} to {self.target}: {told}")
        return out


def ssh_shelf(address: str, before: Callable[[], None], options: str = "") -> SshShelf:
    """address: ssh://user@host[:port]/path. options: as in a shell. Raises BackupError."""
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError as error:
        raise BackupError(f"{address}: {error}.") from error
    if not parts.hostname or parts.hostname.startswith("-") or len(parts.path) < 2 or parts.password:
        raise BackupError(f"{address} is not an address. Write ssh://user@host/absolute/path.")
    target = f"{parts.username}@{parts.hostname}" if parts.username else parts.hostname
    return SshShelf(target, port, parts.path.rstrip("/"), before, tuple(shlex.split(options)))


def moment_of(name: str) -> datetime:
    """When the backup of that name was made."""
    return datetime.strptime(name[:20], _MOMENT).replace(tzinfo=UTC)


def expired_names(names: Sequence[str], now: datetime, *, keep_last: int, keep_days: int) -> Sequence[str]:
    """As shelf.expired, by their names. names: oldest first."""
    beyond = names[: max(0, len(names) - keep_last)]
    return [name for name in beyond if (now - moment_of(name)).total_seconds() > keep_days * 86_400]
