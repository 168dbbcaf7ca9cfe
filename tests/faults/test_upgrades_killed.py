"""kill -9 in an upgrade and on the way back: always a working old or new database, and doing it again ends it.

`--battery` strikes fifty moments of each instead of five; the seed is printed.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from multiprocessing.connection import Connection

import psycopg
import pytest

from appliance.storage.migrating import Migration, packaged_migrations
from appliance.storage.restore_points import RestorePoint, Upgrading
from tests.conftest import ROLE_SECRET
from tests.faults.test_deletions_killed import Striker
from tests.faults.test_ingestion import report
from tests.own_postgres import own_postgres

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("FAULT_SEED", "20261121"))
FEW, MANY = 5, 50
PEOPLE = 200
POINT = RestorePoint("2026-11-21T12:00:00+00:00", "0.1.0", 1)
NEW = Migration(
    "9001_new.sql",
    "ALTER TABLE users ADD COLUMN shoe_size int NOT NULL DEFAULT 42;"
    "CREATE TABLE numbers AS SELECT generate_series(1, 20000) AS number; CREATE INDEX ON numbers (number)",
)


@dataclass(frozen=True)
class Change:
    """What a process of its own does once it is told to: upgrade, or go back."""

    owner_url: str
    is_back: bool

    def run(self, told: Connection) -> None:
        asyncio.run(self._run(told))

    async def _run(self, told: Connection) -> None:
        upgrading = Upgrading(self.owner_url, ROLE_SECRET)
        told.send("ready")
        told.recv()
        await (upgrading.go_back() if self.is_back else upgrade(upgrading))
        told.send("done")
        told.recv()


async def upgrade(upgrading: Upgrading) -> None:
    """As a start of the new version does."""
    wanted = [*packaged_migrations(), NEW]
    if await upgrading.pending(wanted):
        await upgrading.rehearse(nothing, wanted)
        await upgrading.switch(POINT)


async def nothing(_url: str) -> None:
    """Looks at a copy, and likes it."""


def is_new(owner_url: str) -> bool:
    """The database under the usual name is one of the two, whole."""
    with psycopg.connect(owner_url) as connection:
        names = {row[0] for row in connection.execute("SELECT name FROM schema_migrations").fetchall()}
        people = connection.execute("SELECT count(*) FROM users").fetchone()
        assert people == (PEOPLE,)
        assert names >= {one.name for one in packaged_migrations()}
        if NEW.name in names:
            assert connection.execute("SELECT sum(shoe_size) FROM users").fetchone() == (42 * PEOPLE,)
            assert connection.execute("SELECT count(*) FROM numbers").fetchone() == (20000,)
        else:
            assert connection.execute("SELECT to_regclass('public.numbers')").fetchone() == (None,)
    return NEW.name in names


@pytest.mark.parametrize("points", [FEW, pytest.param(MANY, marks=pytest.mark.battery)])
@pytest.mark.timeout(1800)
async def test_an_upgrade_and_the_way_back_bear_a_kill_at_any_moment(points: int) -> None:
    """The process is killed, every second time PostgreSQL with it; then it is one or the other, and goes on."""
    strikers = {is_back: Striker(SEED + 7 + is_back) for is_back in (False, True)}
    outcomes = {"old": 0, "new": 0}
    async with own_postgres() as postgres:
        with psycopg.connect(postgres.owner_url) as connection:
            connection.execute(
                "INSERT INTO users (email, email_key, role) SELECT n || '@example.com', n || '@example.com', 'user'"
                " FROM generate_series(1, %s) n",
                (PEOPLE,),
            )
        upgrading = Upgrading(postgres.owner_url, ROLE_SECRET)
        for point in range(points):
            for is_back in (False, True):
                await asyncio.to_thread(strikers[is_back].strike, Change(postgres.owner_url, is_back))
                if point % 2 == 0:
                    await postgres.kill()
                    await postgres.start()
                outcomes["new" if is_new(postgres.owner_url) else "old"] += 1
                if not is_back:
                    await upgrade(upgrading)  # the next start of the new version
                    assert is_new(postgres.owner_url)
                elif is_new(postgres.owner_url):
                    await upgrading.go_back()
                    assert not is_new(postgres.owner_url)
    report(f"seed {SEED}, {points} upgrades and as many ways back: {outcomes}")
