"""What Prometheus may know of the circuit breakers: who is out of rotation, how often, and how probes ended.

What is known of the circuits is the same in all gateway processes and told as it is; changes and probes are counted by
the one process that made them, and added up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric

from inference.breaker.circuit import CircuitState, Position
from inference.failover.outcomes import Report


class BreakerMetrics:
    """registry: what is scraped. is_shared: all workers share their counts (`shared_metrics`)."""

    def __init__(self, registry: CollectorRegistry, *, is_shared: bool) -> None:
        own = None if is_shared else registry
        self._changes = Counter(
            "appliance_circuit_transitions",
            "How often an engine left rotation (open), was asked (half_open) and came back (closed).",
            ["engine", "model", "position"],
            registry=own,
        )
        self._probes = Counter(
            "appliance_circuit_probes",
            "Requests that were sent to an engine out of rotation, by how they ended.",
            ["engine", "model", "outcome"],
            registry=own,
        )
        self._registry = registry

    def watch(self, states: Callable[[], Sequence[CircuitState]]) -> None:
        """states: the circuits as they are, of engines that are there."""
        self._registry.register(_Circuits(states))

    def changed(self, state: CircuitState) -> None:
        """A circuit took another position by what this process told."""
        self._changes.labels(state.engine, state.model, state.position.value).inc()

    def probed(self, report: Report) -> None:
        """A probe of this process ended."""
        self._probes.labels(report.engine, report.model, report.outcome.value).inc()


class _Circuits:
    """One for each engine and model that was asked since Valkey's memory begins."""

    def __init__(self, states: Callable[[], Sequence[CircuitState]]) -> None:
        self._states = states

    def describe(self) -> Iterable[Metric]:
        return [_family()]

    def collect(self) -> Iterable[Metric]:
        family = _family()
        for state in self._states():
            is_out = state.position is not Position.CLOSED
            family.add_metric([state.engine, state.model], float(is_out))
        return [family]


def _family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "appliance_circuit_open",
        "1 while an engine is out of rotation for a model; requests go elsewhere.",
        labels=["engine", "model"],
    )
