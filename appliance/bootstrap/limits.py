"""Shares and limits, joined to PostgreSQL and Valkey: the policy of this process, its budgets, and who sets them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.fairness.limits.budget_seeding import BudgetSeeding, CountersInValkey
from appliance.services.accounts.people import People
from appliance.services.limits import OperatorLimits
from appliance.services.policy_watch import PolicyWatch
from appliance.storage.database import Database
from appliance.storage.limits import PostgresLimits, PostgresSpending


@dataclass(frozen=True, slots=True)
class LimitsRoom:
    """open() before the first request, close() after the last. watch.policy is what the gate asks."""

    watch: PolicyWatch
    counters: CountersInValkey
    seeding: BudgetSeeding
    repository: PostgresLimits

    async def open(self) -> None:
        await self.watch.open()
        await self.seeding.open()

    async def close(self) -> None:
        await self.seeding.close()
        await self.watch.close()

    def operator_limits(self, people: People, known_models: Callable[[], Collection[str]]) -> OperatorLimits:
        """The use cases behind /api/limits. known_models: names that can be asked for, pipelines and aliases too."""
        return OperatorLimits(self.repository, self.watch, self.counters, people, known_models, uuid7)


def build_limits(database: Database, valkey: Redis, *, aliases: Mapping[str, str], prefix: str) -> LimitsRoom:
    """database: of the api role. prefix: of the shared queue's keys. aliases: of the configuration."""
    repository = PostgresLimits(database)
    counters = CountersInValkey(valkey, prefix)
    seeding = BudgetSeeding(PostgresSpending(database, aliases), counters)
    return LimitsRoom(PolicyWatch(repository, valkey), counters, seeding, repository)
