"""What leaves, for Prometheus: read from the ledger, so that every process's departures are in it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance.bootstrap.egress import WayOut
from appliance.domain.egress import EgressQuery
from appliance.storage.egress_reading import EgressReader


class EgressMetrics(Collector):
    """Counts the lines that came since this process's first look; reads those alone at each scrape."""

    def __init__(self, out: WayOut) -> None:
        self._reader, self._switch = EgressReader(out.folder), out.switch
        self._last = self._newest()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()

    def collect(self) -> Iterator[Metric]:
        self._count()
        ends = CounterMetricFamily(
            "appliance_egress_requests",
            "Requests that left, or were not let out.",
            labels=("purpose", "outcome"),
        )
        for key, count in self._counts.items():
            ends.add_metric(key, count)
        yield ends
        size = CounterMetricFamily(
            "appliance_egress_bytes", "Of the bodies of what left.", labels=("purpose", "direction")
        )
        for key, count in self._bytes.items():
            size.add_metric(key, count)
        yield size
        stop = self._switch.read()
        since = time.time() if stop is None or stop.since is None else stop.since.timestamp()
        for name, told, value in (
            ("stopped", "1: the stop switch is thrown.", float(stop is not None)),
            ("stopped_seconds", "For how long by a file; 0: it is not.", max(0.0, time.time() - since)),
        ):
            yield GaugeMetricFamily(f"appliance_egress_{name}", told, value=value)

    def _count(self) -> None:
        newest = self._last
        for told in self._reader.lines(EgressQuery()):
            number = int(told.get("n", 0))
            if number <= self._last:
                break
            newest = max(newest, number)
            purpose = str(told.get("purpose", ""))
            if told["happened"] in ("ended", "refused"):
                outcome = "failed" if told["happened"] == "ended" and told.get("reason") else told["happened"]
                self._counts[purpose, str(outcome)] += 1
                self._bytes[purpose, "sent"] += int(told.get("sent_bytes", 0))
                self._bytes[purpose, "received"] += int(told.get("received_bytes", 0))
        self._last = newest

    def _newest(self) -> int:
        return next((int(told.get("n", 0)) for told in self._reader.lines(EgressQuery())), 0)
