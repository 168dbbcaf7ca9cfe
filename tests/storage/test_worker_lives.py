"""Whether a worker is there is known by its lock, not by a clock."""

from __future__ import annotations

from psycopg import AsyncConnection

from appliance.storage.database import Database
from appliance.storage.jobs import WORKER_LIVES, WORKER_LOCK_CLASS
from appliance.storage.roles import DatabaseRole, url_as
from tests.conftest import ROLE_SECRET


async def _lives(database: Database) -> bool:
    async with database.connection() as connection:
        row = await (await connection.execute(WORKER_LIVES, (WORKER_LOCK_CLASS,))).fetchone()
    return row is not None and bool(row[0])


async def test_a_worker_lives_as_long_as_its_connection(database: Database, owner_url: str) -> None:
    """Readiness says so at once when it comes and when it goes, however it goes."""
    before = await _lives(database)
    worker = await AsyncConnection.connect(
        url_as(owner_url, DatabaseRole.WORKER, ROLE_SECRET), autocommit=True
    )
    await worker.execute("SELECT pg_try_advisory_lock(%s, %s)", (WORKER_LOCK_CLASS, 1))
    during = await _lives(database)

    await worker.close()

    async with database.connection() as connection:  # the server notices the closed socket by itself
        while await _lives(database):
            await connection.execute("SELECT pg_sleep(0.01)")
    assert (before, during) == (False, True)
