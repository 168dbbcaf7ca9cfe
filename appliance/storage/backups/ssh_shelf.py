"""Backups on another machine: sent by rsync over ssh, which shares unchanged files there with the backup before.

The other machine needs ssh, rsync, sha256sum and a POSIX shell, and nothing of ours; tar is enough to fetch one. Keys
and known hosts are those of the system's ssh: it must connect without asking.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.manifest import LISTING, SUMS

SCHEME = "ssh://"
_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d+)?")
_SENT = re.compile(r"^Total bytes sent: (\d+)$", re.MULTILINE)
_LOOK_EVERY_S = 0.5
_MOMENT = "%Y-%m-%dT%H-%M-%SZ"


@dataclass(frozen=True, slots=True)
class SshShelf:
    """target: user@host. path: of the folder there. before: between fork and exec, such as to end with us.

    options: more words for ssh. stopped: why what runs has to end now; looked at twice a second. tell_sent: is told
    the bytes that rsync has sent.
    """

    target: str
    port: int | None
    path: str
    before: Callable[[], None]
    options: tuple[str, ...] = ()
    stopped: Callable[[], str] = lambda: ""
    tell_sent: Callable[[int], None] = lambda _size: None

    @property
    def url(self) -> str:
        """Of the machine, without the user."""
        return f"ssh://{self.target.rpartition('@')[2]}:{self.port or 22}{self.path}"

    def prepare(self) -> None:
        """Make the folder there; clear away what broken off sendings have left. Raises BackupError."""
        folder = shlex.quote(self.path)
        self._shell(f"umask 077 && mkdir -p {folder} && rm -rf {folder}/.*.part {folder}/.*.leaving")
        self._require_rsync()

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

    def fetch(self, name: str, into: Path) -> None:
        """A whole backup, to into/name. What a broken off fetch has left there is gone on with where rsync is.

        Sums are not checked here: the restore does. Raises BackupError.
        """
        if self._lacking_rsync() is None:
            self._rsync(["--partial", f"{self.target}:{self.path}/{name}/", f"{into / name}/"])
        else:
            self._untar(name, into)

    def remove(self, name: str) -> None:
        """Under another name first: half of a backup never looks like one."""
        leaving = shlex.quote(f"{self.path}/.{name}.leaving")
        self._shell(f"mv {shlex.quote(f'{self.path}/{name}')} {leaving} && rm -rf {leaving}")

    def _shell(self, command: str) -> str:
        return self._run([*self._ssh(), self.target, command])

    def _lacking_rsync(self) -> str | None:
        """Which of the two machines has none; None: both have it."""
        if shutil.which("rsync") is None:
            return "This machine"
        found = self._shell("command -v rsync || true").strip()
        return None if found else self.target

    def _require_rsync(self) -> None:
        lacking = self._lacking_rsync()
        if lacking is not None:
            raise BackupError(f"{lacking} lacks rsync. Install it there: apt-get install rsync.")

    def _untar(self, name: str, into: Path) -> None:
        """As a stream: nothing is held. A name that would lead out of the folder is refused."""
        words = [*self._ssh(), self.target, f"cd {shlex.quote(self.path)} && tar -cf - {shlex.quote(name)}"]
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            process_group=0,
            preexec_fn=self.before,
        )
        try:
            with (
                process,
                self._ended_by_the_switch(process),
                tarfile.open(fileobj=process.stdout, mode="r|") as archive,
            ):
                archive.extractall(into, filter="data")
        except tarfile.TarError as error:
            process.wait()
            raise BackupError(f"ssh to {self.target}: {name} did not arrive whole ({error}).") from error
        except BaseException:
            process.kill()
            raise
        if process.returncode != 0:
            raise BackupError(f"ssh to {self.target}: tar ended with status {process.returncode}.")

    def _rsync(self, words: Sequence[str]) -> None:
        how = ["rsync", "--archive", "--hard-links", "--chmod=go=", "--stats", "--no-human-readable"]
        said = self._run([*how, f"--rsh={shlex.join(self._ssh())}", *words])
        if sent := _SENT.search(said):
            self.tell_sent(int(sent[1]))

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
            with self._ended_by_the_switch(process):
                out, complaints = process.communicate()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if why := self.stopped():
            raise BackupError(
                f"{words[0]} to {self.target} was ended: nothing leaves the appliance now. {why}"
            )
        if process.returncode != 0:
            told = (complaints or out).strip()[-400:] or f"it ended with status {process.returncode}"
            raise BackupError(f"{words[0]} to {self.target}: {told}")
        return out

    @contextmanager
    def _ended_by_the_switch(self, process: subprocess.Popen[Any]) -> Iterator[None]:
        """With all that it started: rsync has an ssh of its own."""
        is_over = threading.Event()

        def look() -> None:
            while not is_over.wait(_LOOK_EVERY_S):
                if self.stopped():
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    return

        watch = threading.Thread(target=look, name="stop switch", daemon=True)
        watch.start()
        try:
            yield
        finally:
            is_over.set()
            watch.join()


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


def one_on_shelf(address: str, before: Callable[[], None], options: str = "") -> tuple[SshShelf, str]:
    """The backup that ssh://user@host/path/NAME is; the newest in ssh://user@host/path. Raises BackupError."""
    folder, _, last = address.rstrip("/").rpartition("/")
    if _NAME.fullmatch(last):
        return ssh_shelf(folder, before, options), last
    shelf = ssh_shelf(address, before, options)
    names = shelf.names()
    if not names:
        raise BackupError(f"There is no backup in {address}. Name the folder that they are kept in.")
    return shelf, names[-1]


def moment_of(name: str) -> datetime:
    """When the backup of that name was made."""
    return datetime.strptime(name[:20], _MOMENT).replace(tzinfo=UTC)


def expired_names(names: Sequence[str], now: datetime, *, keep_last: int, keep_days: int) -> Sequence[str]:
    """As shelf.expired, by their names. names: oldest first."""
    beyond = names[: max(0, len(names) - keep_last)]
    return [name for name in beyond if (now - moment_of(name)).total_seconds() > keep_days * 86_400]
