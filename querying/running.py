"""One query, from text to rows. Knows no users: who may ask is settled before, and the audit line written after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from querying.errors import QueryTooExpensive
from querying.guard.checking import check
from querying.ports import Connector
from querying.types import Caps, CheckedQuery, Rows, Schema, Value


async def run(
    connector: Connector, schema: Schema, sql: str, caps: Caps, values: Mapping[str, Value] | None = None
) -> tuple[CheckedQuery, Rows]:
    """Check it, ask what it would cost, run it. schema: what may be asked, not what the database has.

    Raises QueryRefused, QueryTooExpensive and what Connector.run raises.
    """
    query = check(sql, schema, caps, values)
    cost = await connector.cost(query)
    if caps.cost and cost is not None and cost > caps.cost:
        raise QueryTooExpensive(f"Expected: {cost:,.0f}; allowed: {caps.cost:,.0f}.")
    rows = await connector.run(query, caps)
    return query, replace(rows, cost=cost if rows.cost is None else rows.cost)
