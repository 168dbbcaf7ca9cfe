"""The database: migrations, roles, and eyes."""

from __future__ import annotations

from uuid import uuid4

import pytest
from psycopg import AsyncConnection, ProgrammingError

from appliance.domain.people import Viewer
from appliance.errors import StartupError
from appliance.storage.database import Database
from appliance.storage.migrating import Migration, migrate, packaged_migrations
from tests.conftest import ROLE_SECRET


async def test_a_viewer_lasts_for_one_transaction(database: Database) -> None:
    """Who is looking is set for a transaction only, so a pooled connection never keeps somebody's eyes."""
    viewer = Viewer(uuid4(), frozenset({uuid4()}))

    async with database.viewing(viewer) as connection:
        inside = await (await connection.execute("SELECT viewer_id(), viewer_group_ids()")).fetchone()
    async with database.connection() as connection:
        outside = await (await connection.execute("SELECT viewer_id(), viewer_group_ids()")).fetchone()

    assert inside == (viewer.user_id, list(viewer.group_ids))
    assert outside == (None, [])


async def test_migrations_run_once(owner_url: str) -> None:
    """A second start applies nothing."""
    assert await migrate(owner_url, ROLE_SECRET) == []


async def test_a_migration_that_breaks_leaves_nothing_and_runs_again(owner_url: str) -> None:
    """A crash in the middle of a file loses the whole file, and the corrected file is applied at the next start."""
    known = packaged_migrations()
    broken = Migration("9000_test.sql", "CREATE TABLE half (id int); SELECT 1/0;")
    mended = Migration("9000_test.sql", "CREATE TABLE half (id int);")

    with pytest.raises(Exception, match="division by zero"):
        await migrate(owner_url, ROLE_SECRET, [*known, broken])

    assert await migrate(owner_url, ROLE_SECRET, [*known, mended]) == ["9000_test.sql"]


async def test_data_of_a_newer_version_is_refused(owner_url: str) -> None:
    """An older program never touches a newer database, and says what to do."""
    known = packaged_migrations()
    await migrate(owner_url, ROLE_SECRET, [*known, Migration("9001_newer.sql", "SELECT 1")])

    with pytest.raises(StartupError, match="newer version"):
        await migrate(owner_url, ROLE_SECRET, known)


async def test_the_gateway_cannot_change_the_schema(database: Database) -> None:
    """The api role works with rows, not with tables."""
    with pytest.raises(ProgrammingError):
        async with database.connection() as connection:
            await connection.execute("CREATE TABLE mine (id int)")


async def test_roles_need_their_password(owner_url: str) -> None:
    """Nobody enters on the strength of a unix socket alone."""
    address = owner_url.replace("owner-password", "wrong")

    with pytest.raises(Exception, match="password authentication failed"):
        await AsyncConnection.connect(address)
