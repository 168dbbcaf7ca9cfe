"""The embedded PostgreSQL: initdb once, then one server process on a unix socket, with passwords.

We drive the packaged binaries ourselves: the package's own wrapper uses trust authentication, changes rights on parent
folders and hands out a dead address after `kill -9`. Starting again after a kill takes about half a second.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from appliance.errors import StartupError
from appliance.supervisor.binaries import postgres_folder
from appliance.supervisor.parting import ends_with_us
from appliance.supervisor.unprivileged import Account, copy_programs, open_to_all, own, require_reachable

OWNER = "appliance_owner"
DATABASE = "appliance"
MAX_SOCKET_FOLDER_BYTES = 80  # sun_path holds 107; PostgreSQL adds "/.s.PGSQL.5432"
VERSION = "18"
_SOCKET_NAME = ".s.PGSQL.5432"
_PROTOCOL = 3 << 16  # 3.0

# Small box defaults; PostgreSQL's own are for 1990s memory. Durability is never relaxed.
_CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "120",
    "shared_buffers": "256MB",  # the graph of 100,000 passages; pages are taken as they are used
    "maintenance_work_mem": "256MB",
    "password_encryption": "scram-sha-256",
    "log_destination": "stderr",
    "log_min_messages": "warning",
    "max_parallel_maintenance_workers": "1",
}


def socket_folder(data: Path) -> Path:
    """DATA/run where its path is short enough for a unix socket, else a folder below the system's temporary one."""
    run = data / "run"
    if len(os.fsencode(str(run))) <= MAX_SOCKET_FOLDER_BYTES:
        return run
    digest = hashlib.sha256(os.fsencode(str(data))).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"appliance-{os.getuid()}-{digest}"


@dataclass(frozen=True)
class EmbeddedPostgres:
    """data: the appliance's data folder. password: of the owner role."""

    data: Path
    password: str
    account: Account | None = None

    @property
    def cluster(self) -> Path:
        return self.data / "postgres"

    @property
    def sockets(self) -> Path:
        return socket_folder(self.data)

    @property
    def programs(self) -> Path:
        """Where `bin/` lies; beside the data when another user has to run it."""
        source = postgres_folder()
        if self.account is None:
            return source
        return self.data / "programs" / f"postgres-{VERSION}" / source.parent.name / source.name

    def url(self, user: str = OWNER, password: str | None = None, database: str = DATABASE) -> str:
        """The address for psycopg; the socket's folder travels as `host`."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@/{database}?host={quote(str(self.sockets), safe='')}"

    def prepare(self) -> None:
        """Folders, rights, and initdb at the first start. Safe to run again after a crash in the middle."""
        self._copy_programs()
        own(self.sockets, self.account, 0o700)
        if (self.cluster / "PG_VERSION").exists():
            self._require_same_version()
            return
        for abandoned in self.data.glob("postgres.new*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=self.data))
        own(fresh, self.account, 0o700)
        require_reachable(fresh, self.account)
        self._initdb(fresh)
        if self.cluster.exists():
            shutil.rmtree(self.cluster)
        fresh.rename(self.cluster)

    def command(self) -> list[str]:
        """The server in the foreground, as the servers' user; SIGINT stops it fast and cleanly."""
        return [*self._prefix(), *self.server_words()]

    def server_words(self) -> list[str]:
        """The server's own command, for whoever changes the user itself."""
        options = dict(_CONFIGURATION, unix_socket_directories=str(self.sockets))
        words = [str(self.programs / "bin" / "postgres"), "-D", str(self.cluster)]
        for name, value in options.items():
            words += ["-c", f"{name}={value}"]
        return words

    def is_ready(self) -> bool:
        """True when it asks for a password; while it starts, recovers or stops it refuses before that."""
        parameters = f"user\0{OWNER}\0database\0postgres\0\0".encode()
        hello = struct.pack("!II", 8 + len(parameters), _PROTOCOL) + parameters
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(1.0)
                client.connect(str(self.sockets / _SOCKET_NAME))
                client.sendall(hello)
                return client.recv(1024).startswith(b"R")
        except OSError:
            return False

    def wait_ready(self, timeout_s: float = 180.0) -> None:
        """Raises StartupError. A long crash recovery is waited for."""
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise StartupError(
                    f"PostgreSQL did not answer within {timeout_s:.0f} s; see its lines in the log."
                )
            time.sleep(0.05)

    def _prefix(self) -> list[str]:
        return self.account.prefix() if self.account else []

    def _copy_programs(self) -> None:
        if self.account is None:
            return
        source = postgres_folder()
        package = self.programs.parent
        libraries = source.parent.with_name(f"{source.parent.name}.libs")
        package.mkdir(parents=True, exist_ok=True)
        for folder in (package, *package.parents):
            if folder == self.data:
                break
            open_to_all(folder)
        copy_programs(source, self.programs)
        if libraries.exists():
            copy_programs(libraries, package.with_name(libraries.name))

    def _initdb(self, cluster: Path) -> None:
        account = self.account
        with tempfile.NamedTemporaryFile(
            "w", dir=self.sockets, prefix="initdb-"
        ) as password_file:  # mode 0600
            password_file.write(self.password)
            password_file.flush()
            if account is not None:
                os.chown(password_file.name, account.uid, account.gid)
            words = [str(self.programs / "bin" / "initdb"), "-D", str(cluster), "-U", OWNER]
            words += [
                "--auth=scram-sha-256",
                f"--pwfile={password_file.name}",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
            ]
            made = subprocess.run(
                words,
                check=False,
                capture_output=True,
                text=True,
                env=_clean_environment(),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=ends_with_us(is_other_user=account is not None),
            )
        if made.returncode != 0:
            raise StartupError(f"PostgreSQL could not make its folder {cluster}: {made.stderr.strip()}")

    def _require_same_version(self) -> None:
        found = (self.cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
        if found != VERSION:
            raise StartupError(
                f"{self.cluster} was written by PostgreSQL {found}; this appliance brings {VERSION}. "
                "Back it up with the version that wrote it and restore it here (docs/operating.md)."
            )


def _clean_environment() -> dict[str, str]:
    """PG* variables of the operator's shell must not lead our tools elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
