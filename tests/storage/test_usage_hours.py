"""The hours of usage are the ledger added up: whoever writes it, in whatever order, and at the same time."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from appliance.domain.people import Role, Viewer
from appliance.fairness.accounting.ledger_rows import RequestEnd, RequestStart, end_row, start_row, uuid7
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from appliance.storage.usage import UsageStore, ledger_url
from inference.types import Usage
from tests.administration_world import as_owner
from tests.conftest import ROLE_SECRET

_ADDED_UP = """
SELECT date_trunc('hour', started_at, 'UTC'), user_id, model, count(*) FILTER (WHERE part_of IS NULL),
       count(engine), count(*) FILTER (WHERE status IN ('refused', 'failed', 'broken')), sum(prompt_tokens),
       sum(cached_tokens), sum(completion_tokens), round(sum(coalesce(wait_ms, 0))::numeric, 3)
FROM requests WHERE status <> 'started' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_HOURS = """
SELECT hour, user_id, model, asked, calls, failed, prompt_tokens, cached_tokens, completion_tokens,
       round(wait_ms::numeric, 3)
FROM usage_hours ORDER BY 1, 2, 3
"""
PEOPLE = [UUID(int=number) for number in range(1, 6)]
BEGAN = datetime(2026, 7, 1, 9, 50, tzinfo=UTC)


def _start(choice: random.Random) -> RequestStart:
    moment = BEGAN + timedelta(minutes=choice.randrange(60))
    model = choice.choice(("llama", "answer-with-sources"))
    part_of = uuid4() if choice.random() < 0.3 else None
    return RequestStart(uuid7(), "r", choice.choice(PEOPLE), None, model, "/v1/x", moment, part_of)


def _end(choice: random.Random) -> RequestEnd:
    status: Any = choice.choice(("completed", "failed", "broken", "refused", "client_gone"))
    usage = Usage(choice.randrange(1000), choice.randrange(1000), choice.randrange(50))
    engine = choice.choice((None, "gpu"))
    return RequestEnd(status, engine, usage, wait_ms=choice.choice((None, 12.5)))


async def _gateway(url: str, seed: int, rounds: int) -> None:
    """One process: each write begins some requests and ends those of the write before, some of them twice."""
    choice, store = random.Random(seed), UsageStore(ledger_url(url))
    running: list[UUID] = []
    try:
        for _ in range(rounds):
            starts = [_start(choice) for _ in range(choice.randrange(1, 12))]
            ends = [end_row(row_id, _end(choice)) for row_id in running]
            await store.record([start_row(UUID(int=seed), start) for start in starts], ends)
            if ends:
                await store.record([], ends[:2])
            running = [start.id for start in starts]
    finally:
        await store.close()


async def test_the_hours_are_the_rows_added_up(owner_url: str) -> None:
    """Four processes write about the same people at once: nothing is lost, counted twice, or waits for ever."""
    url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)

    await asyncio.gather(*[_gateway(url, seed, 25) for seed in range(1, 5)])
    orphaned = "UPDATE requests SET status = 'unknown', is_estimated = true WHERE status = 'started'"
    as_owner(owner_url, orphaned)

    rows = as_owner(owner_url, _HOURS)
    assert rows == as_owner(owner_url, _ADDED_UP)
    assert len(rows) == len(PEOPLE) * 2 * 2


async def test_nobody_but_the_ledger_writes_the_hours(owner_url: str, database: Database) -> None:
    """People see their own, auditors all; no role of the gateway may change them."""
    url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    await _gateway(url, 1, 10)
    seen = {}
    for role in (Role.USER, Role.AUDITOR):
        async with database.viewing(Viewer(PEOPLE[0], role=role)) as connection:
            rows = await connection.execute("SELECT DISTINCT user_id FROM usage_hours")
            seen[role] = {row[0] for row in await rows.fetchall()}

    allowed = as_owner(
        owner_url,
        "SELECT p, has_table_privilege('appliance_api', 'usage_hours', p) "
        "FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p",
    )
    assert seen[Role.USER] == {PEOPLE[0]} and seen[Role.AUDITOR] == set(PEOPLE)
    assert not any(may for _, may in allowed)
