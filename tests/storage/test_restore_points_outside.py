"""Upgrades of an external database: its door is closed meanwhile, and where rights are missing nothing is begun."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.upgrading import bring_up_to_date, go_back, upgrading_of
from appliance.errors import StartupError
from appliance.storage.migrating import packaged_migrations
from appliance.storage.restore_points import Upgrading
from appliance.storage.roles import DatabaseRole, url_as
from tests.conftest import ROLE_SECRET, Servers
from tests.storage.test_restore_points import ADDS, BREAKS, POINT, nothing, people, tables

WANTED = [*packaged_migrations(), ADDS]


@pytest.fixture
def box(owner_url: str, servers: Servers, tmp_path: Path) -> Iterator[Box]:
    """With one person, on a server that is not its own; what an upgrade leaves beside it goes with the test."""
    (tmp_path / "appliance.toml").write_text(
        f'[database]\nurl = "{owner_url}"\nrole_secret = "{ROLE_SECRET}"\n', encoding="utf-8"
    )
    with psycopg.connect(owner_url) as connection:
        connection.execute(
            "INSERT INTO users (id, email, email_key, role) VALUES (%s, 'ana@example.com', 'ana@example.com', 'user')",
            (UUID(int=1),),
        )
    yield open_box(tmp_path)
    name = owner_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(servers.postgres.url(database="postgres"), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        for end in ("upgrade", "before_upgrade", "abandoned"):
            connection.execute(f'DROP DATABASE IF EXISTS "{name}_{end}" WITH (FORCE)')


def comes_in(url: str) -> bool:
    """A gateway that has not been stopped tries to connect."""
    try:
        psycopg.connect(url_as(url, DatabaseRole.API, ROLE_SECRET)).close()
    except psycopg.OperationalError as error:
        assert "not currently accepting" in str(error)
        return False
    return True


async def test_whoever_is_connected_is_turned_away_until_the_exchange(box: Box) -> None:
    """What a gateway wrote meanwhile would be lost; afterwards it finds the new database, and the way back."""
    url, seen = box.owner_url, []
    upgrading = upgrading_of(box)

    async def look(_copy: str) -> None:
        seen.append(await asyncio.to_thread(comes_in, url))

    with psycopg.connect(url_as(url, DatabaseRole.API, ROLE_SECRET)) as left:
        await upgrading.rehearse(look, WANTED, before=look)
        with pytest.raises(psycopg.OperationalError):
            left.execute("SELECT 1")
    await upgrading.switch(POINT)

    assert seen == [False, False]
    assert comes_in(url)
    assert "added" in tables(url)
    await go_back(box)
    assert comes_in(url)
    assert "added" not in tables(url)
    assert people(url) == 1


async def test_an_upgrade_that_does_not_work_leaves_the_door_open(box: Box) -> None:
    """As does one that is only tried."""
    upgrading = upgrading_of(box)
    with pytest.raises(StartupError, match=r"division by zero.*Nothing was changed"):
        await upgrading.rehearse(nothing, [*packaged_migrations(), BREAKS])
    assert comes_in(box.owner_url)

    await upgrading.rehearse(nothing, WANTED)
    assert not comes_in(box.owner_url)
    await upgrading.discard()
    assert comes_in(box.owner_url)


async def test_the_next_start_opens_the_door_that_a_killed_upgrade_has_left_closed(box: Box) -> None:
    """By itself; the data is as it was."""
    await upgrading_of(box).rehearse(nothing, WANTED)  # and then it is killed
    assert not comes_in(box.owner_url)

    assert (await bring_up_to_date(box)).applied == []

    assert comes_in(box.owner_url)
    assert people(box.owner_url) == 1


async def test_an_owner_without_rights_is_told_before_anything_is_changed(box: Box, servers: Servers) -> None:
    """With the statement that gives them, and the other way; databases that are somebody else's are named."""
    weak = "weak_owner"
    server = servers.postgres.url(database="postgres")
    name = box.owner_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP ROLE IF EXISTS {weak}")
        connection.execute(f"CREATE ROLE {weak} LOGIN PASSWORD 'w'")
    try:
        upgrading = Upgrading(box.owner_url.replace(owner_of(box), f"{weak}:w"), ROLE_SECRET, is_shared=True)
        with pytest.raises(
            StartupError, match=rf"role {weak} does not own the database {name}.*restore_point_days"
        ):
            await upgrading.require_rights()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO weak_owner").format(sql.Identifier(name)))
        with pytest.raises(StartupError, match=rf"ALTER ROLE {weak} CREATEDB"):
            await upgrading.require_rights()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {weak} CREATEDB")
        await upgrading.require_rights()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(sql.Identifier(name))
            )
            connection.execute(f"DROP ROLE {weak}")
    assert comes_in(box.owner_url)


def owner_of(box: Box) -> str:
    """Name and password in the address."""
    return box.owner_url.removeprefix("postgresql://").partition("@")[0]
