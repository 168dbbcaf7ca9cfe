"""Budgets per day and month survive emptied counters: the ledger completes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from redis import Redis as PlainRedis
from redis.asyncio import Redis

from appliance.errors import PartUnavailable
from appliance.fairness.admission import AppliedLimit, LimitKind
from appliance.fairness.limits.budget_seeding import BudgetSeeding, BudgetSpent, CountersInValkey
from appliance.fairness.limits.limits import window_of
from appliance.storage.database import Database
from appliance.storage.limits import PostgresSpending
from tests.conftest import Servers
from tests.limits_in_valkey import LimitsInValkey

ANA, EVA = UUID(int=0xA), UUID(int=0xE)


@pytest.fixture
def lua(servers: Servers) -> Iterator[LimitsInValkey]:
    """The counters that the gate takes from."""
    with PlainRedis.from_url(servers.valkey.url) as client:
        yield LimitsInValkey(client)


class Ledger:
    """Rows of requests that ended."""

    def __init__(self, owner_url: str) -> None:
        self._url = owner_url

    def add(
        self,
        tokens: int,
        started_at: datetime,
        *,
        user: UUID = ANA,
        key: UUID | None = None,
        model: str = "llama",
        engine: str = "local",
        part_of: UUID | None = None,
    ) -> UUID:
        """A third of the tokens is the prompt's."""
        row_id, prompt = uuid4(), tokens // 3
        values = (row_id, part_of, uuid4(), user, key, model, engine, started_at, prompt, tokens - prompt)
        with psycopg.connect(self._url, options="-c app.role=ledger") as connection:
            connection.execute(
                "INSERT INTO requests (id, part_of, request_id, worker, user_id, key_id, model, engine, started_at, "
                "route, status, prompt_tokens, completion_tokens) "
                "VALUES (%s, %s, 'r', %s, %s, %s, %s, %s, %s, '/v1/chat/completions', 'completed', %s, %s)",
                values,
            )
        return row_id

    def execute(self, statement: str, *values: object) -> None:
        """As the owner."""
        with psycopg.connect(self._url) as connection:
            connection.execute(statement.encode(), values)


@pytest.fixture
def ledger(owner_url: str) -> Ledger:
    """An empty one."""
    return Ledger(owner_url)


def budget(kind: LimitKind, scope: str = f"user:{ANA}", most: int = 1000) -> AppliedLimit:
    """Of Ana's."""
    return AppliedLimit(scope, kind, most)


def remaining(lua: LimitsInValkey, now: datetime, *limits: AppliedLimit) -> list[int]:
    """What is left of each."""
    return [row[0] for row in lua.states(_ms(now), limits)]


async def test_emptied_counters_are_completed_from_the_ledger(
    database: Database, valkey: Redis, ledger: Ledger, lua: LimitsInValkey
) -> None:
    """What was used today and this month counts on, in what is counted anew, and only once."""
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    day, month = budget("tokens_per_day"), budget("tokens_per_month")
    ledger.add(100, now - timedelta(hours=1))
    ledger.add(300, now - timedelta(days=3))
    ledger.add(500, now - timedelta(days=30))  # last month
    lua.take(_ms(now), [day, month], 10)
    ledger.add(10, now - timedelta(milliseconds=3))  # the request that began to count: it is in both
    seeding = BudgetSeeding(PostgresSpending(database, {}), CountersInValkey(valkey, lua.prefix))

    done = [await seeding.look(), await seeding.look()]

    assert done == [2, 0]
    assert remaining(lua, now, day, month) == [890, 590]


async def test_each_subject_has_its_own_sum(database: Database, ledger: Ledger) -> None:
    """A person's, a key's, a group's with the groups below it, and a model's under all its names."""
    now, key, company, sales = datetime(2026, 11, 21, tzinfo=UTC), uuid4(), uuid4(), uuid4()
    for person in (ANA, EVA):
        ledger.execute(
            "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, 'user')",
            person,
            f"{person}@box.example",
            str(person),
        )
    ledger.execute("INSERT INTO groups (id, name, name_key) VALUES (%s, 'company', 'company')", company)
    ledger.execute(
        "INSERT INTO groups (id, name, name_key, parent_id) VALUES (%s, 'sales', 'sales', %s)", sales, company
    )
    ledger.execute("INSERT INTO group_members (group_id, user_id) VALUES (%s, %s)", sales, ANA)
    ledger.execute(
        "INSERT INTO api_keys (id, user_id, prefix, secret_hash, created_at) "
        "VALUES (%s, %s, 'apl_abcdef', sha256('x'), now())",
        key,
        ANA,
    )
    ledger.add(1, now, key=key, model="gpt-4o-mini")
    ledger.add(10, now)
    ledger.add(100, now, user=EVA, model="other")
    ledger.add(1000, now, engine="embedder")  # not what the gate counts
    ledger.add(10_000, now + timedelta(hours=1))
    pipeline = ledger.add(0, now, user=EVA, model="answer-with-sources")
    ledger.add(7, now, user=EVA, model="other", part_of=pipeline)
    window = (_ms(now), _ms(now + timedelta(minutes=1)))
    scopes = [
        f"user:{ANA}",
        "model:llama",
        f"key:{key}",
        f"group:{company}",
        f"group:{sales}",
        "model:gpt-4o-mini",
        "model:answer-with-sources",
        f"user:{uuid4()}",
    ]

    spent = await PostgresSpending(database, {"gpt-4o-mini": "llama"}).spent(
        [BudgetSpent(scope, *window) for scope in scopes]
    )

    assert spent == [11, 11, 1, 11, 11, 1, 7, 0]


async def test_a_budget_is_not_asked_about_while_it_is_known(
    database: Database, valkey: Redis, lua: LimitsInValkey
) -> None:
    """A look that finds nothing new asks PostgreSQL nothing."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    spending = Counting(PostgresSpending(database, {}))
    seeding = BudgetSeeding(spending, CountersInValkey(valkey, lua.prefix))
    lua.take(_ms(now), [budget("tokens_per_day")], 1)

    for _ in range(3):
        await seeding.look()
        lua.take(_ms(now), [budget("tokens_per_day")], 1)

    assert spending.calls == 1


async def test_after_counters_were_away_everything_is_counted_anew(
    database: Database, valkey: Redis, ledger: Ledger, lua: LimitsInValkey
) -> None:
    """What was used while nobody counted is in the ledger."""
    now, day = datetime(2026, 11, 21, 12, tzinfo=UTC), budget("tokens_per_day")
    counters = Interrupted(valkey, lua.prefix)
    seeding = BudgetSeeding(PostgresSpending(database, {}), counters)
    lua.take(_ms(now), [day], 10)
    await seeding.look()
    ledger.add(10, now)
    ledger.add(200, now + timedelta(seconds=1))  # nobody counted it
    counters.is_away = True
    with pytest.raises(PartUnavailable):
        await seeding.look()
    counters.is_away = False
    await seeding.look()

    later = now + timedelta(seconds=5)
    lua.take(_ms(later), [day], 1)
    await seeding.look()

    assert remaining(lua, later, day) == [1000 - 10 - 200 - 1]


async def test_budgets_wait_for_a_ledger_that_is_away(valkey: Redis, lua: LimitsInValkey) -> None:
    """They count from zero meanwhile, and are completed when it is back."""
    now, day = datetime(2026, 11, 21, 12, tzinfo=UTC), budget("tokens_per_day")
    spending = Absent()
    seeding = BudgetSeeding(spending, CountersInValkey(valkey, lua.prefix))
    lua.take(_ms(now), [day], 10)
    with pytest.raises(PartUnavailable):
        await seeding.look()
    before = remaining(lua, now, day)

    spending.is_back = True
    await seeding.look()

    assert (before, remaining(lua, now, day)) == ([990], [690])


def test_the_window_asked_about_is_the_budgets(lua: LimitsInValkey) -> None:
    """A note carries the start of the day or month that it is about."""
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    day = budget("tokens_per_day")
    lua.take(_ms(now), [day], 1)

    (note,) = lua.unseeded()

    assert note == f"tokens_per_day {window_of(day, _ms(now)).start_ms} {_ms(now)} {day.scope}"


class Counting:
    """Passes questions on and counts them."""

    def __init__(self, spending: PostgresSpending) -> None:
        self._spending = spending
        self.calls = 0

    async def spent(self, wanted: Sequence[BudgetSpent]) -> Sequence[int]:
        self.calls += 1
        return await self._spending.spent(wanted)


class Absent:
    """A ledger that is away until it is back, with 300 tokens in it."""

    is_back = False

    async def spent(self, wanted: Sequence[BudgetSpent]) -> Sequence[int]:
        if not self.is_back:
            raise PartUnavailable
        return [300] * len(wanted)


class Interrupted(CountersInValkey):
    """Away when told so."""

    is_away = False

    async def unseeded(self) -> Sequence[str]:
        if self.is_away:
            raise PartUnavailable
        return await super().unseeded()


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
