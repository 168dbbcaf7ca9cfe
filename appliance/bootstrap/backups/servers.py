"""A PostgreSQL for as long as something is done with it: the box's own where it stands still, or a throwaway one."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from appliance.bootstrap.box import Box
from appliance.errors import StartupError
from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.programs import PostgresPrograms
from appliance.supervisor.binaries import postgres_folder
from appliance.supervisor.data_folder import locked
from appliance.supervisor.parting import ends_with_us
from appliance.supervisor.postgres import DATABASE, EmbeddedPostgres
from appliance.supervisor.unprivileged import Account

_TRIAL = "trial-"
_STARTING_S = 180.0
_STOPPING_S = 120.0
# A trial may lose everything when the power fails.
_CARELESS = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")


def postgres_programs() -> PostgresPrograms:
    """pg_dump and pg_restore of the packaged PostgreSQL; they speak to older servers too."""
    return PostgresPrograms(postgres_folder() / "bin", ends_with_us())


@contextmanager
def reachable_postgres(box: Box, doing: str) -> Iterator[None]:
    """The box's PostgreSQL: as it runs, or started for the time being where the box stands still.

    Raises StartupError when something else holds the folder, and BackupError when it does not answer.
    """
    postgres = box.postgres
    if postgres is None or postgres.is_ready():
        yield
        return
    if not (postgres.cluster / "PG_VERSION").exists():
        raise BackupError(f"There is no database in {box.data} yet. Name the data folder with --data.")
    with ExitStack() as stack:
        take_folder = partial(_take_folder, stack, box.data, f"({doing})")
        if not _answers_after_all(postgres, take_folder):
            stack.enter_context(running(postgres))
        yield


def _take_folder(stack: ExitStack, data: Path, described_as: str) -> None:
    stack.enter_context(locked(data, described_as))


def _answers_after_all(postgres: EmbeddedPostgres, take_folder: Callable[[], object]) -> bool:
    """Whether somebody else runs it, who starts just now or is slow to answer; else take_folder has taken the folder.

    Raises StartupError when the folder stays somebody else's and nothing answers.
    """
    deadline = time.monotonic() + _STARTING_S
    while True:
        try:
            take_folder()
        except StartupError:
            if postgres.is_ready():
                return True
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return False


@contextmanager
def running(postgres: EmbeddedPostgres, more: Sequence[str] = ()) -> Iterator[None]:
    """Start it, and stop it cleanly at the end: what was written is on the disk."""
    postgres.prepare()
    account = postgres.account
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [*postgres.server_words(), *more],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            process_group=0,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=ends_with_us(signal.SIGINT, is_other_user=account is not None),
        )
        try:
            _wait_ready(postgres, process)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_STOPPING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def throwaway_postgres(
    account: Account | None, within: Path | None = None, programs: Path | None = None
) -> Iterator[EmbeddedPostgres]:
    """One with an empty database, in a folder that goes with it.

    within: where there is room, and where the servers' user can walk to; None: the system's temporary folder.
    programs: a copy that this user can reach already.
    """
    if within is not None:
        _remove_abandoned(within)
    folder = Path(tempfile.mkdtemp(prefix=f"{_TRIAL}{os.getpid()}-", dir=within))
    try:
        folder.chmod(0o711 if account else 0o700)
        if programs is not None and programs.is_dir():
            (folder / programs.name).symlink_to(programs)
        postgres = EmbeddedPostgres(folder, secrets.token_hex(16), account)
        with running(postgres, _CARELESS):
            create_database(postgres)
            yield postgres
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_former(data: Path) -> None:
    """Until a server that a killed process has left in this data folder has closed its files. Raises BackupError."""
    cluster = data / "postgres"
    try:
        pid = int((cluster / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    except (OSError, ValueError):
        return
    deadline = time.monotonic() + _STOPPING_S
    while _serves(pid, cluster):
        if time.monotonic() > deadline:
            raise BackupError(f"PostgreSQL (process {pid}) still uses {cluster}. Stop it, and begin again.")
        time.sleep(0.05)


def _serves(pid: int, cluster: Path) -> bool:
    try:
        return os.fsencode(str(cluster)) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def create_database(postgres: EmbeddedPostgres) -> None:
    """The appliance's own, empty."""
    with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _remove_abandoned(within: Path) -> None:
    """Those of processes that were killed."""
    for rest in within.glob(f"{_TRIAL}*"):
        pid = rest.name.removeprefix(_TRIAL).partition("-")[0]
        if not Path(f"/proc/{pid}").exists():
            shutil.rmtree(rest, ignore_errors=True)


def _wait_ready(postgres: EmbeddedPostgres, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTING_S
    while not postgres.is_ready():
        if process.poll() is not None:
            raise BackupError(f"PostgreSQL in {postgres.data} ended with status {process.returncode}.")
        if time.monotonic() > deadline:
            raise BackupError(f"PostgreSQL in {postgres.data} did not answer within {_STARTING_S:.0f} s.")
        time.sleep(0.05)
