"""The last backup, for Prometheus: alert on `appliance_backup_age_seconds`, and on its timestamp being 0."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from appliance.bootstrap.backups.status import read_status
from appliance.bootstrap.box import Box


class BackupMetrics(Collector):
    """Empty for a box that has no backup.folder and never had a backup. Reads one small file a scrape."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def collect(self) -> Iterator[GaugeMetricFamily]:
        status = read_status(self._box.data)
        if not self._box.settings.backup.folder and not status.succeeded_at:
            return
        age = status.age_s(datetime.now(UTC))
        moment = datetime.fromisoformat(status.succeeded_at).timestamp() if status.succeeded_at else 0.0
        told = {
            "last_success_timestamp_seconds": (
                "Which moment the last good backup is of; 0: none yet.",
                moment,
            ),
            "last_size_bytes": ("Its size, shared files included.", status.size_bytes),
            "last_duration_seconds": ("How long it took.", status.seconds),
            "last_verified": ("1: a trial restore had all of its rows.", float(status.is_verified)),
            "failing": ("1: the last attempt failed.", float(bool(status.failure))),
        }
        for name, (description, value) in told.items():
            yield GaugeMetricFamily(f"appliance_backup_{name}", description, value=value)
        if age is not None:
            yield GaugeMetricFamily(
                "appliance_backup_age_seconds", "How old the last good one is.", value=age
            )
