"""The gate from its parts: the shared queue, this process's leases, the ledger, and who watches the engines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from appliance.fairness.contact import PostgresContact
from appliance.fairness.fifo_queue import FifoQueue
from appliance.fairness.gate import Gate
from appliance.fairness.leases import LEASE_S, Leases
from appliance.fairness.ledger import Ledger
from appliance.fairness.load_watch import LoadWatch
from appliance.fairness.metrics import GateMetrics
from appliance.fairness.recording import Recording
from appliance.fairness.settings import GateSettings
from appliance.fairness.shared_metrics import shared_folder
from appliance.fairness.spool import Spool
from appliance.storage.usage import UsageStore, ledger_url
from inference.ports import ChatEngine
from inference.roster import Roster

# A Valkey that does not answer within this is taken for gone: its answers take a millisecond.
_CONNECT_S, _ANSWER_S = 0.5, 1.0


@dataclass(frozen=True, slots=True)
class GateRoom:
    """The gate and what it opened; open() before the first request, close() after the last."""

    gate: Gate
    metrics: CollectorRegistry
    valkey: Redis

    async def open(self) -> None:
        await self.gate.open()

    async def close(self) -> None:
        """Slots are given back and usage is written before the connections go."""
        await self.gate.close()
        await self.valkey.aclose()


def build_gate(
    settings: GateSettings,
    roster: Roster,
    *,
    valkey_url: str,
    database_url: str,
    spool_folder: Path,
    contact: PostgresContact | None = None,
    workers: int = 1,
) -> GateRoom:
    """database_url: of the role this process has; workers: gateway processes that share the engines.

    spool_folder: DATA/spool. contact: told whether PostgreSQL answers; `postgres_contact` makes one.
    """
    worker = uuid4()
    valkey = Redis.from_url(
        valkey_url,
        socket_connect_timeout=_CONNECT_S,
        socket_timeout=_ANSWER_S,
        retry=Retry(NoBackoff(), 1),  # a connection that died while idle; every step may be repeated
    )
    queue = FifoQueue(
        valkey,
        str(worker),
        lease_s=LEASE_S,
        max_queue=settings.max_queue,
        max_queue_per_user=settings.max_queue_per_user,
    )
    leases = Leases(
        queue,
        share=settings.share_without_valkey / workers,
        max_queue=settings.max_queue,
        max_wait_s=settings.max_wait_s,
        first_report_s=settings.comment_after_s,
    )
    registry = CollectorRegistry()
    metrics = GateMetrics(registry, shared_folder())
    recording = Recording(
        UsageStore(ledger_url(database_url)),
        Spool(spool_folder, worker, settings.spool_mb << 20),
        contact or postgres_contact(settings),
        worker,
    )
    ledger = Ledger(recording, metrics.observe)
    loads = LoadWatch(
        valkey.execute_command,
        queue,
        lambda: _engines_up(roster),
        str(worker),
        default_slots=settings.default_slots,
        held=lambda: leases.running,
        on_look=metrics.refresh,
    )
    gate = Gate(roster, leases, ledger, loads, default_slots=settings.default_slots)
    metrics.watch(gate)
    return GateRoom(gate, registry, valkey)


def postgres_contact(settings: GateSettings) -> PostgresContact:
    """Whether PostgreSQL answers: one a process, shared by all that need to know."""
    return PostgresContact(settings.without_postgres, settings.serve_without_postgres_s)


def _engines_up(roster: Roster) -> list[ChatEngine]:
    found = (roster.engine(state.name) for state in roster.states() if state.is_healthy)
    return [engine for engine in found if engine is not None]
