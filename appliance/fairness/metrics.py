"""What Prometheus may know of the gate: counts and times by model and engine, never by person.

Counts, times and what runs and waits are added up over all gateway processes. What is known of the engines is the same
in all of them, by the one that watches, and is told as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.context_guard import Checked, is_cut
from appliance.fairness.gate import Gate
from appliance.fairness.shared_metrics import add_up
from inference.types import EngineLoad, Usage

logger = logging.getLogger(__name__)

_TTFT_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_TOTAL_S = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_PLACES = ("model", "engine")


class GateMetrics:
    """registry: what is scraped. Hand `observe` to the ledger, the gate to `watch`, and call `refresh` every second.

    folder: where all workers share their metrics (`shared_metrics`); None: this process is the only one.
    """

    def __init__(self, registry: CollectorRegistry, folder: Path | None = None) -> None:
        self._registry = registry
        self._gate: Gate | None = None
        registry.register(_Refreshing(self))
        own = registry if folder is None else None
        self._requests = Counter(
            "appliance_requests",
            "Requests that were let in, by how they ended.",
            ["route", "model", "engine", "status"],
            registry=own,
        )
        self._tokens = Counter(
            "appliance_tokens",
            "Tokens as the engines counted them; estimated ones apart.",
            ["model", "engine", "kind", "counted_by"],
            registry=own,
        )
        self._rungs = Counter(
            "appliance_answers",
            "Answers, by which way they came: same, elsewhere, smaller, cloud, quoted.",
            ["rung"],
            registry=own,
        )
        self._cost = Counter(
            "appliance_cost",
            "What tokens cost by the operator's prices.",
            ["model", "engine", "currency"],
            registry=own,
        )
        self._engine_seconds = Counter(
            "appliance_engine_seconds",
            "Time that requests had an engine, shared by those that ran side by side.",
            _PLACES,
            registry=own,
        )
        self._joules = Counter(
            "appliance_energy_joules",
            "Energy of the GPUs that answers took, where NVML tells it.",
            _PLACES,
            registry=own,
        )
        self._energy_cost = Counter(
            "appliance_energy_cost",
            "What that energy cost.",
            ["model", "engine", "currency"],
            registry=own,
        )
        self._wait = Histogram(
            "appliance_queue_wait_seconds", "Wait for a slot.", _PLACES, buckets=_TTFT_S, registry=own
        )
        self._ttft = Histogram(
            "appliance_ttft_seconds",
            "From a request to the first byte of its answer, the wait included.",
            _PLACES,
            buckets=_TTFT_S,
            registry=own,
        )
        self._total = Histogram(
            "appliance_request_seconds", "A whole request.", _PLACES, buckets=_TOTAL_S, registry=own
        )
        self._counted = Counter(
            "appliance_prompts_counted",
            "Prompts counted before they were sent, by whether the engine then read as many tokens: same, more, or "
            "fewer - it cut the prompt.",
            ["engine", "usage"],
            registry=own,
        )
        self._gauges = _ProcessGauges(own)
        self._fairness: Mapping[str, float] = {}
        # Looking a child up by its labels takes longer than counting.
        self._request_children: dict[tuple[str, str, str, str], Counter] = {}
        self._token_children: dict[tuple[str, str, str, str], Counter] = {}
        self._time_children: dict[tuple[str, str], tuple[Histogram, Histogram, Histogram]] = {}
        if folder is not None:
            add_up(registry, folder)

    def observe(self, entry: Entry) -> None:
        """Count a request that has ended."""
        start, end = entry.start, entry.end
        engine, usage = end.engine or "", end.usage
        which = (start.route, start.model, engine, end.status)
        requests = self._request_children.get(which)
        if requests is None:
            requests = self._request_children[which] = self._requests.labels(*which)
        requests.inc()
        if end.rung and start.part_of is None:
            self._rungs.labels(end.rung).inc()
        counted_by = "estimate" if end.is_estimated else "engine"
        for kind, count in (
            ("prompt", usage.prompt_tokens),
            ("completion", usage.completion_tokens),
            ("cached", usage.cached_tokens),
        ):
            if count:
                self._count_tokens((start.model, engine, kind, counted_by), count)
        if end.cost is not None:
            self._cost.labels(start.model, engine, end.cost.currency).inc(end.cost.amount)
        if end.engine_seconds:
            self._engine_seconds.labels(start.model, engine).inc(end.engine_seconds)
        if end.joules:
            self._joules.labels(start.model, engine).inc(end.joules)
        if end.energy_cost is not None:
            self._energy_cost.labels(start.model, engine, end.energy_cost.currency).inc(
                end.energy_cost.amount
            )
        wait, ttft, total = self._times(start.model, engine)
        if end.wait_ms is not None:
            wait.observe(end.wait_ms / 1000)
        if end.ttft_ms is not None:
            ttft.observe(end.ttft_ms / 1000)
        if end.total_ms is not None:
            total.observe(end.total_ms / 1000)

    def compare(self, engine: str, counted: Checked, usage: Usage) -> None:
        """Count whether the engine read what was counted before. One that reads less is in the log too."""
        if counted.prompt_tokens is None or not usage.prompt_tokens:
            return
        difference = usage.prompt_tokens - counted.prompt_tokens
        if is_cut(counted, usage):
            logger.warning(
                "engine %s read %d tokens of a prompt of %d: it cut it and said nothing",
                engine,
                usage.prompt_tokens,
                counted.prompt_tokens,
            )
        word = "fewer" if difference < 0 else "more" if difference and counted.is_exact else "same"
        self._counted.labels(engine, word).inc()

    def watch(self, gate: Gate) -> None:
        """Show how full the gate and the engines are."""
        self._gate = gate
        self._registry.register(_EngineGauges(gate))
        self._registry.register(_Fairness(self))

    def show_fairness(self, index: Mapping[str, float]) -> None:
        """By pool, until the next time."""
        self._fairness = index

    @property
    def fairness(self) -> Mapping[str, float]:
        return self._fairness

    def refresh(self) -> None:
        """Bring what this process has running and waiting up to date, for whichever worker is scraped."""
        if self._gate is not None:
            leases = self._gate.leases
            self._gauges.show(leases.requests.running, leases.requests.waiting_in, leases.is_shared)
            self._gauges.show_spool(self._gate.ledger.recording.spooled_rows)

    def _count_tokens(self, which: tuple[str, str, str, str], count: int) -> None:
        tokens = self._token_children.get(which)
        if tokens is None:
            tokens = self._token_children[which] = self._tokens.labels(*which)
        tokens.inc(count)

    def _times(self, model: str, engine: str) -> tuple[Histogram, Histogram, Histogram]:
        found = self._time_children.get((model, engine))
        if found is None:
            found = (
                self._wait.labels(model, engine),
                self._ttft.labels(model, engine),
                self._total.labels(model, engine),
            )
            self._time_children[model, engine] = found
        return found


class _Refreshing:
    """The first in the registry: the gauges are up to date when their turn comes."""

    def __init__(self, metrics: GateMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        self._metrics.refresh()
        return ()


class _Fairness:
    """The same whichever worker is asked: the queue is one."""

    def __init__(self, metrics: GateMetrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily(
            "appliance_queue_fairness",
            "Jain's index over what people who waited lately got of what was due to them; 1 is even.",
            labels=["pool"],
        )
        for pool, index in self._metrics.fairness.items():
            gauge.add_metric([pool], index)
        yield gauge


class _ProcessGauges:
    """What this process has running and waiting; the sum over all workers is what the box has."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        self._running = Gauge(
            "appliance_running_requests",
            "Requests that hold a slot.",
            ["engine"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._waiting = Gauge(
            "appliance_waiting_requests",
            "Requests in line, by the model they wait for.",
            ["pool", "class"],
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._is_shared = Gauge(
            "appliance_queue_is_shared",
            "0 while Valkey is away from any worker.",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._spooled = Gauge(
            "appliance_spooled_rows",
            "Rows of the ledger that wait for PostgreSQL.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._engines: set[str] = set()
        self._lines: set[tuple[str, str]] = set()

    def show(
        self, running: Mapping[str, int], waiting: Mapping[tuple[str, str], int], is_shared: bool
    ) -> None:
        """running: by engine. waiting: by pool and class. Who was there before and is gone is shown as 0."""
        self._engines.update(running)
        self._lines.update(waiting)
        for engine in self._engines:
            self._running.labels(engine).set(running.get(engine, 0))
        for line in self._lines:
            self._waiting.labels(*line).set(waiting.get(line, 0))
        self._is_shared.set(float(is_shared))

    def show_spool(self, rows: int) -> None:
        self._spooled.set(rows)


class _EngineGauges:
    """What is known of the engines, looked up at every scrape."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def collect(self) -> Iterable[Metric]:
        gauges = {
            name: GaugeMetricFamily(f"appliance_engine_{name}", text, labels=["engine"])
            for name, text in (
                ("up", "1 while the engine answers."),
                ("slots", "Requests it gets at once, as it is found to bear."),
                ("slots_limit", "Requests it may get at most, by its setting or its own word."),
                ("running_requests", "Requests it says it is answering."),
                ("waiting_requests", "Requests it says wait inside it; the queue keeps this near 0."),
                ("kv_use", "Share of its KV cache in use."),
            )
        }
        preemptions = CounterMetricFamily(
            "appliance_engine_preemptions",
            "Running requests it threw back, by its own count.",
            labels=["engine"],
        )
        for state in self._gate.engine_states():
            load = self._gate.loads.load(state.name) or EngineLoad()
            values: dict[str, float | None] = {
                "up": None if state.is_asleep else state.is_healthy,
                "slots": self._gate.loads.slots(state.name),
                "slots_limit": load.slots,
                "running_requests": load.running if load.is_measured else None,
                "waiting_requests": load.waiting if load.is_measured else None,
                "kv_use": load.kv_use,
            }
            for name, value in values.items():
                if value is not None:
                    gauges[name].add_metric([state.name], float(value))
            if load.preemptions is not None:
                preemptions.add_metric([state.name], load.preemptions)
        yield from gauges.values()
        yield preemptions
