"""Runs pg_dump and pg_restore: the address in their environment, their complaints in our errors, ended when we are."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from appliance.storage.backups.errors import BackupError

_LOOK_S = 0.5
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """folder: where pg_dump lies. before: of every program of ours between fork and exec, such as to end with us."""

    folder: Path
    before: Callable[[], None]

    def run(self, name: str, words: Sequence[str], url: str, look: Callable[[], None] = lambda: None) -> None:
        """Until it ends; looks on now and then. Raises BackupError with its own words."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                [str(self.folder / name), *words],
                env=_environment(url),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                process_group=0,  # Ctrl-C is ours to hand on
                preexec_fn=self.before,
            )
            try:
                while not _ended(process):
                    look()
            except BaseException:
                process.send_signal(signal.SIGKILL)
                process.wait()
                raise
            if process.returncode != 0:
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()
                told = " ".join(lines[:4]) or f"it ended with status {process.returncode}"
                raise BackupError(f"{name}: {told}")

    def output(self, name: str, words: Sequence[str]) -> str:
        """What a program prints that needs no database. Raises BackupError."""
        done = subprocess.run(
            [str(self.folder / name), *words],
            check=False,
            capture_output=True,
            text=True,
            preexec_fn=self.before,
        )
        if done.returncode != 0:
            raise BackupError(f"{name}: {done.stderr.strip()}")
        return done.stdout


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_LOOK_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _environment(url: str) -> dict[str, str]:
    """Nothing secret on a command line, and no PG* variable of the operator's shell."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    parts = conninfo_to_dict(url)
    return kept | {
        variable: str(parts[key]) for key, variable in _VARIABLES.items() if parts.get(key) is not None
    }
