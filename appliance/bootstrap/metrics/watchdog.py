"""What the watchdog finds, as Prometheus takes it: each kind of trouble 0 or 1, the same in every gateway process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance.services.watchdog import Found
from inference.watchdog.findings import Key, Kind

KINDS: tuple[Kind, ...] = get_args(Kind)


class WatchdogMetrics(Collector):
    """found: as of the last look."""

    def __init__(self, found: Callable[[], Found]) -> None:
        self._found = found
        self._known: set[Key] = set()

    def collect(self) -> Iterator[Metric]:
        """A kind that was never found is one series of 0 without a subject; one that was found goes back to 0."""
        found = self._found()
        active = {finding.key: finding for finding in found.findings}
        self._known |= active.keys()
        flags = GaugeMetricFamily(
            "appliance_watchdog_finding",
            "1 while the watchdog finds this, by kind and by whom it is about.",
            labels=["kind", "subject"],
        )
        for kind in KINDS:
            if not any(known == kind for known, _ in self._known):
                flags.add_metric([kind, ""], 0)
        for kind, subject in sorted(self._known):
            flags.add_metric([kind, subject], float((kind, subject) in active))
        yield flags
        if found.looked_at_s:
            yield GaugeMetricFamily(
                "appliance_watchdog_look_timestamp_seconds",
                "When the watchdog last looked.",
                value=found.looked_at_s,
            )
        restarts = GaugeMetricFamily(
            "appliance_watchdog_restarts_last_hour",
            "How often the watchdog started an engine again within the last hour.",
            labels=["engine"],
        )
        for engine, times in found.restarts.past.items():
            recent = [at for at in times if at > found.looked_at_s - 3600]
            restarts.add_metric([engine], len(recent))
        yield restarts
