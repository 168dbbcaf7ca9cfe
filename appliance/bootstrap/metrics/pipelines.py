"""What Prometheus may know of declared pipelines: how many stand how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge

from appliance.domain.pipelines import PipelineState, PipelineStatus
from appliance.fairness.shared_metrics import own

_STATUSES: tuple[PipelineStatus, ...] = ("serving", "outdated", "refused", "disabled")


class PipelineMetrics:
    """registry: what is scraped. outdated and refused: their file has faults."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._states = Gauge(
            "appliance_pipelines",
            "Declared pipelines by status; outdated and refused ones have faults in their files.",
            ["status"],
            registry=own(registry),
            multiprocess_mode="max",
        )

    def told(self, states: Sequence[PipelineState]) -> None:
        """How they stand after a look."""
        found = Counter(state.status for state in states)
        for status in _STATUSES:
            self._states.labels(status).set(found[status])
