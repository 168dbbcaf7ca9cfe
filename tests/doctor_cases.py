"""Readings of the machine and its engines, and what the doctor has to say of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from appliance.services.doctor import certificate, clock, engines, gpu, machine
from appliance.services.doctor.findings import Finding, error, warning
from appliance.services.doctor.ways import Ways
from inference.gpu_health import Card, GpuHealth

DAY = 86_400.0
NOW = 1_795_300_000.0
GB, MIB = 10**9, 2**20

CARD = Card(0, "L40S", 48 * GB, 40 * GB, 60.0, is_persistent=True, uncorrected=0)
WELL = GpuHealth("answers", driver="580.95.05", cuda=(13, 0), counted=1, cards=(CARD,), plugged=1)
VLLM = gpu.EngineHere("local", "vllm", "0.33.0")
DISK = machine.DiskReading(NOW, 1000 * GB, 400 * GB)
CERT = certificate.Certificate("https://a.example", ("a.example",), NOW - 30 * DAY, NOW + 60 * DAY, "R11")
SITE = certificate.CertificateReading(NOW, "a.example", (CERT,))
MODEL = engines.ServedChatModel("m", 32_768)
ENGINE = engines.EngineReading(
    "local", "vllm", "http://127.0.0.1:8000/v1", True, version="0.33.0", served=(MODEL,)
)
LOADED = engines.ServedChatModel("m", 8192, 0.0)
OLLAMA = replace(ENGINE, kind="ollama", version="0.21.0", loaded=(LOADED,))


def _gpu(**health: Any) -> gpu.GpuReading:
    return gpu.GpuReading(replace(WELL, **health), engines=(VLLM,))


def _card(**changed: Any) -> gpu.GpuReading:
    return _gpu(cards=(replace(CARD, **changed),))


def no_driver(state: Any, *, is_container: bool = False, **more: Any) -> gpu.GpuReading:
    """A driver that does not answer."""
    return gpu.GpuReading(GpuHealth(state, "said so", **more), is_container, (VLLM,))


def _certificate(**changed: Any) -> certificate.CertificateReading:
    return replace(SITE, found=(replace(CERT, **changed),))


def _engines(*found: engines.EngineReading, **more: Any) -> engines.EnginesReading:
    return engines.EnginesReading(found, **more)


def diary_of(days: float, gb_a_day: float) -> list[tuple[float, int]]:
    """How full the disk was, hour by hour, up to now."""
    hours = int(days * 24)
    return [(NOW - (hours - at) * 3600, int((600 * GB) + at * gb_a_day * GB / 24)) for at in range(hours + 1)]


Case = tuple[Callable[[Any, Ways], Iterable[Finding]], Any, list[Finding | str]]

# What is expected: an id where all is well there, a finding with id and severity where it is not.
CASES: dict[str, Case] = {
    "gpu: well": (gpu.gpu_findings, _gpu(), ["gpu.ok"]),
    "gpu: none, and none wanted": (gpu.gpu_findings, gpu.GpuReading(GpuHealth("no_library")), ["gpu.none"]),
    "gpu: a container that lost it": (
        gpu.gpu_findings,
        no_driver("unknown_error", is_container=True),
        [error("gpu.lost")],
    ),
    "gpu: a card without a driver": (
        gpu.gpu_findings,
        no_driver("no_library", plugged=1),
        [error("gpu.driver_missing")],
    ),
    "gpu: upgraded, not restarted": (gpu.gpu_findings, no_driver("mismatch"), [error("gpu.mismatch")]),
    "gpu: a driver that is silent": (
        gpu.gpu_findings,
        no_driver("silent", has_devices=True),
        [error("gpu.silent")],
    ),
    "gpu: fell off the bus": (gpu.gpu_findings, _gpu(counted=2), [error("gpu.fell_off"), "gpu.ok"]),
    "gpu: driver too old": (
        gpu.gpu_findings,
        _gpu(driver="550.54", cuda=(12, 4)),
        [error("gpu.driver_old"), "gpu.ok"],
    ),
    "gpu: old driver, old vLLM": (
        gpu.gpu_findings,
        gpu.GpuReading(
            replace(WELL, driver="550.54", cuda=(12, 4)), engines=(replace(VLLM, version="0.11.2"),)
        ),
        ["gpu.ok"],
    ),
    "gpu: memory errors": (gpu.gpu_findings, _card(uncorrected=3), ["gpu.ok", error("gpu.ecc")]),
    "gpu: a row waits": (gpu.gpu_findings, _card(repairs="waiting"), ["gpu.ok", warning("gpu.remapping")]),
    "gpu: no spare row": (gpu.gpu_findings, _card(repairs="failed"), ["gpu.ok", error("gpu.worn")]),
    "gpu: slowed by heat": (
        gpu.gpu_findings,
        _card(slowed_by=("heat",)),
        ["gpu.ok", warning("gpu.throttled")],
    ),
    "gpu: hot": (gpu.gpu_findings, _card(temperature_c=91.0), ["gpu.ok", warning("gpu.hot")]),
    "gpu: unloads": (gpu.gpu_findings, _card(is_persistent=False), ["gpu.ok", warning("gpu.not_persistent")]),
    "engines: none": (engines.engine_findings, _engines(), ["engines.none"]),
    "engines: well": (engines.engine_findings, _engines(ENGINE, default="m"), ["engines.ok"]),
    "engines: down": (
        engines.engine_findings,
        _engines(replace(ENGINE, is_healthy=False)),
        [error("engines.down")],
    ),
    "engines: ours, and the box is stopped": (
        engines.engine_findings,
        _engines(replace(ENGINE, is_healthy=False, is_ours=True), is_running=False),
        [],
    ),
    "engines: out of rotation": (
        engines.engine_findings,
        _engines(ENGINE, out=(engines.OutOfRotation("local", "m", "10:02", "broken", 3, 3),)),
        ["engines.ok", warning("engines.out_of_rotation")],
    ),
    "engines: refuses the key": (
        engines.engine_findings,
        _engines(
            ENGINE, out=(engines.OutOfRotation("local", "m", "10:02", "rejected", 1, 1, is_key_refused=True),)
        ),
        ["engines.ok", error("engines.key_refused")],
    ),
    "engines: empty": (
        engines.engine_findings,
        _engines(replace(ENGINE, served=())),
        [error("engines.no_model")],
    ),
    "engines: another model": (
        engines.engine_findings,
        _engines(replace(ENGINE, offered=("x",))),
        ["engines.ok", error("engines.model_missing")],
    ),
    "engines: default and alias lead nowhere": (
        engines.engine_findings,
        _engines(ENGINE, default="gone", aliases={"gpt-4o": "gone"}),
        ["engines.ok", error("engines.default_missing"), warning("engines.alias_missing")],
    ),
    "engines: promises too much context": (
        engines.engine_findings,
        _engines(replace(ENGINE, wanted_context=65_536)),
        ["engines.ok", warning("engines.context_narrow")],
    ),
    "engines: hardly any context": (
        engines.engine_findings,
        _engines(replace(ENGINE, served=(replace(MODEL, context_tokens=2048),))),
        ["engines.ok", warning("engines.context_small")],
    ),
    "engines: Ollama fell back to the processor": (
        engines.engine_findings,
        _engines(OLLAMA, gpu_used=(0,)),
        ["engines.ok", error("engines.on_processor")],
    ),
    "engines: Ollama partly": (
        engines.engine_findings,
        _engines(replace(OLLAMA, loaded=(replace(LOADED, gpu_share=0.6),)), gpu_used=(GB,)),
        ["engines.ok", warning("engines.partly_on_processor")],
    ),
    "engines: Ollama without a GPU": (
        engines.engine_findings,
        _engines(OLLAMA),
        ["engines.ok", "engines.processor"],
    ),
    "engines: vLLM serves and no GPU holds it": (
        engines.engine_findings,
        _engines(ENGINE, gpu_used=(300 * MIB, 10 * MIB)),
        ["engines.ok", error("engines.gpu_empty")],
    ),
    "engines: vLLM on one of two": (
        engines.engine_findings,
        _engines(ENGINE, gpu_used=(0, 40 * GB)),
        ["engines.ok"],
    ),
    "engines: with a known hole": (
        engines.engine_findings,
        _engines(replace(ENGINE, version="0.11.2rc1")),
        ["engines.ok", warning("engines.outdated")],
    ),
    "disk: well": (machine.disk_findings, DISK, ["disk.ok"]),
    "disk: months": (
        machine.disk_findings,
        replace(DISK, diary=diary_of(5, 4.0)),
        ["disk.ok", "disk.lasts"],
    ),
    "disk: weeks": (
        machine.disk_findings,
        replace(DISK, diary=diary_of(5, 20.0)),
        ["disk.ok", warning("disk.full_soon")],
    ),
    "disk: days": (
        machine.disk_findings,
        replace(DISK, diary=diary_of(5, 200.0)),
        ["disk.ok", error("disk.full_soon")],
    ),
    "disk: by the ledger": (
        machine.disk_findings,
        replace(DISK, grown_bytes=280 * GB, grown_days=14.0),
        ["disk.ok", warning("disk.full_soon")],
    ),
    "disk: short": (machine.disk_findings, replace(DISK, free_bytes=GB), [warning("disk.short")]),
    "disk: full": (machine.disk_findings, replace(DISK, free_bytes=GB // 10), [error("disk.full")]),
    "disk: no entries": (
        machine.disk_findings,
        replace(DISK, inodes=1000, free_inodes=10),
        ["disk.ok", warning("disk.inodes")],
    ),
    "memory: well": (machine.memory_findings, machine.MemoryReading(16 * GB, 8 * GB, 4 * GB), ["memory.ok"]),
    "memory: short, swapping, bounded, killed": (
        machine.memory_findings,
        machine.MemoryReading(16 * GB, GB // 2, 4 * GB, 4 * GB, int(3.9 * GB), 2),
        [
            warning("memory.short"),
            warning("memory.swapping"),
            warning("memory.limit_near"),
            warning("memory.killed"),
        ],
    ),
    "files: well": (machine.files_findings, machine.FilesReading(65_536, 300), ["files.ok"]),
    "files: few": (machine.files_findings, machine.FilesReading(1024, 300), [warning("files.few")]),
    "files: nearly spent": (machine.files_findings, machine.FilesReading(1024, 1000), [error("files.near")]),
    "clock: alone": (clock.clock_findings, clock.ClockReading(), ["clock.alone"]),
    "clock: agrees": (
        clock.clock_findings,
        clock.ClockReading({"PostgreSQL": 0.4}, True, 0.001),
        ["clock.ok"],
    ),
    "clock: differs, is not kept, drifts": (
        clock.clock_findings,
        clock.ClockReading({"PostgreSQL": -3600.0, "local": 5.0}, False, 3.0),
        [
            error("clock.differs"),
            warning("clock.differs"),
            warning("clock.drifts"),
            warning("clock.unkept"),
        ],
    ),
    "certificate: no HTTPS": (
        certificate.certificate_findings,
        certificate.CertificateReading(NOW),
        ["certificate.unused"],
    ),
    "certificate: well": (certificate.certificate_findings, SITE, ["certificate.ok"]),
    "certificate: half a day, of the box's own": (
        certificate.certificate_findings,
        _certificate(begins=NOW - DAY / 4, ends=NOW + DAY / 4, is_internal=True),
        ["certificate.internal"],
    ),
    "certificate: should have been renewed": (
        certificate.certificate_findings,
        _certificate(begins=NOW - 80 * DAY, ends=NOW + 10 * DAY),
        [warning("certificate.soon")],
    ),
    "certificate: ends tomorrow": (
        certificate.certificate_findings,
        _certificate(begins=NOW - 89 * DAY, ends=NOW + DAY),
        [error("certificate.soon")],
    ),
    "certificate: ended": (
        certificate.certificate_findings,
        _certificate(ends=NOW - 1, problem="certificate has expired"),
        [error("certificate.expired")],
    ),
    "certificate: of tomorrow": (
        certificate.certificate_findings,
        _certificate(begins=NOW + DAY),
        [error("certificate.not_yet")],
    ),
    "certificate: another name, no chain": (
        certificate.certificate_findings,
        _certificate(names=("b.example",), is_for_us=False, problem="unable to get local issuer certificate"),
        [error("certificate.name"), error("certificate.chain")],
    ),
    "certificate: the root ends, a file is none, nobody answers": (
        certificate.certificate_findings,
        certificate.CertificateReading(
            NOW, "a.example", (), NOW + 30 * DAY, "refused", (("/c.pem", "no PEM"),)
        ),
        [
            warning("certificate.unreachable"),
            warning("certificate.root_soon"),
            error("certificate.file_unreadable"),
        ],
    ),
}
