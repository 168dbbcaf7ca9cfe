"""What the canaries found last, for Prometheus: alert on `appliance_canary_hits > 0`, and on a run that is days old."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from appliance.errors import PartUnavailable
from appliance.storage.canaries import last_run
from appliance.storage.database import Database

_PATIENCE_S = 2.0  # of a scrape


class CanaryMetrics(Collector):
    """database: as the api role. Empty until a run has ended."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last: tuple[datetime, int, int] | None = None

    def before_scrape(self, others: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Others first, then read the latest run; while PostgreSQL is away the one read before is told."""

        async def refresh() -> None:
            await others()
            with suppress(PartUnavailable, TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    self._last = await last_run(self._database)

        return refresh

    def collect(self) -> Iterator[GaugeMetricFamily]:
        if self._last is None:
            return
        ended, probes, hits = self._last
        told = {
            "appliance_canary_probes": ("Ways tried by the last run of the canaries.", probes),
            "appliance_canary_hits": ("Ways by which one reached what is not theirs. Must be 0.", hits),
            "appliance_canary_run_timestamp_seconds": ("When that run ended.", ended.timestamp()),
        }
        for name, (description, value) in told.items():
            yield GaugeMetricFamily(name, description, value=value)
