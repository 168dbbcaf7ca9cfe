"""What is kept of /v1/responses in PostgreSQL: whose it is, how long, how much, and who may remove it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from appliance.bootstrap.responses import remove_old_responses
from appliance.domain.people import Caller
from appliance.domain.responses import KeptResponse
from appliance.errors import NotFound, TooLarge
from appliance.services.knowledge.identifiers import new_id
from appliance.services.responses import Responses
from appliance.services.settings import ResponseSettings
from appliance.storage.database import Database
from appliance.storage.responses import PostgresResponses, ResponseRemoval
from tests.gateway_harness import person

NOW = datetime.now(UTC)
ANA, BEA = person("ana"), person("bea")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def people(database: Database) -> None:
    """Ana and Bea have accounts."""
    async with database.connection() as connection:
        for caller in (ANA, BEA):
            await connection.execute(
                "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, 'user')",
                (caller.user_id, caller.email, caller.email),
            )


def responses(database: Database, *, days: int = 30, now: datetime = NOW) -> Responses:
    """The use case, with a clock that stands."""
    return Responses(PostgresResponses(database), retention_days=days, now=lambda: now)


async def keep(
    database: Database,
    caller: Caller,
    *,
    after: KeptResponse | None = None,
    at: datetime = NOW,
    size: int = 2,
) -> KeptResponse:
    """One kept response. size: of its input, in bytes."""
    response_id = new_id(int(at.timestamp() * 1000))
    response = KeptResponse(
        response_id,
        after.thread_id if after else response_id,
        after.id if after else None,
        at,
        b'["' + b"x" * (size - 4) + b'"]' if size > 4 else b"[]",
        b'{"output":[]}',
    )
    assert await responses(database).keep(caller, response)
    return response


async def _ids(database: Database) -> set[UUID]:
    async with database.connection() as connection:
        return {row[0] for row in await (await connection.execute("SELECT id FROM responses")).fetchall()}


async def test_a_conversation_lives_as_long_as_it_is_used(database: Database) -> None:
    """Its oldest response is found until nobody has gone on from any of it for the retention's time."""
    first = await keep(database, ANA)
    await keep(database, ANA, after=first, at=NOW + 20 * DAY)

    await responses(database, now=NOW + 49 * DAY).body(ANA, first.id)
    with pytest.raises(NotFound):
        await responses(database, now=NOW + 51 * DAY).body(ANA, first.id)
    with pytest.raises(NotFound) as refused:
        await responses(database, now=NOW + 51 * DAY).earlier(ANA, first.id)
    assert refused.value.code == "previous_response_not_found"


async def test_retention_of_nothing_keeps_nothing(database: Database) -> None:
    """And what was kept before is not found any more."""
    kept = await keep(database, ANA)
    none = responses(database, days=0, now=NOW + timedelta(seconds=1))

    assert await none.keep(ANA, kept) is False
    with pytest.raises(NotFound):
        await none.body(ANA, kept.id)


async def test_a_database_that_is_away_holds_up_one_response_and_not_every_one(
    database: Database, owner_url: str
) -> None:
    """After one that could not be kept the next ones are not tried for five seconds."""
    clock = [NOW]
    keeping = Responses(PostgresResponses(database), retention_days=30, now=lambda: clock[0])
    kept = await keep(database, ANA)
    again = replace(kept, id=new_id(1), thread_id=new_id(1))
    with psycopg.connect(owner_url) as owner:  # whoever writes has to wait
        owner.execute("LOCK TABLE response_threads IN ACCESS EXCLUSIVE MODE")
        assert await keeping.keep(ANA, again) is False
    assert await keeping.keep(ANA, again) is False
    clock[0] += timedelta(seconds=6)

    assert await keeping.keep(ANA, again) is True


async def test_a_conversation_beyond_measure_is_refused_unread(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the sum of all its responses, before any of them is read."""
    monkeypatch.setattr("appliance.services.responses.MAX_CONVERSATION_BYTES", 1000)
    first = await keep(database, ANA, size=600)
    second = await keep(database, ANA, after=first, size=600)

    await responses(database).earlier(ANA, first.id)
    with pytest.raises(TooLarge) as refused:
        await responses(database).earlier(ANA, second.id)
    assert refused.value.param == "previous_response_id"


async def test_the_worker_removes_what_is_old_with_all_that_belongs_to_it(
    database: Database, worker_database: Database, maintenance_database: Database
) -> None:
    """Of everybody; what was used since stays."""
    old = await keep(database, ANA, at=NOW - 31 * DAY)
    await keep(database, ANA, after=old, at=NOW - 31 * DAY)
    used = await keep(database, BEA, at=NOW - 40 * DAY)
    still = await keep(database, BEA, after=used, at=NOW - 2 * DAY)

    assert await remove_old_responses(worker_database, ResponseSettings()) == 1

    assert await _ids(maintenance_database) == {used.id, still.id}


async def test_who_keeps_too_much_loses_the_oldest(
    database: Database, worker_database: Database, maintenance_database: Database
) -> None:
    """Each person for themselves, whole conversations, the newest stay."""
    await keep(database, ANA, at=NOW - 3 * DAY, size=500)
    newer = await keep(database, ANA, at=NOW - 2 * DAY, size=500)
    newest = await keep(database, ANA, at=NOW - DAY, size=400)
    other = await keep(database, BEA, at=NOW - 9 * DAY, size=900)

    assert await ResponseRemoval(worker_database).remove(NOW - 30 * DAY, 1000) == 1

    assert await _ids(maintenance_database) == {newer.id, newest.id, other.id}


async def test_a_person_who_is_deleted_takes_theirs_along(
    database: Database, maintenance_database: Database
) -> None:
    """Nothing of what they asked is left."""
    await keep(database, ANA)
    hers = await keep(database, BEA)

    async with maintenance_database.connection() as connection:
        await connection.execute("DELETE FROM users WHERE id = %s", (ANA.user_id,))

    assert await _ids(maintenance_database) == {hers.id}


async def test_deleting_one_gives_its_room_back(database: Database, maintenance_database: Database) -> None:
    """A conversation's size is that of what is left of it."""
    first = await keep(database, ANA, size=500)
    second = await keep(database, ANA, after=first, size=700)

    await responses(database).forget(ANA, first.id)

    async with maintenance_database.connection() as connection:
        cursor = await connection.execute("SELECT size_bytes FROM response_threads")
        assert await cursor.fetchall() == [(len(second.items) + len(second.body),)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT body FROM responses",
        "DELETE FROM responses",
        "UPDATE response_threads SET last_used_at = now()",
    ],
)
async def test_the_worker_reads_no_word_of_it(worker_database: Database, statement: str) -> None:
    """It removes conversations; it cannot read one, nor change one."""
    with pytest.raises(InsufficientPrivilege):
        async with worker_database.transaction() as connection:
            await connection.execute(statement)


async def test_a_forgotten_condition_reaches_nobody_else(database: Database) -> None:
    """Row-level security holds beneath the queries, administrators included, and for writing too."""
    await keep(database, ANA)
    async with database.viewing(BEA.viewer) as connection:
        for statement in ("SELECT * FROM responses", "DELETE FROM responses", "DELETE FROM response_threads"):
            assert (await connection.execute(statement)).rowcount == 0
    with pytest.raises(InsufficientPrivilege):
        async with database.viewing(BEA.viewer) as connection:
            await connection.execute(
                "INSERT INTO response_threads VALUES (uuidv7(), %s, now(), 0)", (ANA.user_id,)
            )
