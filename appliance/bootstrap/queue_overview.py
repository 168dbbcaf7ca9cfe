"""What people see of the queue, joined to the gate and the ledger."""

from __future__ import annotations

from appliance.bootstrap.gate import GateRoom
from appliance.fairness.gate import Gate
from appliance.fairness.kept_engines import Loading, loading_of
from appliance.services.queue_overview import PoolMembers, QueueOverview
from appliance.storage.database import Database
from appliance.storage.recent_usage import PostgresRecentUsage
from inference.errors import ModelNotFound


def build_queue_overview(room: GateRoom, database: Database) -> QueueOverview:
    """database: of the api role."""
    return QueueOverview(
        room.view,
        lambda: _members(room.gate),
        PostgresRecentUsage(database),
        room.history,
        lambda model: _loading(room.gate, model),
    )


def _loading(gate: Gate, model: str) -> Loading | None:
    try:
        candidates = gate.routes(model).candidates
    except ModelNotFound:
        return None  # it was stopped meanwhile
    return loading_of(gate.kept, [candidate.engine for candidate in candidates])


def _members(gate: Gate) -> dict[str, PoolMembers]:
    found = {}
    for pool, states in gate.pools().items():
        slots = [slots for slots in (gate.loads.slots(state.name) for state in states) if slots is not None]
        models = sorted({model.id for state in states for model in state.models})
        found[pool] = PoolMembers(
            tuple(state.name for state in states), tuple(models), sum(slots) if slots else None
        )
    return found
