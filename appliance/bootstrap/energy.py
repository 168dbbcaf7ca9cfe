"""The meter of engines' time and GPUs' energy, joined to who runs beside and to the energy counter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Counter

from appliance.fairness.accounting.metering import Meter
from appliance.fairness.gate import Gate
from appliance.fairness.shared_metrics import shared_folder
from inference.energy import EnergyCounter
from inference.types import EngineState
from inference.watchdog.looking import PatientLook

EVERY_S = 1.0
_NOBODY_S = 60.0
"""A machine without GPUs is asked again after this: a driver may be loaded later."""
_HERE = ("127.0.0.1", "localhost", "::1", "engine")


class EnergyMetrics:
    """Joules by use, counted by the one process that watches the engines, so that the sum over all is the box's."""

    def __init__(self, registry: CollectorRegistry, folder: Path | None = None) -> None:
        self._joules = Counter(
            "appliance_gpu_energy_joules",
            "What the GPUs used up, while somebody was answered (busy) and while nobody was (idle).",
            ["use"],
            registry=registry if folder is None else None,
        )

    def add(self, busy_j: float, idle_j: float) -> None:
        """Since the last time."""
        self._joules.labels("busy").inc(max(0.0, busy_j))
        self._joules.labels("idle").inc(max(0.0, idle_j))


def here(states: Sequence[EngineState]) -> frozenset[str]:
    """Engines of this machine: on a socket of ours, on the loopback address, or beside us in the same stack."""
    return frozenset(
        state.name
        for state in states
        if state.base_url.startswith("unix:") or urlsplit(state.base_url).hostname in _HERE
    )


def look_at_others(gate: Gate) -> None:
    """Tell the meter who else runs on the engines, by their own count; to be called every second."""
    own, others = gate.leases.requests.running, {}
    for name, load in gate.loads.seen.items():
        if load.is_measured:
            others[name] = max(0, load.running - own.get(name, 0))
    gate.ledger.meter.look(others, here(gate.engine_states()))


def following_energy(gate: Gate, registry: CollectorRegistry) -> Coroutine[Any, Any, None]:
    """To be run as a task of a gateway. registry: of its metrics."""
    metrics = EnergyMetrics(registry, shared_folder())
    return follow_energy(gate.ledger.meter, metrics, lambda: gate.loads.is_watcher)


async def follow_energy(
    meter: Meter,
    metrics: EnergyMetrics,
    is_watcher: Callable[[], bool],
    look: PatientLook[float | None] | None = None,
    every_s: float = EVERY_S,
) -> None:
    """Read the counter for ever, beside what is being answered; a driver that hangs tells nothing."""
    look = look or PatientLook(EnergyCounter().read, lambda _waited_s, _error: None)
    while True:
        counted_j = await look()
        before = meter.energy
        meter.count(counted_j)
        if is_watcher():
            idle_j = meter.energy.idle - before.idle
            metrics.add(meter.energy.total - before.total - idle_j, idle_j)
        await asyncio.sleep(every_s if counted_j is not None else _NOBODY_S)
