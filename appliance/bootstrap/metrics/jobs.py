"""Work of the background that waits, runs and has failed, and how many people are about, from PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance.errors import PartUnavailable
from appliance.storage.database import Database
from appliance.storage.standing import Standing, standing

_PATIENCE_S = 2.0  # of a scrape


class JobMetrics(Collector):
    """database: as the api role. Nothing is told while PostgreSQL is away: old numbers would look like new ones."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now: Standing | None = None

    def before_scrape(self, others: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Others first, then look."""

        async def refresh() -> None:
            await others()
            self._now = None
            with suppress(PartUnavailable, TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    self._now = await standing(self._database)

        return refresh

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "appliance_database_up", "1 while PostgreSQL answers this process.", value=self._now is not None
        )
        if self._now is None:
            return
        jobs = GaugeMetricFamily(
            "appliance_jobs", "Jobs of the background by their state.", labels=["status"]
        )
        for status, count in self._now.jobs.items():
            jobs.add_metric([status], count)
        yield jobs
        yield GaugeMetricFamily(
            "appliance_oldest_waiting_job_seconds",
            "How long the job has waited that waits longest; 0 when none does.",
            value=self._now.oldest_wait_s,
        )
        yield GaugeMetricFamily(
            "appliance_active_people",
            "People with a request in the last five minutes.",
            value=self._now.active_people,
        )
