"""The policy of a process follows what is set, by news or by looking, and outlives PostgreSQL's absence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from redis.asyncio import Redis

from appliance.domain.people import AccountEvent
from appliance.errors import PartUnavailable
from appliance.fairness.limits.policy import EVERYONE, Limit, Policy
from appliance.services.policy_watch import PolicyRepository, PolicyWatch
from appliance.storage.database import Database
from appliance.storage.limits import PostgresLimits
from tests.accounts_world import until

FIVE = Limit(UUID(int=5), "everyone", EVERYONE, "requests_per_minute", 5)
EVENT = AccountEvent("limit.set")


class Leaving:
    """A repository that goes away and comes back."""

    def __init__(self, repository: PolicyRepository) -> None:
        self._repository = repository
        self.is_away = False
        self.reads = 0

    async def policy(self) -> Policy:
        self.reads += 1
        if self.is_away:
            raise PartUnavailable
        return await self._repository.policy()


@asynccontextmanager
async def opened(
    repository: PolicyRepository, valkey: Redis, read_every_s: float = 3600.0
) -> AsyncIterator[PolicyWatch]:
    """A watch that has read the policy and heard that it can hear."""
    watch = PolicyWatch(repository, valkey, read_every_s=read_every_s)
    await watch.open()
    try:
        yield watch
    finally:
        await watch.close()


async def subscribed(valkey: Redis) -> None:
    """Until one process listens for news."""

    async def is_heard() -> bool:
        return bool((await valkey.pubsub_numsub("policy:changed"))[0][1])

    await until(is_heard)


async def test_news_of_another_process_are_followed(database: Database, valkey: Redis) -> None:
    """Long before it would have looked by itself."""
    repository = PostgresLimits(database)
    async with opened(repository, valkey) as watch, opened(repository, valkey) as other:
        await subscribed(valkey)
        await repository.add(FIVE, EVENT)

        await other.announce()

        assert other.policy.limits == [FIVE]
        await until(lambda: watch.policy.limits == [FIVE], within_s=1.0)


async def test_without_news_it_looks_by_itself(database: Database, valkey: Redis) -> None:
    """A change whose news was lost counts after the next look."""
    repository = PostgresLimits(database)
    async with opened(repository, valkey, read_every_s=0.05) as watch:
        await repository.add(FIVE, EVENT)

        await until(lambda: watch.policy.limits == [FIVE])


async def test_news_that_came_while_nobody_listened_are_not_missed(database: Database, valkey: Redis) -> None:
    """Every new subscription reads again."""
    repository = Leaving(PostgresLimits(database))
    async with opened(repository, valkey) as watch:
        await subscribed(valkey)
        before = repository.reads
        await PostgresLimits(database).add(FIVE, EVENT)

        await valkey.client_kill_filter(_type="pubsub")

        await until(lambda: watch.policy.limits == [FIVE])
        assert repository.reads > before


async def test_while_postgresql_is_away_the_last_policy_counts(database: Database, valkey: Redis) -> None:
    """Limits do not vanish with the database, and are followed again when it is back."""
    await PostgresLimits(database).add(FIVE, EVENT)
    repository = Leaving(PostgresLimits(database))
    async with opened(repository, valkey, read_every_s=0.05) as watch:
        repository.is_away = True
        failed = repository.reads + 2
        await until(lambda: repository.reads >= failed)
        during = watch.policy.limits
        await PostgresLimits(database).remove(FIVE.id, EVENT)

        repository.is_away = False

        assert during == [FIVE]
        await until(lambda: not watch.policy.limits)


async def test_a_circle_in_the_database_is_told_once(
    database: Database, valkey: Redis, owner_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With what to do about it, and not at every look."""
    async with database.connection() as connection:
        for number in (1, 2):
            await connection.execute(
                "INSERT INTO groups (id, name, name_key) VALUES (%s, %s, %s)",
                (UUID(int=number), str(number), str(number)),
            )
        for number in (1, 2):
            await connection.execute(
                "UPDATE groups SET parent_id = %s WHERE id = %s", (UUID(int=3 - number), UUID(int=number))
            )
    async with opened(PostgresLimits(database), valkey) as watch:
        await watch.read()

    told = [record.getMessage() for record in caplog.records if "above themselves" in record.getMessage()]
    assert len(told) == 1 and str(UUID(int=1)) in told[0] and "parent_id" in told[0]
