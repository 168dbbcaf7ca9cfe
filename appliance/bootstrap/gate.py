"""The gate from its parts: the shared queue, this process's leases, the ledger, and who watches the engines."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from prometheus_client import CollectorRegistry

from appliance.bootstrap.breakers import BreakerRoom, build_breakers
from appliance.bootstrap.budgets import BudgetRoom
from appliance.bootstrap.energy import look_at_others
from appliance.bootstrap.ladder import LadderPlan
from appliance.errors import PartUnavailable
from appliance.fairness.accounting.contact import PostgresContact
from appliance.fairness.accounting.ledger import Entry, Ledger
from appliance.fairness.accounting.pricing import NO_PRICES, Prices
from appliance.fairness.accounting.recording import Recording
from appliance.fairness.accounting.request_log import RequestLog
from appliance.fairness.accounting.spool import Spool
from appliance.fairness.breakers.metrics import BreakerMetrics
from appliance.fairness.breakers.settings import BreakerSettings
from appliance.fairness.budgets.port import NO_BUDGETS
from appliance.fairness.gate import Gate, SharesAndLimits
from appliance.fairness.kept_engines import NOTHING_KEPT, KeptEngines
from appliance.fairness.leases import LEASE_S, Leases
from appliance.fairness.limits.policy import Policy
from appliance.fairness.metrics import GateMetrics
from appliance.fairness.queue.fairness_index import FairnessWatch
from appliance.fairness.queue.history import QueueHistory
from appliance.fairness.queue.queue_view import QueueView
from appliance.fairness.queue.shared_queue import SharedQueue
from appliance.fairness.settings import GateSettings
from appliance.fairness.shared_metrics import shared_folder
from appliance.fairness.slots.load_watch import LoadWatch
from appliance.fairness.valkey.valkey_link import ValkeyLink
from appliance.storage.usage import UsageStore, ledger_url
from inference.failover.settings import FailoverSettings
from inference.ports import ChatEngine
from inference.roster import Roster
from inference.settings import EngineSettings

_PLOTTED_S = 30.0  # fairness as it is plotted: of those who waited so long
NO_POLICY = Policy()
"""Everybody weighs the same and nobody is limited."""


@dataclass(frozen=True, slots=True)
class GateRoom:
    """The gate and what it opened; open() before the first request, close() after the last."""

    gate: Gate
    metrics: CollectorRegistry
    valkey: ValkeyLink
    view: QueueView
    history: QueueHistory
    before_scrape: Callable[[], Awaitable[None]]
    """Brings up to date what only the queue knows."""
    log: RequestLog
    circuits: BreakerRoom
    budgets: BudgetRoom | None = None

    async def open(self) -> None:
        await self.valkey.open()
        await self.circuits.open()
        if self.budgets is not None:
            await self.budgets.open()
        await self.gate.open()
        await self.history.open()

    async def close(self) -> None:
        """Slots are given back and usage is written before the connections go."""
        await self.history.close()
        await self.gate.close()
        await self.circuits.close()
        if self.budgets is not None:
            await self.budgets.close()
        self.log.flush()
        await self.valkey.close()


def build_gate(
    settings: GateSettings,
    roster: Roster,
    *,
    valkey_url: str,
    database_url: str,
    spool_folder: Path,
    contact: PostgresContact | None = None,
    workers: int = 1,
    policy: Callable[[], SharesAndLimits] = lambda: NO_POLICY,
    prices: Prices = NO_PRICES,
    kept: KeptEngines = NOTHING_KEPT,
    failover: FailoverSettings | None = None,
    breaker: BreakerSettings | None = None,
    engines: Mapping[str, EngineSettings] | None = None,
    on_end: Callable[[Entry], None] = lambda _entry: None,
    money: Callable[[ValkeyLink, CollectorRegistry], BudgetRoom] | None = None,
    plan: LadderPlan | None = None,
) -> GateRoom:
    """database_url: of the role this process has; workers: gateway processes that share the engines.

    policy: the shares and limits that count now. spool_folder: DATA/spool. contact: told whether PostgreSQL answers;
    `postgres_contact` makes one. engines: as they are configured, so that one that refused us is tried anew when its
    section has changed. money: makes what holds the budgets; None: nobody set one. plan: the ways
    to answer beside the model that was asked for.
    """
    worker = uuid4()
    valkey = ValkeyLink(valkey_url, "gate")
    rules = settings.rules(LEASE_S)
    queue = SharedQueue(valkey, str(worker), rules)
    leases = Leases(
        queue,
        valkey,
        rules,
        share=settings.share_without_valkey / workers,
        workers=workers,
        max_wait_s=settings.max_wait_s,
        first_report_s=settings.comment_after_s,
        closed=kept.capacities,
    )
    registry = CollectorRegistry()
    metrics = GateMetrics(registry, shared_folder())
    log = RequestLog()
    recording = Recording(
        UsageStore(ledger_url(database_url)),
        Spool(spool_folder, worker, settings.spool_mb << 20),
        contact or postgres_contact(settings),
        worker,
    )

    def ended(entry: Entry) -> None:
        metrics.observe(entry)
        log.note(entry)
        on_end(entry)
        history.ended(entry.end)

    ledger = Ledger(recording, ended, prices)

    def look() -> None:
        look_at_others(gate)
        metrics.refresh()
        gate.take_slots()

    loads = LoadWatch(
        valkey.command,
        queue,
        lambda: _engines_up(roster),
        str(worker),
        default_slots=settings.default_slots,
        held=lambda: leases.requests.running,
        closed=kept.capacities,
        there=lambda: [state.name for state in roster.states()],
        on_look=look,
    )
    budgets = None if money is None else money(valkey, registry)
    circuits = build_breakers(
        breaker or BreakerSettings(),
        roster,
        valkey,
        engines or {},
        kept,
        BreakerMetrics(registry, is_shared=shared_folder() is not None),
    )
    held = budgets.money if budgets is not None else NO_BUDGETS
    gate = Gate(
        roster,
        leases,
        ledger,
        loads,
        policy,
        default_slots=settings.default_slots,
        kept=kept,
        breakers=circuits.breakers,
        budgets=held,
        ladder=lambda routing: (plan or LadderPlan()).ladder(routing, kept, circuits.breakers, held),
        failover=failover or FailoverSettings(),
        on_counted=metrics.compare,
    )
    metrics.watch(gate)
    view, watch, live_watch = QueueView(leases), FairnessWatch(), FairnessWatch(_PLOTTED_S)
    history = QueueHistory(
        valkey,
        view,
        is_watcher=lambda: loads.is_watcher,
        loads=lambda: loads.seen,
        fairness=lambda pools: live_watch.look(pools, time.monotonic()),
    )

    async def before_scrape() -> None:
        index: Mapping[str, float] = {}
        with suppress(PartUnavailable):
            index = watch.look(await view.survey(), time.monotonic())
        metrics.show_fairness(index)

    return GateRoom(gate, registry, valkey, view, history, before_scrape, log, circuits, budgets)


def postgres_contact(settings: GateSettings) -> PostgresContact:
    """Whether PostgreSQL answers: one a process, shared by all that need to know."""
    return PostgresContact(settings.without_postgres, settings.serve_without_postgres_s)


def _engines_up(roster: Roster) -> list[ChatEngine]:
    found = (roster.engine(state.name) for state in roster.states() if state.is_healthy)
    return [engine for engine in found if engine is not None]
