"""An upgrade on a copy: what works takes the usual name, what does not changes nothing, and one can go back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from appliance.bootstrap.upgrade_samples import search_samples
from appliance.domain.documents import Audience
from appliance.domain.people import Caller, Role
from appliance.errors import StartupError
from appliance.storage.database import Database
from appliance.storage.migrating import Migration, packaged_migrations
from appliance.storage.restore_points import RestorePoint, Upgrading
from tests.conftest import ROLE_SECRET, Servers
from tests.ingestion_desk import Desk, ana, document

POINT = RestorePoint("2026-11-21T12:00:00+00:00", "0.1.0", 1)
ADDS = Migration("9001_adds.sql", "CREATE TABLE added (id int); INSERT INTO added VALUES (1)")
LOSES = Migration("9001_loses.sql", "DELETE FROM api_keys; DELETE FROM users")
BREAKS = Migration("9001_breaks.sql", "SELECT 1/0")
BLINDS = Migration("9001_blinds.sql", "DROP POLICY read_chunks ON chunks")
OPENS = Migration("9001_opens.sql", "CREATE POLICY everybody ON embeddings FOR SELECT USING (true)")


@pytest.fixture
def upgrading(owner_url: str, servers: Servers) -> Iterator[Upgrading]:
    """Of a database with one person; what it leaves beside it goes with the test."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO users (id, email, email_key, role) VALUES (%s, 'ana@example.com', 'ana@example.com', 'user')",
            (UUID(int=1),),
        )
    yield Upgrading(owner_url, ROLE_SECRET)
    name = owner_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(servers.postgres.url(database="postgres"), autocommit=True) as connection:
        for end in ("upgrade", "before_upgrade", "abandoned"):
            connection.execute(f'DROP DATABASE IF EXISTS "{name}_{end}" WITH (FORCE)')


def tables(owner_url: str) -> set[str]:
    """What stands under the usual name."""
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {row[0] for row in rows}


def people(owner_url: str) -> int:
    """How many there are."""
    with psycopg.connect(owner_url) as connection:
        row = connection.execute("SELECT count(*) FROM users").fetchone()
    return int(row[0]) if row else 0


async def nothing(_url: str) -> None:
    """Looks at a copy, and likes it."""


async def test_what_works_on_the_copy_takes_its_place_and_one_can_go_back(
    upgrading: Upgrading, owner_url: str
) -> None:
    """Nothing is seen of the new version before the exchange; afterwards the old one is kept, and comes back."""
    wanted = [*packaged_migrations(), ADDS]
    assert await upgrading.pending(wanted) == [ADDS.name]

    assert await upgrading.rehearse(nothing, wanted) == [ADDS.name]
    assert "added" not in tables(owner_url)
    await upgrading.switch(POINT)
    assert "added" in tables(owner_url)
    assert await upgrading.pending(wanted) == []
    assert await upgrading.restore_point() == POINT
    with pytest.raises(StartupError, match=r"newer version.*`appliance rollback`"):  # the version from before
        await upgrading.pending()

    await upgrading.go_back()
    assert "added" not in tables(owner_url)
    assert people(owner_url) == 1
    assert await upgrading.pending() == []
    with pytest.raises(StartupError, match="no restore point"):
        await upgrading.go_back()


@pytest.mark.parametrize(
    ("migration", "says"),
    [(LOSES, "users had 1 rows and would have 0"), (BREAKS, "division by zero")],
    ids=["loses", "breaks"],
)
async def test_what_does_not_work_on_the_copy_changes_nothing(
    upgrading: Upgrading, owner_url: str, migration: Migration, says: str
) -> None:
    """It is said why, the copy is gone, and the version from before can start."""
    with pytest.raises(StartupError, match=f"{says}.*Nothing was changed"):
        await upgrading.rehearse(nothing, [*packaged_migrations(), migration])

    assert people(owner_url) == 1
    assert await upgrading.pending() == []
    assert await upgrading.restore_point() is None
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(upgrading.copy_url)


async def test_sessions_that_were_left_open_do_not_keep_an_upgrade(
    upgrading: Upgrading, owner_url: str
) -> None:
    """Neither copying nor exchanging bears them, so they are ended."""
    with psycopg.connect(owner_url) as left:
        await upgrading.rehearse(nothing, [*packaged_migrations(), ADDS])
        await upgrading.switch(POINT)
        with pytest.raises(psycopg.OperationalError):
            left.execute("SELECT 1")
    await upgrading.forget()
    assert await upgrading.restore_point() is None


async def test_an_empty_database_needs_no_rehearsal(upgrading: Upgrading, servers: Servers) -> None:
    """The first start of all."""
    url = servers.postgres.url(database="template1")
    assert await Upgrading(url, ROLE_SECRET).pending() == []


@pytest.mark.parametrize(
    ("migration", "says"),
    [(BLINDS, "is not found any more"), (OPENS, "people who may not see it")],
    ids=["blinds", "opens"],
)
async def test_searches_tell_an_upgrade_that_hides_passages_or_shows_them_to_others(
    upgrading: Upgrading,
    owner_url: str,
    database: Database,
    worker_database: Database,
    tmp_path: Path,
    migration: Migration,
    says: str,
) -> None:
    """Passages of a person's, of a group's and of everybody's are found as they should; a broken policy is noticed."""
    group = UUID(int=77)
    root = Caller(UUID(int=9), "root@example.com", Role.ADMIN, frozenset({group}))
    desk = Desk(database, worker_database, tmp_path)
    shelves = [
        (ana(), await desk.collection(ana())),
        (root, (await desk.knowledge.create(root, "team", Audience(group_id=group))).id),
        (root, (await desk.knowledge.create(root, "all", Audience())).id),
    ]
    for number, (caller, shelf) in enumerate(shelves):
        await desk.add(caller, shelf, document(f"leaf{number} apple " * 20, "plum " * 20), f"{number}.json")
    await desk.work()
    assert await search_samples(owner_url, ROLE_SECRET) >= 3

    with psycopg.connect(owner_url) as connection:
        connection.execute(migration.text.encode())

    with pytest.raises(StartupError, match=says):
        await search_samples(owner_url, ROLE_SECRET)
