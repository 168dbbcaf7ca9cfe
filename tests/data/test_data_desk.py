"""The desk before the company's tables: who may ask, what stands in the audit, and how many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from uuid import uuid4

import pytest
from psycopg.errors import InsufficientPrivilege

from appliance.domain.data import Asking
from appliance.errors import NotFound, NotPermitted
from appliance.storage.database import Database
from querying.errors import QueryFailed, QueryRefused, QueryTimedOut, QueryTooExpensive, SourceBusy
from querying.types import Caps
from tests.company_database import Company, company_database
from tests.conftest import Servers
from tests.data_world import DataWorld, data_world
from tests.waiting import until

TOTAL = "SELECT sum(amount) AS total FROM sale"
SLOW = "SELECT count(*) FROM sale a, sale b, sale c, sale d"
"""Eight billion rows; nobody waits for it."""
RUNNING = """
SELECT count(*) FROM pg_stat_activity
WHERE state = 'active' AND application_name = 'appliance questions' AND datname = current_database()
"""
API = Asking("api")


@pytest.fixture(scope="module")
def company(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """One for the tests that change nothing there."""
    with company_database(servers, tmp_path_factory.mktemp("passwords")) as made:
        yield made


@pytest.fixture
async def world(owner_url: str, company: Company) -> AsyncIterator[DataWorld]:
    """Ana may ask the shop, Luis may not, Root administers."""
    async with data_world(owner_url, company) as made:
        yield made


async def test_who_was_granted_a_source_gets_its_rows_and_a_line_in_the_audit(world: DataWorld) -> None:
    """One line: who, source, SQL, tables, rows, milliseconds, outcome, by which door."""
    run = await world.desk.run(world.ana, world.source_id, TOTAL, Asking("api", "¿Total?"))

    assert run.rows.rows == ((Decimal("3600.00"),),)
    assert run.tables == ("public.sale",)
    assert run.rows.cost is not None
    (line,) = await world.lines("data.query.allowed")
    assert line.actor_id == world.ana.user_id
    assert line.detail["tables"] == ["public.sale"]
    assert line.detail["rows"] == 1
    assert line.detail["ms"] > 0
    assert line.detail["via"] == "api"
    assert line.detail["question"] == "¿Total?"
    assert "sum(" in line.detail["sql"].lower()
    assert world.told == [("allowed", "")]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("DELETE FROM sale", "a statement that writes"),
        ("SELECT * FROM salary", "a table that nobody chose"),
        ("SELECT nombre FROM customer", "a column about people"),
        ("SELECT pg_sleep(1)", "a function that is not allowed"),
        ("SELECT (", "no SQL at all"),
    ],
)
async def test_a_refused_query_has_its_line_too(world: DataWorld, sql: str, why: str) -> None:
    """With the SQL as it came and the reason; the database was not asked, and has what it had."""
    with pytest.raises(QueryRefused):
        await world.desk.run(world.ana, world.source_id, sql, API)

    (line,) = await world.lines("data.query.refused")
    assert line.detail["sql"] == sql
    assert line.detail["reason"] == "query_refused"
    assert line.detail["why"]
    assert line.detail["rows"] is None
    assert world.company.rows("SELECT count(*) FROM sale") == [(300,)]


async def test_a_query_that_fails_has_its_line_too(world: DataWorld) -> None:
    """What the database said stands in the audit."""
    with pytest.raises(QueryFailed):
        await world.desk.run(world.ana, world.source_id, "SELECT 1 / (id - id) FROM sale", API)

    (line,) = await world.lines("data.query.failed")
    assert line.detail["reason"] == "query_failed"
    assert line.detail["tables"] == ["public.sale"]


async def test_a_source_of_others_does_not_exist(world: DataWorld) -> None:
    """Neither for who was not granted it, nor under an id that nobody has; a pause takes it from everybody."""
    with pytest.raises(NotFound):
        await world.desk.run(world.luis, world.source_id, TOTAL, API)
    with pytest.raises(NotFound):
        await world.desk.run(world.ana, uuid4(), TOTAL, API)
    with pytest.raises(NotPermitted):
        await world.desk.run(world.ana, world.source_id, TOTAL, Asking("trial"))

    assert await world.desk.offered(world.luis) == []
    assert [one.id for one in await world.desk.offered(world.ana)] == [world.source_id]
    assert await world.desk.offered(world.ana, [uuid4()]) == []


async def test_what_is_offered_has_no_word_of_what_is_not(world: DataWorld) -> None:
    """No column about people, no table that nobody chose, no key that points at one."""
    (offered,) = await world.desk.offered(world.ana)
    columns = {table.full_name: [column.name for column in table.columns] for table in offered.schema.tables}

    assert columns["public.customer"] == ["id", "city"]
    assert set(columns) == {"public.customer", "public.product", "public.sale", "public.sales_by_city"}
    (sale,) = [table for table in offered.schema.tables if table.name == "sale"]
    assert {key.table for key in sale.foreign_keys} == {"customer", "product"}


async def test_a_query_that_the_planner_finds_too_much_is_not_run(world: DataWorld) -> None:
    """The source's bound counts where it is narrower, and its line says refused."""
    desk = world.desk_with(caps=Caps(cost=1_000_000.0))

    with pytest.raises(QueryTooExpensive):
        await desk.run(world.ana, world.source_id, SLOW, API)

    (line,) = await world.lines("data.query.refused")
    assert line.detail["reason"] == "query_too_expensive"
    assert line.detail["tables"] == ["public.sale"]


async def test_a_slow_query_ends_by_itself(world: DataWorld) -> None:
    """Within the seconds that are allowed, in the database too."""
    desk = world.desk_with(caps=Caps(seconds=0.3))

    with pytest.raises(QueryTimedOut):
        await desk.run(world.ana, world.source_id, SLOW, API)

    await until(lambda: world.company.rows(RUNNING) == [(0,)])
    (line,) = await world.lines("data.query.failed")
    assert line.detail["reason"] == "query_timed_out"


async def test_who_stops_waiting_stops_the_query_in_the_database(world: DataWorld) -> None:
    """And its line is written all the same."""
    asking = asyncio.create_task(world.desk.run(world.ana, world.source_id, SLOW, API))
    await until(lambda: world.company.rows(RUNNING) == [(1,)])

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    await until(lambda: world.company.rows(RUNNING) == [(0,)])
    (line,) = await world.lines("data.query.cancelled")
    assert line.actor_id == world.ana.user_id
    assert world.told == [("cancelled", "cancelled")]


async def test_one_query_of_a_person_and_a_few_of_all_run_at_a_time(world: DataWorld) -> None:
    """Who would be one too many waits a while and is told; a place that is given back is taken at once."""
    await world.sources.give(world.root, world.source_id, "everybody")
    desk = world.desk_with(most=1, wait_s=0.1)
    running = asyncio.create_task(desk.run(world.ana, world.source_id, SLOW, API))
    await until(lambda: world.company.rows(RUNNING) == [(1,)])

    with pytest.raises(SourceBusy) as own:
        await desk.run(world.ana, world.source_id, TOTAL, API)
    with pytest.raises(SourceBusy) as others:
        await desk.run(world.luis, world.source_id, TOTAL, API)
    running.cancel()
    await asyncio.wait([running])
    told = await desk.run(world.luis, world.source_id, TOTAL, API)

    assert (own.value.reason, others.value.reason) == ("own", "all")
    assert told.rows.rows == ((Decimal("3600.00"),),)
    assert len(await world.lines("data.query.failed")) == 2


TABLES = ("data_sources", "data_schemas", "data_tables", "data_drift", "data_grants")


async def test_the_database_itself_holds_back_what_is_not_shared(world: DataWorld) -> None:
    """Row-level security: Luis sees no row; Ana sees the source, its tables and her own grant, and changes nothing."""
    await world.sources.give(world.root, world.source_id, f"user:{world.root.email}")

    seen = {}
    for name, caller in (("ana", world.ana), ("luis", world.luis)):
        async with world.database.viewing(caller.viewer) as connection:
            counts = [await connection.execute(f"SELECT count(*) FROM {table}") for table in TABLES]
            seen[name] = [(await one.fetchone())[0] for one in counts]  # type: ignore[index]
            changed = await connection.execute("UPDATE data_sources SET name = 'mine'")
            removed = await connection.execute("DELETE FROM data_grants")
            assert (changed.rowcount, removed.rowcount) == (0, 0)
        with pytest.raises(InsufficientPrivilege):
            async with world.database.viewing(caller.viewer) as connection:
                await connection.execute(
                    "INSERT INTO data_grants (source_id, user_id) VALUES (%s, %s)",
                    (world.source_id, caller.user_id),
                )

    assert seen == {"ana": [1, 0, 4, 0, 1], "luis": [0, 0, 0, 0, 0]}


async def test_an_account_that_goes_takes_its_grants_and_leaves_the_source(
    world: DataWorld, maintenance_database: Database
) -> None:
    """Also where who made the source goes."""
    async with maintenance_database.transaction() as connection:
        await connection.execute(
            "DELETE FROM users WHERE id = ANY (%s)", ([world.ana.user_id, world.root.user_id],)
        )
        found = await connection.execute(
            "SELECT created_by, (SELECT count(*) FROM data_grants), (SELECT count(*) FROM data_tables)"
            " FROM data_sources"
        )
        assert await found.fetchall() == [(None, 0, 4)]
