"""A database changes under its source: what is gone is told, what is new waits for an administrator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from appliance.domain.data import Asking
from appliance.services.data.drift import fingerprint
from appliance.services.data.refreshing import NightlyRefresh
from appliance.storage.data_sources import PostgresDataSources
from appliance.storage.database import Database
from querying.errors import QueryRefused, SchemaChanged, SourceUnavailable
from querying.types import Column, Table
from tests.company_database import Company, company_database
from tests.conftest import Servers
from tests.data_world import CHOSEN, DataWorld, data_world

API = Asking("api")


@pytest.fixture
def company(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """The test's own."""
    with company_database(servers, tmp_path_factory.mktemp("passwords")) as made:
        yield made


@pytest.fixture
async def world(owner_url: str, company: Company) -> AsyncIterator[DataWorld]:
    """Ana may ask the shop."""
    async with data_world(owner_url, company) as made:
        yield made


async def test_what_drifted_is_told_and_what_is_new_is_not_offered(world: DataWorld) -> None:
    """A column gone, one renamed (gone and new), one of another type, a table gone; each is one finding."""
    world.company.execute("DROP VIEW sales_by_city")
    world.company.execute("ALTER TABLE product RENAME COLUMN category TO family")
    world.company.execute("ALTER TABLE sale ALTER COLUMN amount TYPE double precision, DROP COLUMN note")
    world.company.execute("ALTER TABLE customer DROP COLUMN remarks")  # was never offered

    whole = await world.tables.refresh(world.root, world.source_id)

    assert {(one.change, one.table, one.column) for one in whole.drift} == {
        ("table_gone", "public.sales_by_city", ""),
        ("column_gone", "public.product", "category"),
        ("column_new", "public.product", "family"),
        ("type_changed", "public.sale", "amount"),
        ("column_gone", "public.sale", "note"),
    }
    (offered,) = await world.desk.offered(world.ana)
    names = {f"{table.name}.{column.name}" for table in offered.schema.tables for column in table.columns}
    assert "product.family" not in names
    assert not names & {"product.category", "sale.note", "sales_by_city.city"}
    with pytest.raises(QueryRefused):
        await world.desk.run(world.ana, world.source_id, "SELECT family FROM product", API)


async def test_who_asks_for_what_is_gone_is_told_so(world: DataWorld) -> None:
    """By its name, before the refresh as after it; the line in the audit says failed."""
    world.company.execute("DROP VIEW sales_by_city")
    world.company.execute("ALTER TABLE sale DROP COLUMN note")

    with pytest.raises(SchemaChanged):
        await world.desk.run(world.ana, world.source_id, "SELECT * FROM sales_by_city", API)
    await world.tables.refresh(world.root, world.source_id)
    with pytest.raises(SchemaChanged, match=r"public\.sales_by_city"):
        await world.desk.run(world.ana, world.source_id, "SELECT city FROM sales_by_city", API)
    with pytest.raises(SchemaChanged, match=r"public\.sale\.note"):
        await world.desk.run(world.ana, world.source_id, "SELECT note FROM sale", API)

    assert {line.detail["reason"] for line in await world.lines("data.query.failed")} == {"schema_changed"}


async def test_choosing_again_settles_the_drift(world: DataWorld) -> None:
    """What people wrote stays; a new column is known from then on, and offered only where it is wanted by name."""
    world.company.execute("ALTER TABLE product ADD COLUMN colour text")
    await world.tables.describe(world.root, world.source_id, "public.product", "What we sell", [])
    await world.tables.refresh(world.root, world.source_id)

    settled = await world.tables.choose(world.root, world.source_id, dict.fromkeys(CHOSEN))
    names = ("id", "name", "category", "price", "colour")
    wanted = await world.tables.choose(
        world.root, world.source_id, {**dict.fromkeys(CHOSEN), "public.product": names}
    )

    (product,) = [table for table in settled.tables if table.table.name == "product"]
    assert settled.drift == ()
    assert product.table.description == "What we sell"
    assert [one.column.name for one in product.columns if one.is_offered] == [
        "id",
        "name",
        "category",
        "price",
    ]
    (product,) = [table for table in wanted.tables if table.table.name == "product"]
    assert [one.column.name for one in product.columns if one.is_offered] == list(names)


async def test_at_night_drift_is_found_and_stands_in_the_audit_once(
    world: DataWorld, worker_database: Database
) -> None:
    """Under the worker's own role; a second night with the same findings says nothing more."""
    nightly = NightlyRefresh(PostgresDataSources(worker_database), world.looking)
    world.company.execute("DROP VIEW sales_by_city")

    first = await nightly.refresh_all()
    second = await nightly.refresh_all()

    assert (first.read, first.drifted, first.failed) == (1, 1, 0)
    assert (second.read, second.drifted, second.failed) == (1, 0, 0)
    (line,) = await world.lines("data.source.drifted")
    assert line.actor_id is None
    assert line.detail["drift"] == [["table_gone", "public.sales_by_city", ""]]
    assert len((await world.sources.whole(world.root, world.source_id)).drift) == 1


async def test_a_database_that_does_not_answer_says_so_in_the_list(world: DataWorld) -> None:
    """Until it answers again; what was chosen stays as it is."""
    nightly = NightlyRefresh(world.repository, world.looking)
    role = world.company.settings()["user"]
    await world.connections.close()
    world.company.execute(f"ALTER ROLE {role} NOLOGIN")
    try:
        with pytest.raises(SourceUnavailable):
            await world.tables.refresh(world.root, world.source_id)
    finally:
        world.company.execute(f"ALTER ROLE {role} LOGIN")

    broken = await world.sources.whole(world.root, world.source_id)
    await world.tables.refresh(world.root, world.source_id)
    mended = await world.sources.whole(world.root, world.source_id)

    assert broken.source.problem == "source_unavailable"
    assert len(broken.tables) == len(CHOSEN)
    assert mended.source.problem == ""
    assert (await nightly.refresh_all()).failed == 0


def test_a_fingerprint_heeds_names_and_types_alone() -> None:
    """Neither the order of tables and columns nor the number of rows changes it."""
    one, two = Column("a", "text", "text"), Column("b", "integer", "int4")
    tables = [Table("x", (one, two), rows=1), Table("y", (one,))]
    same = [Table("y", (one,), rows=9), Table("x", (two, one))]

    assert fingerprint(tables) == fingerprint(same)
    assert fingerprint(tables) != fingerprint(
        [Table("x", (one, Column("b", "text", "text"))), Table("y", (one,))]
    )
