"""Budgets in money, joined to Valkey, PostgreSQL and the metrics: what the gate asks, and who sets them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from appliance.api.budgets import budget_routes
from appliance.api.identity import Identity
from appliance.fairness.accounting.ledger_rows import uuid7
from appliance.fairness.accounting.pricing import Prices
from appliance.fairness.background import end, for_ever
from appliance.fairness.budgets.budgets import MoneyBudgets
from appliance.fairness.budgets.keeping import LEASE_S, BudgetKeeping
from appliance.fairness.budgets.metrics import BudgetMetrics
from appliance.fairness.budgets.shared_counting import SharedCounting
from appliance.fairness.queue.script import PREFIX
from appliance.fairness.valkey.valkey_link import ValkeyLink
from appliance.services.accounts.people import People
from appliance.services.budget_warnings import BudgetWarnings
from appliance.services.budgets import OperatorBudgets
from appliance.services.policy_watch import PolicyWatch
from appliance.settings import Settings
from appliance.storage.budgets import PostgresBudgets, PostgresMoneySpent
from appliance.storage.database import Database

_SHOWN_EVERY_S = 2.5


@dataclass(slots=True)
class BudgetRoom:
    """open() when Valkey's link is open, close() before it closes. money is what the gate asks."""

    money: MoneyBudgets
    repository: PostgresBudgets
    spending: PostgresMoneySpent
    warnings: BudgetWarnings
    metrics: BudgetMetrics
    watch: PolicyWatch
    currency: str
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def open(self) -> None:
        await self.money.keeping.open()
        self._tasks = [asyncio.create_task(for_ever(loop)) for loop in (self.warnings.run, self._show)]

    async def close(self) -> None:
        await self.money.keeping.close()
        await end(self._tasks)

    def routes(self, people: People, identity: Identity) -> APIRouter:
        """/api/budgets."""
        money = self.money
        budgets = OperatorBudgets(
            self.repository, self.watch, money.keeping, self.spending, money, people, self.currency, uuid7
        )
        return budget_routes(budgets, identity)

    async def _show(self) -> None:
        while True:
            self.metrics.show(self.money.keeping.known())
            await asyncio.sleep(_SHOWN_EVERY_S)


def build_budgets(
    settings: Settings,
    database: Database,
    watch: PolicyWatch,
    prices: Prices,
    valkey: ValkeyLink,
    registry: CollectorRegistry,
) -> BudgetRoom:
    """database: of the api role. watch: knows the caps. prices: the ledger's. valkey: the gate's own link."""
    repository, spending = PostgresBudgets(database), PostgresMoneySpent(database)
    metrics = BudgetMetrics(registry)
    warnings = BudgetWarnings(repository, prices.currency, metrics.warned)
    keeping = BudgetKeeping(
        SharedCounting(valkey, PREFIX, str(uuid7()), LEASE_S, _now_ms),
        spending,
        _now_ms,
        lambda: str(uuid7()),
        processes=settings.server.workers,
        on_crossed=warnings.crossed,
    )
    money = MoneyBudgets(keeping, lambda: watch.policy, prices, settings.budgets, _now_ms, metrics.refused)
    return BudgetRoom(money, repository, spending, warnings, metrics, watch, prices.currency)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
