"""The checks, in the order in which they are told. Each is read by one function and judged by another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.bootstrap.doctor import (
    clouds,
    database,
    egress,
    engines,
    identity,
    machine,
    parts,
    pipelines,
    sources,
    speech,
    trust,
    use,
    watchdog,
)
from appliance.bootstrap.doctor.place import Place
from appliance.services.doctor import backups as backup_checks
from appliance.services.doctor import certificate, clock, gpu, tuning
from appliance.services.doctor import clouds as cloud_checks
from appliance.services.doctor import database as database_checks
from appliance.services.doctor import egress as egress_checks
from appliance.services.doctor import engines as engine_checks
from appliance.services.doctor import identity as identity_checks
from appliance.services.doctor import machine as machine_checks
from appliance.services.doctor import parts as part_checks
from appliance.services.doctor import pipelines as pipeline_checks
from appliance.services.doctor import sources as source_checks
from appliance.services.doctor import speech as speech_checks
from appliance.services.doctor import trust as trust_checks
from appliance.services.doctor import use as use_checks
from appliance.services.doctor import watchdog as watchdog_checks
from appliance.services.doctor.findings import Finding
from appliance.services.doctor.ways import Ways


@dataclass(frozen=True, slots=True)
class Check:
    """read: takes the place as it lies there and changes nothing. judge: pure. needs_box: not without one."""

    read: Callable[[Place], Any]
    judge: Callable[[Any, Ways], Iterable[Finding]]
    needs_box: bool = True


CHECKS: Mapping[str, Check] = {
    "data": Check(parts.read_data, part_checks.data_findings, needs_box=False),
    "settings": Check(parts.read_settings, part_checks.settings_findings, needs_box=False),
    "processes": Check(parts.read_processes, part_checks.processes_findings, needs_box=False),
    "port": Check(parts.read_port, part_checks.port_findings),
    "postgres": Check(database.read_postgres, database_checks.postgres_findings),
    "valkey": Check(parts.read_valkey, part_checks.valkey_findings),
    "embedder": Check(parts.read_embedder, part_checks.embedder_findings),
    "speech": Check(speech.read_speech, speech_checks.speech_findings),
    "index": Check(database.read_index, database_checks.index_findings),
    "engines": Check(engines.read_engines, engine_checks.engine_findings),
    "clouds": Check(clouds.read_clouds, cloud_checks.cloud_findings),
    "egress": Check(egress.read_egress, egress_checks.egress_findings),
    "sources": Check(sources.read_sources, source_checks.source_findings),
    "pipelines": Check(pipelines.read_pipelines, pipeline_checks.pipeline_findings),
    "gpu": Check(machine.read_gpu, gpu.gpu_findings, needs_box=False),
    "watchdog": Check(watchdog.read_watchdog, watchdog_checks.watchdog_findings),
    "queue": Check(use.read_queue, use_checks.queue_findings),
    "speed": Check(use.read_speed, use_checks.speed_findings),
    "disk": Check(machine.read_disk, machine_checks.disk_findings, needs_box=False),
    "memory": Check(machine.read_memory, machine_checks.memory_findings, needs_box=False),
    "files": Check(machine.read_files, machine_checks.files_findings, needs_box=False),
    "clock": Check(machine.read_clock, clock.clock_findings, needs_box=False),
    "certificate": Check(trust.read_certificate, certificate.certificate_findings, needs_box=False),
    "https": Check(trust.read_https, tuning.https_findings),
    "backup": Check(parts.read_backup, backup_checks.backup_findings),
    "secrets": Check(trust.read_secrets, trust_checks.secrets_findings),
    "credentials": Check(trust.read_credentials, trust_checks.credentials_findings),
    "keys": Check(trust.read_keys, trust_checks.keys_findings),
    "identity": Check(identity.read_identity, identity_checks.identity_findings),
    "tuning": Check(use.read_tuning, tuning.tuning_findings),
    "canaries": Check(database.read_canaries, database_checks.canaries_findings),
    "sandbox": Check(parts.read_sandbox, part_checks.sandbox_findings),
}
