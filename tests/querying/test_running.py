"""The order of things: refused before the database hears of it, too dear before it runs."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from querying.errors import QueryRefused, QueryTooExpensive
from querying.running import run
from querying.testing.shop import shop_schema
from querying.types import Caps, CheckedQuery, Dialect, ResultColumn, RoleReport, Rows, Schema


class _Recording:
    """A connector that only writes down what it is asked."""

    dialect: Dialect = "postgres"

    def __init__(self, cost: float | None) -> None:
        self._cost, self.asked = cost, list[str]()

    async def schema(self) -> Schema:
        return shop_schema("postgres", everything=True)

    async def role(self, tables: Sequence[str] = ()) -> RoleReport:
        return RoleReport("x", False)

    async def samples(self, table: str, columns: Sequence[str], limit: int) -> dict[str, tuple[str, ...]]:
        return {}

    async def cost(self, query: CheckedQuery) -> float | None:
        self.asked.append(f"cost {query.sql}")
        return self._cost

    async def run(self, query: CheckedQuery, caps: Caps) -> Rows:
        self.asked.append(f"run {query.sql}")
        return Rows((ResultColumn("n", "integer"),), ((1,),))

    async def close(self) -> None:
        return


async def test_what_is_refused_never_reaches_the_database() -> None:
    """Not even its cost is asked for: planning may evaluate a function."""
    connector = _Recording(1.0)
    with pytest.raises(QueryRefused):
        await run(connector, shop_schema("postgres"), "SELECT pg_sleep(60)", Caps())
    assert connector.asked == []


async def test_what_is_too_dear_does_not_run() -> None:
    """The sentence tells both figures."""
    connector = _Recording(2_000_000.0)
    with pytest.raises(QueryTooExpensive, match=r"2,000,000.*1,000"):
        await run(connector, shop_schema("postgres"), "SELECT quantity FROM stock", Caps(cost=1_000.0))
    assert [one.partition(" ")[0] for one in connector.asked] == ["cost"]


@pytest.mark.parametrize(("cost", "cap"), [(2_000_000.0, None), (None, 1.0), (5.0, 5.0)])
async def test_what_is_within_its_bounds_runs_as_it_was_rewritten(
    cost: float | None, cap: float | None
) -> None:
    """Without a bound, or where the database does not tell, it runs; the rows know what was expected."""
    connector = _Recording(cost)
    sql = "SELECT quantity FROM stock WHERE product_id = :id"
    query, rows = await run(connector, shop_schema("postgres"), sql, Caps(rows=10, cost=cap), {"id": 3})
    assert connector.asked[-1] == f"run {query.sql}"
    assert query.sql.endswith('"stock"."product_id" = 3 LIMIT 11')
    assert rows.rows == ((1,),)
    assert rows.cost == cost
