"""When somebody will answer again, as far as it is known. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from appliance.fairness.kept_engines import KeptEngines
from inference.breaker.circuit import CircuitState


def back_in_s(engines: Collection[str], kept: KeptEngines, circuits: Sequence[CircuitState]) -> float | None:
    """Seconds until the first of these engines is in memory again or is asked again; None: nobody knows."""
    loading = (kept.loading(name) for name in engines)
    waits = [one.eta_s for one in loading if one is not None and one.eta_s is not None]
    waits += [
        circuit.retry_in_s
        for circuit in circuits
        if circuit.engine in engines and circuit.retry_in_s is not None
    ]
    return min(waits, default=None)
