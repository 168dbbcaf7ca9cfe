"""Readings of the parts, of backups, use, settings and secrets, and what the doctor has to say of each."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from appliance.services.doctor import (
    backups,
    database,
    egress,
    identity,
    parts,
    speech,
    trust,
    tuning,
    use,
    watchdog,
)
from appliance.services.doctor.findings import error, warning
from inference.watchdog.findings import Finding as Seen
from inference.watchdog.findings import Kind, Remedy
from tests.doctor_cases import MIB, Case

POSTGRES = database.PostgresReading(is_embedded=False, version="18.4", vector="0.8.5", applied=22)
TUNING = tuning.TuningReading(cores=4, people=40, limits=2)
KEY = trust.Key("apl_3fK9aZ", "ana@example.com", 10, 1)

CASES_OF_PARTS: dict[str, Case] = {
    "data: none": (parts.data_findings, parts.DataReading("/x", is_there=False), [error("data.missing")]),
    "data: another's": (parts.data_findings, parts.DataReading("/x", is_closed=True), [error("data.closed")]),
    "data: newer": (parts.data_findings, parts.DataReading("/x", refused="Newer."), [error("data.refused")]),
    "settings: wrong": (
        parts.settings_findings,
        parts.SettingsReading("/x", "No."),
        [error("settings.wrong")],
    ),
    "egress: nothing": (egress.egress_findings, egress.EgressReading(), ["egress.nothing"]),
    "egress: some": (egress.egress_findings, egress.EgressReading(departures=3, refused=1), ["egress.some"]),
    "egress: stopped": (
        egress.egress_findings,
        egress.EgressReading(stopped_by="root@x.example", stopped_hours=2),
        ["egress.stopped", "egress.nothing"],
    ),
    "egress: forgotten": (
        egress.egress_findings,
        egress.EgressReading(stopped_by="", stopped_hours=30),
        [warning("egress.forgotten"), "egress.nothing"],
    ),
    "egress: off": (
        egress.egress_findings,
        egress.EgressReading(stopped_by="", by_settings=True),
        ["egress.off", "egress.nothing"],
    ),
    "egress: broken": (
        egress.egress_findings,
        egress.EgressReading(lines=9, problems=("line 3",), departures=1),
        [error("egress.broken", lines=("line 3",)), "egress.some"],
    ),
    "egress: closed": (
        egress.egress_findings,
        egress.EgressReading(is_closed=True),
        [error("egress.closed"), "egress.nothing"],
    ),
    "processes: never ran": (
        parts.processes_findings,
        parts.ProcessesReading(False),
        [warning("processes.never")],
    ),
    "processes: stopped": (
        parts.processes_findings,
        parts.ProcessesReading(False, last_at="yesterday"),
        [warning("processes.stopped")],
    ),
    "processes: died": (
        parts.processes_findings,
        parts.ProcessesReading(False, was_stopped=False, last_at="yesterday", lines=("gateway: killed",)),
        [error("processes.broken", lines=("gateway: killed",))],
    ),
    "processes: one is down": (
        parts.processes_findings,
        parts.ProcessesReading(
            True,
            processes=(
                parts.Process("gateway", "ready"),
                parts.Process("worker", "restarting", 7, "exit 1", ("worker: no room",)),
                parts.Process("ui", "ready", 4),
            ),
        ),
        [
            error("processes.down", lines=("worker: no room",)),
            warning("processes.restarted"),
            "processes.ok",
        ],
    ),
    "processes: containers": (
        parts.processes_findings,
        parts.ProcessesReading(False, is_contained=True),
        ["processes.containers"],
    ),
    "port: free": (parts.port_findings, parts.PortReading(False, "u", "h", 80), ["port.free"]),
    "port: taken": (
        parts.port_findings,
        parts.PortReading(False, "u", "h", 80, problem="in use"),
        [error("port.taken")],
    ),
    "port: silent": (
        parts.port_findings,
        parts.PortReading(True, "u", "h", 80, problem="refused"),
        [error("port.silent")],
    ),
    "port: a part is away": (
        parts.port_findings,
        parts.PortReading(True, "u", "h", 80, 503, {"postgresql": "not answering"}),
        [error("port.unready")],
    ),
    "valkey: well": (parts.valkey_findings, parts.ValkeyReading(), ["valkey.ok"]),
    "valkey: down": (parts.valkey_findings, parts.ValkeyReading(problem="refused"), [error("valkey.down")]),
    "valkey: full, and throws away": (
        parts.valkey_findings,
        parts.ValkeyReading(used_bytes=95 * MIB, most_bytes=100 * MIB, policy="allkeys-lru"),
        ["valkey.ok", warning("valkey.evicts"), warning("valkey.full")],
    ),
    "embedder: down": (
        parts.embedder_findings,
        parts.EmbedderReading(problem="nothing listens"),
        [error("embedder.down")],
    ),
    "embedder: one of two": (
        parts.embedder_findings,
        parts.EmbedderReading(
            served=(("m (cpu)", "", True), ("n (cpu)", "no CUDA", True), ("o", "gone", False))
        ),
        ["embedder.ok", warning("embedder.problem"), error("embedder.problem")],
    ),
    "postgres: well": (database.postgres_findings, POSTGRES, ["postgres.ok"]),
    "postgres: down": (
        database.postgres_findings,
        database.PostgresReading(problem="refused", lines=("postgres: out of memory",)),
        [error("postgres.down", lines=("postgres: out of memory",))],
    ),
    "postgres: unprepared": (
        database.postgres_findings,
        replace(POSTGRES, missing=2),
        [error("postgres.migrations")],
    ),
    "postgres: an external one as it was unpacked": (
        database.postgres_findings,
        replace(
            POSTGRES,
            version="16.2 (Debian)",
            buffers_mb=16,
            unsafe=("fsync",),
            most_connections=20,
            wanted_connections=40,
        ),
        [
            "postgres.ok",
            warning("postgres.old"),
            warning("postgres.buffers_small"),
            error("postgres.unsafe"),
            warning("postgres.connections"),
        ],
    ),
    "postgres: nonsense": (
        database.postgres_findings,
        replace(POSTGRES, buffers_mb=8192, cache_mb=4096),
        ["postgres.ok", warning("postgres.buffers_large")],
    ),
    "index": (
        database.index_findings,
        (
            database.IndexedModelReading("a", "active"),
            database.IndexedModelReading("b", "building", done=3, chunks=9),
            database.IndexedModelReading("c", "building", "The engine is away."),
        ),
        ["index.ok", "index.making", warning("index.waits")],
    ),
    "canaries: never": (database.canaries_findings, database.CanariesReading(), ["canaries.never"]),
    "canaries: a hit": (
        database.canaries_findings,
        database.CanariesReading(date="today", probes=9, hits=1),
        [error("canaries.hit")],
    ),
    "sandbox: weak": (parts.sandbox_findings, ("No Landlock.",), [warning("sandbox.weak")]),
    "backup: none": (
        backups.backup_findings,
        backups.BackupReading(None, 36, is_nightly=False),
        [warning("backup.none")],
    ),
    "backup: well": (
        backups.backup_findings,
        backups.BackupReading(7200, 36, is_nightly=True, is_tried=True),
        ["backup.ok", "backup.tried"],
    ),
    "backup: failed, old, untried, beside the data": (
        backups.backup_findings,
        backups.BackupReading(
            200_000, 36, is_nightly=True, failed_at="2026-11-21T02:00:00", failure="Full.", is_same_disk=True
        ),
        [
            warning("backup.failed"),
            warning("backup.same_disk"),
            error("backup.old"),
            warning("backup.untried"),
        ],
    ),
    "queue: stopped": (use.queue_findings, use.QueueReading(is_running=False), ["queue.idle"]),
    "queue: well": (use.queue_findings, use.QueueReading(lines=(use.Line("local", 3, 2),)), ["queue.ok"]),
    "queue: long, slow, refusing, failing": (
        use.queue_findings,
        use.QueueReading(
            lines=(use.Line("local", 8, 30, (("ana@example.com", 25), ("eva@example.com", 5))),),
            wait_s=40,
            waited=100,
            total=100,
            refused={"queue_full": 3},
            failed={"engine_unavailable": 9},
        ),
        [
            warning("queue.waiting"),
            warning("queue.slow"),
            warning("queue.refused"),
            error("queue.failed"),
        ],
    ),
    "queue: unseen": (
        use.queue_findings,
        use.QueueReading(problem="Valkey is away."),
        [warning("queue.alone")],
    ),
    "speed: stopped": (use.speed_findings, use.SpeedReading(is_running=False), ["speed.idle"]),
    "speed: well": (
        use.speed_findings,
        use.SpeedReading(True, {"postgres": 0.2}, {"local": 8}),
        ["speed.ok"],
    ),
    "speed: all slow": (
        use.speed_findings,
        use.SpeedReading(
            True,
            {"postgres": 90, "valkey": 80, "embedder": 900},
            {"local": 2000},
            first_word_s=30,
            answers=50,
            search_s=4,
            search_step="rerank",
            searches=50,
        ),
        [
            warning("speed.postgres"),
            warning("speed.valkey"),
            warning("speed.embedder"),
            warning("speed.engine"),
            warning("speed.first_word"),
            warning("speed.search"),
        ],
    ),
    "tuning: well": (tuning.tuning_findings, TUNING, ["tuning.ok"]),
    "tuning: all of it": (
        tuning.tuning_findings,
        replace(
            TUNING,
            workers=16,
            ingestion_jobs=32,
            ocr_dpi=600,
            is_open=True,
            limits=0,
            reserved_slots=0,
            max_queue=4,
            drain_s=0,
            min_free_mib=0,
        ),
        [
            warning("tuning.workers"),
            warning("tuning.reading"),
            warning("tuning.recognition"),
            warning("tuning.no_limits"),
            warning("tuning.no_reserve"),
            warning("tuning.no_queue"),
            warning("tuning.no_drain"),
            warning("tuning.no_room"),
        ],
    ),
    "https: plain": (
        tuning.https_findings,
        tuning.HttpsReading("10.0.0.5", is_plain=True),
        [error("https.plain")],
    ),
    "secrets": (
        trust.secrets_findings,
        trust.SecretsReading(
            open_paths=("/d/secrets/x",),
            missing=("/d/secrets/y",),
            plain=(("/d/appliance.toml", "backup.passphrase"),),
            hub_tokens=("/d/.env",),
        ),
        [
            error("secrets.open"),
            warning("secrets.missing"),
            warning("secrets.plain"),
            warning("secrets.hub_token"),
        ],
    ),
    "credentials: gone": (
        trust.credentials_findings,
        trust.CredentialsReading("/c", is_there=False),
        ["credentials.gone"],
    ),
    "credentials: open": (
        trust.credentials_findings,
        trust.CredentialsReading("/c", is_open=True),
        [error("credentials.open")],
    ),
    "credentials: the first password": (
        trust.credentials_findings,
        trust.CredentialsReading("/c", has_password=True, has_key=True, email="a@b.example", days=8),
        [warning("credentials.password")],
    ),
    "credentials: still there": (
        trust.credentials_findings,
        trust.CredentialsReading("/c", has_key=True, days=60),
        [warning("credentials.kept")],
    ),
    "credentials: young": (
        trust.credentials_findings,
        trust.CredentialsReading("/c", has_password=True, has_key=True, days=2),
        ["credentials.ok"],
    ),
    "keys: well": (trust.keys_findings, trust.KeysReading(keys=(KEY,)), ["keys.ok"]),
    "keys: forgotten, old, given, idle": (
        trust.keys_findings,
        trust.KeysReading(
            keys=(KEY, replace(KEY, days=500, unused_days=200), replace(KEY, days=500)),
            first_passwords=("eva@example.com",),
            idle_administrators=("root@example.com",),
        ),
        [
            warning("keys.unused"),
            warning("keys.old"),
            warning("keys.first_passwords"),
            warning("keys.idle_administrators"),
        ],
    ),
    "speech: none chosen": (speech.speech_findings, speech.SpeechReading(), ["speech.none"]),
    "speech: well": (speech.speech_findings, speech.SpeechReading("small", listens=True), ["speech.ok"]),
    "speech: not installed": (
        speech.speech_findings,
        speech.SpeechReading("small", has_extra=False),
        [warning("speech.no_extra")],
    ),
    "speech: no model": (
        speech.speech_findings,
        speech.SpeechReading("small", folder="/models/small", is_there=False),
        [error("speech.missing")],
    ),
    "speech: down": (
        speech.speech_findings,
        speech.SpeechReading("small", listens=False),
        [error("speech.down")],
    ),
    "watchdog: well": (watchdog.watchdog_findings, watchdog.WatchdogReading(10.0, 5.0), ["watchdog.ok"]),
    "watchdog: stopped": (
        watchdog.watchdog_findings,
        watchdog.WatchdogReading(is_idle=True),
        ["watchdog.idle"],
    ),
    "watchdog: nobody looks": (
        watchdog.watchdog_findings,
        watchdog.WatchdogReading(500.0, 5.0),
        [warning("watchdog.blind")],
    ),
    "watchdog: trouble, what the doctor sees itself left out": (
        watchdog.watchdog_findings,
        watchdog.WatchdogReading(
            10.0,
            5.0,
            (
                *(
                    Seen(kind, "x", "error", Remedy.LOOK, 1.0)
                    for kind in get_args(Kind)
                    if kind != "engine_slow"
                ),
                Seen("engine_slow", "x", "warning", Remedy.LOOK, 1.0),
            ),
        ),
        [
            error("watchdog.engine_on_cpu"),
            error("watchdog.engine_hung"),
            error("watchdog.restart_loop"),
            error("watchdog.disk_filling"),
            warning("watchdog.engine_slow"),
        ],
    ),
    "identity: unused": (
        identity.identity_findings,
        identity.IdentityReading(is_used=False),
        ["identity.unused"],
    ),
}
