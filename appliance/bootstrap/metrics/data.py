"""What Prometheus may know of queries to the company's tables: how many, how they ended, how long they took."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from appliance.fairness.shared_metrics import own
from appliance.services.data.desk import Outcome

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


class DataMetrics:
    """registry: what is scraped. No source and no person is named there."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._queries = Counter(
            "appliance_data_queries",
            "Queries to databases and workbooks, by how they ended and the code of what went wrong.",
            ["outcome", "code"],
            registry=own(registry),
        )
        self._seconds = Histogram(
            "appliance_data_query_seconds",
            "From the guard to the last row, waiting for a place included.",
            ["outcome"],
            buckets=_SECONDS,
            registry=own(registry),
        )

    def told(self, outcome: Outcome, code: str, seconds: float) -> None:
        """A query ended."""
        self._queries.labels(outcome, code).inc()
        self._seconds.labels(outcome).observe(seconds)
