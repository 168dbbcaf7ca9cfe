"""The last backup, for Prometheus: alert on its age, and on there being none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from appliance.bootstrap.backups.status import read_status
from appliance.bootstrap.box import Box


class BackupMetrics(Collector):
    """Reads one small file a scrape. Before the first good backup there is only whether the attempts fail."""

    def __init__(self, box: Box) -> None:
        self._box = box

    def collect(self) -> Iterator[GaugeMetricFamily]:
        status = read_status(self._box.data)
        failing = float(bool(status.failure))
        told = {"appliance_backup_failing": ("1: the last attempt to make a backup failed.", failing)}
        age = status.age_s(datetime.now(UTC))
        if age is not None:
            moment = datetime.fromisoformat(status.succeeded_at).timestamp()
            told |= {
                "appliance_backup_last_success_timestamp_seconds": (
                    "Moment the last good one is of.",
                    moment,
                ),
                "appliance_backup_age_seconds": ("How old that is.", age),
                "appliance_backup_last_size_bytes": ("Its size, shared files included.", status.size_bytes),
                "appliance_backup_last_duration_seconds": ("How long it took.", status.seconds),
                "appliance_backup_last_verified": (
                    "1: a trial restore had all of its rows.",
                    float(status.is_verified),
                ),
            }
        for name, (description, value) in told.items():
            yield GaugeMetricFamily(name, description, value=value)
