"""Is the GPU there, does its driver suit the engine, is it well?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways
from inference.gpu_health import Card, GpuHealth

GB = 1e9
HOT_C = 88  # as the alert GpuHot
_INSTALL = "sudo ubuntu-drivers install  # Debian: sudo apt-get install nvidia-driver; then: sudo reboot"

# vLLM's images since v0.20.0 are built with CUDA 13, from 0.11 on with 12.8 (its release notes); a driver runs what is
# built for the minor versions of its major one (NVIDIA, CUDA Compatibility, "Minor version compatibility").
_VLLM_NEEDS = (((0, 20), (13, 0)), ((0, 0), (12, 0)))
_OLLAMA_LEAST_DRIVER = 531  # Ollama's documentation, "GPU": driver 531 and newer


@dataclass(frozen=True, slots=True)
class EngineHere:
    """An engine that wants a GPU of this machine. version: as it says itself; empty: it does not answer."""

    name: str
    kind: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class GpuReading:
    """engines: those of this machine that want a GPU."""

    health: GpuHealth
    is_container: bool = False
    engines: tuple[EngineHere, ...] = ()


def gpu_findings(seen: GpuReading, ways: Ways) -> Iterator[Finding]:
    """Nothing to say but one line where no GPU is and none is wanted."""
    health = seen.health
    if health.state != "answers":
        yield _without_driver(seen, ways)
        return
    if missing := health.counted - len(health.cards):
        yield error("gpu.fell_off", "sudo reboot  # before: sudo dmesg | grep -i xid", count=missing)
    if not health.counted:
        yield ok("gpu.none")
    for engine in seen.engines:
        yield from _driver_for(engine, health)
    for card in health.cards:
        yield from _card_findings(card, health.driver)


def _without_driver(seen: GpuReading, ways: Ways) -> Finding:
    health = seen.health
    if health.state == "unknown_error" and (seen.is_container or health.has_devices):
        return error("gpu.lost", ways.start("engine gpu-metrics"))
    if health.state == "mismatch":
        return error("gpu.mismatch", "sudo reboot", detail=health.detail)
    if health.state in ("no_library", "not_loaded") and not seen.is_container and health.plugged:
        return error("gpu.driver_missing", _INSTALL, detail=health.detail)
    if health.state in ("no_library", "not_loaded") and not health.has_devices:
        if ways.deployment == "docker" and any(one.kind == "vllm" for one in seen.engines):
            return Finding("gpu.elsewhere", ok("gpu.none").severity, {}, ways.inside("engine", "nvidia-smi"))
        return ok("gpu.none")
    return error("gpu.silent", "sudo dmesg | grep -iE 'nvrm|xid' | tail", detail=health.detail)


def _driver_for(engine: EngineHere, health: GpuHealth) -> Iterator[Finding]:
    if not health.cards:
        return
    if engine.kind == "vllm" and health.cuda is not None:
        needs = cuda_of_vllm(engine.version)
        if health.cuda[0] < needs[0]:
            yield error(
                "gpu.driver_old",
                _INSTALL,
                driver=health.driver,
                has="{}.{}".format(*health.cuda),
                engine=f"vLLM {engine.version}".rstrip(),
                needs="{}.{}".format(*needs),
            )
    major = health.driver.partition(".")[0]
    if engine.kind == "ollama" and major.isdecimal() and int(major) < _OLLAMA_LEAST_DRIVER:
        has = "{}.{}".format(*health.cuda) if health.cuda else "?"
        yield error(
            "gpu.driver_old",
            _INSTALL,
            driver=health.driver,
            has=has,
            engine="Ollama",
            needs="12 (driver 531)",
        )


def cuda_of_vllm(version: str) -> tuple[int, int]:
    """What its images are built with; of an unknown version, what the newest are."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if len(numbers) < 2:
        return _VLLM_NEEDS[0][1]
    return next(needs for since, needs in _VLLM_NEEDS if numbers >= since)


def _card_findings(card: Card, driver: str) -> Iterator[Finding]:
    name, temperature = f"GPU {card.index} ({card.name})", card.temperature_c or 0.0
    yield ok(
        "gpu.ok",
        name=name,
        driver=driver,
        used_gb=card.memory_used_bytes / GB,
        size_gb=card.memory_bytes / GB,
        temperature=temperature,
    )
    if card.uncorrected:
        command = f"nvidia-smi -i {card.index} -q -d ECC,ROW_REMAPPER,PAGE_RETIREMENT; sudo reboot"
        yield error("gpu.ecc", command, name=name, count=card.uncorrected)
    if card.repairs == "failed":
        yield error("gpu.worn", f"nvidia-smi -i {card.index} -q -d ROW_REMAPPER", name=name)
    elif card.repairs == "waiting":
        yield warning("gpu.remapping", "sudo reboot", name=name)
    if card.slowed_by:
        command = f"nvidia-smi -i {card.index} -q -d PERFORMANCE,TEMPERATURE,POWER"
        yield warning(
            "gpu.throttled", command, name=name, why=", ".join(card.slowed_by), temperature=temperature
        )
    elif temperature > HOT_C:
        yield warning(
            "gpu.hot", f"sudo nvidia-smi -i {card.index} -pl 250", name=name, temperature=temperature
        )
    if card.is_persistent is False:
        yield warning("gpu.not_persistent", "sudo nvidia-smi -pm 1", name=name)
