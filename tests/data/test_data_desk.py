"""The desk before the company's tables: who may ask, what stands in the audit, and how many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.domain.data import Asking
from appliance.errors import NotFound
from querying.errors import QueryFailed, QueryRefused, QueryTooExpensive, SchemaChanged, SourceBusy
from querying.types import Caps
from tests.company_database import SECRET, Company, company_database
from tests.conftest import Servers
from tests.data_world import DataWorld, data_world
from tests.waiting import until

TOTAL = "SELECT sum(amount) AS total FROM sale"


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
    (line,) = await world.lines("data.query.allowed")
    assert line.actor_id == world.ana.user_id
    assert line.detail["tables"] == ["public.sale"]
    assert line.detail["rows"] == 1
    assert line.detail["ms"] > 0
    assert line.detail["via"] == "api"
    assert line.detail["question"] == "¿Total?"
