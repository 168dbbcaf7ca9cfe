"""kill -9 in the middle of a restore: an empty box or a whole one, never half of one, and restoring again ends it.

`--battery` strikes twenty moments of each kind instead of two; the seed is printed.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from appliance.bootstrap.backups.making import Wishes, make_backup
from appliance.bootstrap.backups.restoring import restore_backup
from appliance.bootstrap.backups.servers import running
from appliance.bootstrap.box import Box, open_box
from appliance.errors import StartupError
from appliance.storage.backups.copying import place_of
from appliance.storage.backups.manifest import BLOBS
from appliance.supervisor.data_folder import RESTORING, check_version
from appliance.supervisor.unprivileged import account_for_servers
from tests.conftest import ROLE_SECRET
from tests.faults.test_deletions_killed import Striker
from tests.faults.test_ingestion import report
from tests.waiting import until

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("FAULT_SEED", "20261122"))
FEW, MANY = 2, 20
FILES = 30
PASSPHRASE = "correct horse battery"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can walk to and whose path is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="apl-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def backup(owner_url: str, place: Path) -> Path:
    """Of a box with some files."""
    data = place / "old"
    data.mkdir()
    configuration = f'[database]\nurl = "{owner_url}"\nrole_secret = "{ROLE_SECRET}"\n'
    (data / "appliance.toml").write_text(configuration, encoding="utf-8")
    with psycopg.connect(owner_url) as connection:
        for number in range(FILES):
            content = os.urandom(20_000)
            digest = hashlib.sha256(content)
            blob = place_of(data / BLOBS, digest.hexdigest())
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(content)
            connection.execute(
                "INSERT INTO files (id, owner_id, filename, media_type, size_bytes, sha256, purpose)"
                " VALUES (gen_random_uuid(), %s, %s, 'text/plain', %s, %s, 'assistants')",
                (UUID(int=1), f"{number}.txt", len(content), digest.digest()),
            )
    return make_backup(open_box(data), Wishes(place / "backups", PASSPHRASE)).folder


@dataclass(frozen=True)
class Restore:
    """What a process of its own does once it is told to."""

    backup: Path
    data: Path
    config: Path

    def run(self, told: Connection) -> None:
        told.send("ready")
        told.recv()
        self.now()
        told.send("done")
        told.recv()

    def now(self) -> None:
        restore_backup(self.backup, self.data, PASSPHRASE, config=self.config)


def is_whole(restore: Restore) -> bool:
    """A box that starts; else nothing starts from what is there."""
    data = restore.data
    if not data.exists() or not (data / "version.json").exists() or (data / RESTORING).exists():
        if (data / RESTORING).exists():
            with pytest.raises(StartupError, match="broken off"):
                check_version(data)
        else:
            left = {path.name for path in data.iterdir()} if data.exists() else set()
            assert left <= {"appliance.lock", ".write-test"}
        return False
    check_version(data)
    return True


def require_all(restore: Restore) -> None:
    """Every row and every content."""
    box = open_box(restore.data, restore.config, account_for_servers())
    if box.postgres is None:
        rows = rows_of(box)
    else:
        with running(box.postgres):
            rows = rows_of(box)
    assert len(rows) == FILES
    for (digest,) in rows:
        content = place_of(restore.data / BLOBS, digest.hex()).read_bytes()
        assert hashlib.sha256(content).digest() == digest


def rows_of(box: Box, query: LiteralString = "SELECT sha256 FROM files") -> list[tuple[bytes]]:
    """As its owner sees them."""
    with psycopg.connect(box.owner_url) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.timeout(600)
async def test_what_a_killed_restore_has_loaded_into_an_external_database_is_taken_away(
    backup: Path, place: Path, empty_database: str
) -> None:
    """Killed as soon as there are tables; without that the next one would find the database in use."""
    restore = Restore(backup, place / "new", configured(place, empty_database))
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=restore.run, args=(theirs,), daemon=True)
    process.start()
    assert await asyncio.to_thread(ours.poll, 400) and ours.recv() == "ready"
    ours.send("go")
    await until(lambda: has_tables(empty_database), timeout_s=240)
    process.kill()
    await asyncio.to_thread(process.join)
    if await asyncio.to_thread(is_whole, restore):  # it was faster
        return

    await asyncio.to_thread(restore.now)

    await asyncio.to_thread(require_all, restore)


def has_tables(owner_url: str) -> bool:
    """What is loaded is there at once, when its transaction ends."""
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    return bool(row and row[0])


def configured(place: Path, external: str | None) -> Path:
    """The new machine's own settings."""
    config = place / "new.toml"
    words = f'[database]\nurl = "{external}"\nrole_secret = "{ROLE_SECRET}"\n'
    config.write_text("" if external is None else words, encoding="utf-8")
    return config


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("embedded", FEW),
        pytest.param("embedded", MANY, marks=pytest.mark.battery),
        pytest.param("external", MANY, marks=pytest.mark.battery),
    ],
)
@pytest.mark.timeout(1800)
async def test_a_restore_bears_a_kill_at_any_moment(
    backup: Path, place: Path, empty_database: str, kind: str, points: int
) -> None:
    """Nothing starts from half of it; the next restore begins anew, and has everything."""
    config = configured(place, empty_database if kind == "external" else None)
    striker, outcomes = Striker(SEED), {"empty": 0, "whole": 0}
    striker.whole_s = 3.0 if kind == "embedded" else 1.0
    restore = Restore(backup, place / "new", config)

    for point in range(points):
        await asyncio.to_thread(striker.strike, restore)
        whole = await asyncio.to_thread(is_whole, restore)
        outcomes["whole" if whole else "empty"] += 1
        if whole:
            await asyncio.to_thread(require_all, restore)
            await asyncio.to_thread(empty, restore)
        elif point == points - 1 or point % 5 == 4:  # in between it is killed again
            await asyncio.to_thread(restore.now)
            await asyncio.to_thread(require_all, restore)
            await asyncio.to_thread(empty, restore)

    report(f"seed {SEED}, {points} restores ({kind}): {outcomes}")


def empty(restore: Restore) -> None:
    """A new machine again."""
    box = open_box(restore.data, restore.config, account_for_servers())
    if box.postgres is None:
        rows_of_nothing(box.owner_url)
    shutil.rmtree(restore.data)


def rows_of_nothing(owner_url: str) -> None:
    """Its tables go."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
