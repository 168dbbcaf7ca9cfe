"""What the worker has read, counted in its own process and told by the gateway.

The worker answers nobody: it keeps its counters in files below DATA/metrics, which a scrape of the gateway adds.
"""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram

from appliance.fairness.shared_metrics import add_up, share_metrics
from appliance.services.knowledge.ingestion import ReadingEnd

_READING_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_FOLDER = "worker"
_NUMBER = 1  # there is one worker; its files are gone on with when it is started again


class ReadingMetrics:
    """Hand `observe` to the ingestion. Made once in the worker's process, before any other metric."""

    def __init__(self, folder: Path) -> None:
        share_metrics(folder / _FOLDER, _NUMBER)
        self._documents = Counter(
            "appliance_documents_read",
            "Documents by how reading them ended, and why: completed, refused, failed, postponed.",
            ["outcome", "reason"],
            registry=None,
        )
        self._pages = Counter("appliance_pages_read", "Pages of documents that were read.", registry=None)
        self._took = Histogram(
            "appliance_document_read_seconds",
            "From the first look at a document until it is found.",
            buckets=_READING_S,
            registry=None,
        )

    def observe(self, end: ReadingEnd) -> None:
        self._documents.labels(end.outcome, end.reason).inc()
        if end.outcome == "completed":
            self._pages.inc(end.pages)
            self._took.observe(end.took_s)


def tell_reading(registry: CollectorRegistry, folder: Path) -> None:
    """Add what the worker counts to a gateway's own. folder: as the worker was given it."""
    (folder / _FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    add_up(registry, folder / _FOLDER)
