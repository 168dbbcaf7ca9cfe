"""The page in front of real accounts, limits, a queue and a ledger: what people set up for themselves and for others.

Answers are scripted; no engine is connected but the one that is said to be.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from appliance.api.accounts import account_routers
from appliance.api.app import create_app
from appliance.api.doctor import doctor_routes
from appliance.api.health import health_router
from appliance.api.limits import limit_routes
from appliance.api.queue import queue_routes
from appliance.api.watchdog import watchdog_routes
from appliance.bootstrap.administration import administration_routers
from appliance.bootstrap.backups.desk import build_backup_routes
from appliance.bootstrap.budgets import BudgetRoom, build_budgets
from appliance.bootstrap.egress import way_out_at
from appliance.bootstrap.egress_desk import build_egress_routes
from appliance.bootstrap.limits import LimitsRoom, build_limits
from appliance.bootstrap.page import join_page
from appliance.domain.people import Caller, Role
from appliance.fairness.accounting.pricing import Prices
from appliance.fairness.admission import FairRules
from appliance.fairness.leases import Leases
from appliance.fairness.queue.history import QueueHistory
from appliance.fairness.queue.queue_view import QueueView
from appliance.fairness.queue.shared_queue import SharedQueue
from appliance.fairness.valkey.valkey_link import ValkeyLink
from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.room import DoctorRoom
from appliance.services.health import READY, HealthCheck
from appliance.services.queue_overview import PoolMembers, QueueOverview
from appliance.services.watchdog import Found
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.preferences import PostgresPreferences
from appliance.storage.recent_usage import PostgresRecentUsage
from appliance.storage.settings import BackupSettings
from inference.egress.settings import EgressSettings
from inference.types import EngineLoad, EngineState
from inference.watchdog.findings import Finding as WatchdogFinding
from inference.watchdog.findings import Remedy
from tests.accounts_world import Worker, add_person, worker
from tests.data_doors import connections_in, data_doors
from tests.page_box import (
    QUESTIONS,
    KnownPeople,
    PageBox,
    ScriptedAnswerer,
    _chat_files,
    _models,
    a_tiny_engine,
)
from tests.page_circuits import page_circuits
from tests.page_models import model_routes
from tests.shelf_in_memory import ShelfInMemory, shelf_routes
from tests.ui.cloud_seen import a_leaving_room

ADMINISTRATOR, PERSON = "root@box.example", "ana@box.example"
DRAINED = "appliance settings --set server.drain_s=20"
_RULES = FairRules(reserved=0)
_POOLS = {"local": PoolMembers(("local",), ("tiny-chat",), 2)}


@dataclass
class PageOffice:
    """root and ana sign in with accounts_world.PASSWORD."""

    box: PageBox
    worker: Worker
    history: QueueHistory


@asynccontextmanager
async def opened_page_office(
    database: Database, valkey: Redis, valkey_url: str, ui_socket: Path
) -> AsyncIterator[PageOffice]:
    """ui_socket: where the ui's process listens; its folder is the data folder as well."""
    async with AsyncExitStack() as stack:
        limits = build_limits(database, valkey, aliases={}, prefix=f"{{{uuid4().hex}}}")
        await limits.watch.open()
        stack.push_async_callback(limits.close)
        one = await stack.enter_async_context(worker(database, valkey, policy_changed=limits.watch.announce))
        await add_person(one.accounts, ADMINISTRATOR, Role.ADMIN)
        await add_person(one.accounts, PERSON)
        view, history = await _queue(valkey_url, stack)
        answerer, shelf = ScriptedAnswerer(), ShelfInMemory()
        accounts, identity = one.accounts, one.identity
        delegate = accounts.authentication.delegate
        page = join_page(database, valkey, answerer, identity, delegate, ui_socket, QUESTIONS, accounts.live)
        engines: list[EngineState] = [a_tiny_engine()]
        budgets = await _budgets(database, limits, valkey_url, stack)

        async def ready() -> str:
            return READY

        folders = ui_socket.parent / "databases", ui_socket.parent / "passwords"
        connections = connections_in(*folders)
        stack.push_async_callback(connections.close)
        routers = [
            *account_routers(accounts, identity, PostgresPreferences(database)),
            *administration_routers(database, accounts, identity, "EUR"),
            build_backup_routes(ui_socket.parent, BackupSettings(folder="/mnt/backups"), database, identity),
            build_egress_routes(way_out_at(ui_socket.parent, EgressSettings()), database, identity),
            a_leaving_room(database).routes(identity),
            data_doors(database, identity, connections, *folders),
            *model_routes(ui_socket.parent, identity),
            limit_routes(limits.operator_limits(accounts.people, lambda: {"tiny-chat"}), identity),
            budgets.routes(accounts.people, identity),
            doctor_routes(DoctorRoom(_examined, lambda: (), lambda: datetime.now(UTC)), identity),
            queue_routes(
                QueueOverview(view, lambda: _POOLS, PostgresRecentUsage(database), history), identity
            ),
            *page.routers,
            health_router(HealthCheck({"database": ready}, {"ui": ready}), lambda: engines, identity.caller),
            watchdog_routes(lambda: SLOWED, identity),
            page_circuits(identity, engines[0].name, engines[0].models[0].id),
            shelf_routes(shelf),
            _chat_files(),
            _models(engines),
        ]
        box = PageBox(KnownPeople(), answerer, page, create_app(routers), engines, accounts.live, shelf)
        await page.open()
        stack.push_async_callback(page.close)
        yield PageOffice(box, one, history)


SLOWED = Found(
    (
        WatchdogFinding(
            "gpu_throttled",
            "gpu 0",
            "warning",
            Remedy.COOL,
            datetime(2026, 11, 21, 2, tzinfo=UTC).timestamp(),
            {"name": "L40S", "reason": "heat", "temperature_c": 91.0},
        ),
    ),
    looked_at_s=1.0,
)
"""The watchdog of this office sees a GPU that is too warm."""


async def _examined(_caller: Caller, _names: Sequence[str]) -> Sequence[Finding]:
    """One of each kind: what is down and why, what wants a look, what is well."""
    return [
        ok("disk.ok", free_gb=1234.5, size_gb=2000.0),
        warning("tuning.no_drain", DRAINED),
        error("processes.broken", "appliance up", ("postgres: no space left",), date="2026-11-21 02:00 UTC"),
    ]


async def _budgets(
    database: Database, limits: LimitsRoom, valkey_url: str, stack: AsyncExitStack
) -> BudgetRoom:
    """As a gateway keeps them, with nothing that asks."""
    link = ValkeyLink(valkey_url, "page-office")
    room = build_budgets(Settings(), database, limits.watch, Prices(), link, CollectorRegistry())
    await link.open()
    stack.push_async_callback(link.close)
    await room.open()
    stack.push_async_callback(room.close)
    return room


async def _queue(valkey_url: str, stack: AsyncExitStack) -> tuple[QueueView, QueueHistory]:
    links = ValkeyLink(valkey_url, "gate"), ValkeyLink(valkey_url, "history")
    for link in links:
        await link.open()
        stack.push_async_callback(link.close)
    leases = Leases(SharedQueue(links[0], str(uuid4()), _RULES), links[0], _RULES, share=0.5, max_wait_s=30)
    await leases.open()
    stack.push_async_callback(leases.close)
    view = QueueView(leases)
    history = QueueHistory(
        links[1],
        view,
        is_watcher=lambda: True,
        loads=lambda: {"local": EngineLoad(running=1, waiting=0)},
        fairness=lambda _pools: {"local": 0.9},
    )
    return view, history
