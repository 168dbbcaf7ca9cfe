"""A MariaDB that tests may fill, break and start again: Debian's server in a temporary folder, not as root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest

from appliance.supervisor.unprivileged import account_for_servers, own
from tests.conftest import _ending_with_us

_PATIENCE_S = 120.0
OWNER = "owner"
OWNER_PASSWORD = "owner-password"


def mariadbd() -> str | None:
    """Debian puts it where only root's PATH leads."""
    return shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class OwnMariaDB:
    """One server on a unix socket; owner may everything.

    files: written where the server can read them; `{files}` in an option is their folder.
    """

    def __init__(self, folder: Path, *options: str, files: Mapping[str, bytes] | None = None) -> None:
        folder.chmod(0o755)
        self.folder, self.socket = folder, folder / "run" / "s.sock"
        self._data, self._account = folder / "data", account_for_servers()
        self._options = [one.format(files=self.socket.parent) for one in options]
        own(self._data, self._account, 0o700)
        own(self.socket.parent, self._account, 0o755)
        for name, content in (files or {}).items():
            (self.socket.parent / name).write_bytes(content)
            (self.socket.parent / name).chmod(0o644)
        self._process: subprocess.Popen[bytes] | None = None
        self._install()

    def _install(self) -> None:
        words = ["mariadb-install-db", "--no-defaults", f"--datadir={self._data}", "--skip-test-db"]
        words += ["--auth-root-authentication-method=normal", "--skip-name-resolve"]
        made = subprocess.run(
            [*self._prefix(), *words, f"--tmpdir={self.socket.parent}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        self.start()
        with self.as_user("root", "") as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE USER {OWNER}@'%' IDENTIFIED BY '{OWNER_PASSWORD}'")
            cursor.execute(f"GRANT ALL PRIVILEGES ON *.* TO {OWNER}@'%' WITH GRANT OPTION")

    def _prefix(self) -> list[str]:
        return self._account.prefix() if self._account else []

    def start(self) -> None:
        """Returns when it answers."""
        words = [str(mariadbd()), "--no-defaults", f"--datadir={self._data}", f"--socket={self.socket}"]
        words += [f"--tmpdir={self.socket.parent}", f"--pid-file={self.socket.parent}/pid", "--skip-log-bin"]
        words += [
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=32M",
            "--performance-schema=off",
        ]
        words += ["--skip-name-resolve", *(self._options or ("--skip-networking",))]
        self._process = subprocess.Popen(
            _ending_with_us([*self._prefix(), *words]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + _PATIENCE_S
        while not self._answers():
            assert time.monotonic() < until and self._process.poll() is None, "MariaDB did not start"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            pymysql.connect(unix_socket=str(self.socket), user="nobody", password="").close()
        except pymysql.err.OperationalError as error:
            return error.args[0] in (1045, 1698)  # it asks who we are
        return True

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_PATIENCE_S)
            self._process = None

    def as_user(self, user: str = OWNER, password: str = OWNER_PASSWORD, database: str | None = None) -> Any:
        """A connection of the bare driver, in autocommit."""
        return pymysql.connect(
            unix_socket=str(self.socket), user=user, password=password, database=database, autocommit=True
        )

    def rows(self, query: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """What it has, seen by its owner; a query without rows is a statement."""
        with self.as_user(database=database) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())


@contextmanager
def own_mariadb(*options: str, files: Mapping[str, bytes] | None = None) -> Iterator[OwnMariaDB]:
    """A running one; skips the test by name where Debian's package is not installed."""
    if mariadbd() is None or shutil.which("mariadb-install-db") is None:
        pytest.skip("no MariaDB here: apt-get install mariadb-server-core mariadb-client-core")
    folder = Path(tempfile.mkdtemp(prefix="apl-maria-", dir="/tmp"))
    server: OwnMariaDB | None = None
    try:
        server = OwnMariaDB(folder, *options, files=files)
        yield server
    finally:
        if server is not None:
            server.stop(signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
