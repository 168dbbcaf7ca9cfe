"""All that a gateway tells Prometheus beside its gate, registered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from appliance.bootstrap.backups.metrics import BackupMetrics
from appliance.bootstrap.box import Box
from appliance.bootstrap.canary_metrics import CanaryMetrics
from appliance.bootstrap.egress import way_out
from appliance.bootstrap.gate import GateRoom
from appliance.bootstrap.metrics.certificate import CertificateMetrics
from appliance.bootstrap.metrics.egress import EgressMetrics
from appliance.bootstrap.metrics.jobs import JobMetrics
from appliance.bootstrap.metrics.machine import GpuMetrics, MachineMetrics
from appliance.bootstrap.metrics.reading import tell_reading
from appliance.storage.database import Database
from inference.gpus import GpuReader


def join_metrics(room: GateRoom, box: Box, database: Database) -> Callable[[], Awaitable[None]]:
    """database: as the api role. Returns what brings all of it up to date, to be awaited at every scrape."""
    canaries, jobs, gpus = CanaryMetrics(database), JobMetrics(database), GpuMetrics(GpuReader())
    for collector in (
        MachineMetrics(box.data),
        gpus,
        jobs,
        canaries,
        BackupMetrics(box),
        EgressMetrics(way_out(box)),
    ):
        room.metrics.register(collector)
    tell_reading(room.metrics, box.metrics_folder)
    before = gpus.before_scrape(jobs.before_scrape(canaries.before_scrape(room.before_scrape)))
    if not box.settings.server.public_url.startswith("https:"):
        return before
    # Here: reading certificates brings in cryptography, and a box without HTTPS has none.
    from appliance.bootstrap.certificates import end_of_site, site_of

    site = site_of(box.settings.server.public_url)
    certificate = CertificateMetrics(lambda: None if site is None else end_of_site(site))
    room.metrics.register(certificate)
    return certificate.before_scrape(before)
