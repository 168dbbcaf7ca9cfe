"""What Prometheus may know of the gate: counts and times by model and engine, never by person."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

from appliance.fairness.gate import Gate
from appliance.fairness.ledger import Entry

_TTFT_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TOTAL_S = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class GateMetrics:
    """registry: of this process. Hand `observe` to the ledger, and the gate to `watch`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        labels = ["model", "engine"]
        self._requests = Counter(
            "appliance_requests",
            "Requests that were let in, by how they ended.",
            ["route", "model", "engine", "status"],
            registry=registry,
        )
        self._tokens = Counter(
            "appliance_tokens",
            "Tokens as the engines counted them; estimated ones apart.",
            ["model", "engine", "kind", "counted_by"],
            registry=registry,
        )
        self._wait = Histogram(
            "appliance_queue_wait_seconds", "Wait for a slot.", labels, buckets=_TTFT_S, registry=registry
        )
        self._ttft = Histogram(
            "appliance_ttft_seconds",
            "From a request to the first byte of its answer, the wait included.",
            labels,
            buckets=_TTFT_S,
            registry=registry,
        )
        self._total = Histogram(
            "appliance_request_seconds", "A whole request.", labels, buckets=_TOTAL_S, registry=registry
        )

    def observe(self, entry: Entry) -> None:
        """Count a request that has ended."""
        start, end = entry.start, entry.end
        engine = end.engine or ""
        self._requests.labels(start.route, start.model, engine, end.status).inc()
        counted_by = "estimate" if end.is_estimated else "engine"
        for kind, count in (
            ("prompt", end.usage.prompt_tokens),
            ("completion", end.usage.completion_tokens),
            ("cached", end.usage.cached_tokens),
        ):
            if count:
                self._tokens.labels(start.model, engine, kind, counted_by).inc(count)
        for histogram, value_ms in (
            (self._wait, end.wait_ms),
            (self._ttft, end.ttft_ms),
            (self._total, end.total_ms),
        ):
            if value_ms is not None:
                histogram.labels(start.model, engine).observe(value_ms / 1000)

    def watch(self, gate: Gate) -> None:
        """Show how full the gate and the engines are, looked up at every scrape."""
        self._registry.register(_GateGauges(gate))


class _GateGauges:
    """A collector: values are read when somebody asks."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def collect(self) -> Iterable[Metric]:
        gate = self._gate
        leases = gate.leases
        running = GaugeMetricFamily(
            "appliance_running_requests", "Requests of this process that hold a slot.", labels=["engine"]
        )
        up = GaugeMetricFamily("appliance_engine_up", "1 while the engine answers.", labels=["engine"])
        slots = GaugeMetricFamily(
            "appliance_engine_slots", "Requests it may run at once, where it tells.", labels=["engine"]
        )
        kv_use = GaugeMetricFamily(
            "appliance_engine_kv_use", "Share of its KV cache in use.", labels=["engine"]
        )
        counts = leases.running
        for state in gate.engine_states():
            running.add_metric([state.name], counts[state.name])
            up.add_metric([state.name], float(state.is_healthy))
            load = gate.loads.load(state.name)
            if load is not None and load.slots is not None:
                slots.add_metric([state.name], load.slots)
            if load is not None and load.kv_use is not None:
                kv_use.add_metric([state.name], load.kv_use)
        yield from (running, up, slots, kv_use)
        yield GaugeMetricFamily(
            "appliance_waiting_requests", "Requests of this process in line.", value=leases.waiting
        )
        yield GaugeMetricFamily(
            "appliance_queue_is_shared", "0 while Valkey is away.", value=float(leases.is_shared)
        )
