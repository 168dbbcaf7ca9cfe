"""A PostgreSQL that a test may kill, stop, silence and start again, unlike the one all tests share."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from appliance.supervisor.postgres import EmbeddedPostgres
from appliance.supervisor.unprivileged import account_for_servers
from tests.conftest import ROLE_SECRET
from tests.waiting import until

_DATABASE = "gate"


class OwnPostgres:
    """One server with one migrated database; durable as in a real box."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self._embedded = EmbeddedPostgres(folder, "own-password", account_for_servers())
        self._embedded.prepare()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def owner_url(self) -> str:
        return self._embedded.url(database=_DATABASE)

    @property
    def api_url(self) -> str:
        """As a gateway process connects."""
        return url_as(self.owner_url, DatabaseRole.API, ROLE_SECRET)

    async def start(self) -> None:
        """Returns when it answers."""
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        words = self._embedded.command()
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._embedded.wait_ready()

    async def migrate(self) -> None:
        with psycopg.connect(self._embedded.url(database="postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_DATABASE}")
        await migrate(self.owner_url, ROLE_SECRET)

    async def kill(self) -> None:
        """`kill -9` of all its processes, as if the power had failed."""
        if self._process is not None:
            pids = self.signal(signal.SIGKILL)
            await self._ended()
            # One that waits for the disk dies when that answers; until then no other server may have the files.
            await until(lambda: not any(map(_is_alive, pids)))

    async def stop(self) -> None:
        """Cleanly: sessions are ended, what is committed is written."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        await self._ended()

    async def _ended(self) -> None:
        assert self._process is not None
        await asyncio.to_thread(self._process.wait)
        self._process = None

    def silence(self) -> None:
        """It takes what is sent and answers nothing, until resume()."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on where it was silenced."""
        self.signal(signal.SIGCONT)

    async def break_sessions(self) -> None:
        """`kill -9` of one backend of the ledger: the server ends all sessions, also in the middle of a commit."""
        with psycopg.connect(self.owner_url) as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'appliance ledger' ORDER BY pid"
            ).fetchall()
        for (pid,) in found[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0)
        await until(self._answers)

    def _answers(self) -> bool:
        return self._embedded.is_ready()

    def signal(self, number: signal.Signals) -> list[int]:
        """To the server and all of its processes; returns their ids."""
        assert self._process is not None
        children = [
            int(pid)
            for path in Path(f"/proc/{self._process.pid}/task").glob("*/children")
            for pid in path.read_text().split()
        ]
        pids = [self._process.pid, *children]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What it has, seen by its owner."""
        with psycopg.connect(self.owner_url) as connection:
            return connection.execute(query).fetchall()


def _is_alive(pid: int) -> bool:
    """Not gone, and more than a name that its parent has not asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@asynccontextmanager
async def own_postgres() -> AsyncIterator[OwnPostgres]:
    """A running, migrated one in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="apl-", dir="/tmp"))
    postgres = OwnPostgres(folder)
    try:
        await postgres.start()
        await postgres.migrate()
        yield postgres
    finally:
        await postgres.kill()
        shutil.rmtree(folder, ignore_errors=True)
