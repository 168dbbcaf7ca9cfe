"""How NVIDIA's GPUs are, for whoever has to explain a box: driver, memory errors, what slows them, what is missing.

Asks NVML for what `nvidia-smi -q` shows, and the kernel for what is plugged in. Knows no engine and mends nothing.
Tried with a stand-in for the library and a made-up /sys; reasons and their bits are those of nvml.h.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pynvml  # type: ignore[import-untyped]

# unknown_error: a container whose device was taken away; mismatch: upgraded driver, old module still loaded
DriverState = Literal["answers", "no_library", "not_loaded", "unknown_error", "mismatch", "silent"]
_STATES: dict[int, DriverState] = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "no_library",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "not_loaded",
    pynvml.NVML_ERROR_UNKNOWN: "unknown_error",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "mismatch",
}
_SLOWED_BY = {
    "heat": pynvml.nvmlClocksThrottleReasonHwThermalSlowdown
    | pynvml.nvmlClocksThrottleReasonSwThermalSlowdown,
    "power supply": pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown,
    "hardware": pynvml.nvmlClocksThrottleReasonHwSlowdown,
}
"""A power cap (`SwPowerCap`) is left out: a card at full work always has it."""
_NVIDIA, _DISPLAY = "0x10de", "0x03"


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU that answers; None: it does not tell.

    slowed_by: heat, power supply, hardware. uncorrected: memory errors since the driver was loaded. repairs: whether a
    bad row of its memory waits for a reset, or could not be replaced. energy_j: since the driver was loaded. computing:
    processes that have memory on it, by the kernel's numbers of the machine, not of a container.
    """

    index: int
    name: str
    memory_bytes: int = 0
    memory_used_bytes: int = 0
    temperature_c: float | None = None
    slowed_by: tuple[str, ...] = ()
    uncorrected: int | None = None
    repairs: Literal["", "waiting", "failed"] = ""
    is_persistent: bool | None = None
    energy_j: float | None = None
    computing: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class GpuHealth:
    """cuda: (major, minor), the newest that the driver knows. counted: GPUs by the driver's count, dead ones too.

    plugged: NVIDIA cards on the PCI bus as the kernel sees it. detail: what the library said where it does not answer.
    """

    state: DriverState
    detail: str = ""
    driver: str = ""
    cuda: tuple[int, int] | None = None
    counted: int = 0
    cards: tuple[Card, ...] = ()
    plugged: int = 0
    has_devices: bool = False


def look_at_gpus(library: Any = pynvml, root: Path = Path("/")) -> GpuHealth:  # noqa: ANN401 - NVML has no types
    """Blocks for some milliseconds a GPU. root: where /sys and /dev are."""
    plugged, has_devices = _plugged(root), (root / "dev/nvidiactl").exists()
    try:
        library.nvmlInit()
    except library.NVMLError as error:
        state = _STATES.get(error.value, "silent")
        return GpuHealth(state, str(error), plugged=plugged, has_devices=has_devices)
    try:
        count = int(library.nvmlDeviceGetCount())
        cards = [_card(library, index) for index in range(count)]
        return GpuHealth(
            "answers",
            driver=_text(library.nvmlSystemGetDriverVersion()),
            cuda=_told(library, lambda: _cuda(library.nvmlSystemGetCudaDriverVersion())),
            counted=count,
            cards=tuple(card for card in cards if card is not None),
            plugged=plugged,
            has_devices=has_devices,
        )
    except library.NVMLError as error:
        return GpuHealth(
            _STATES.get(error.value, "silent"), str(error), plugged=plugged, has_devices=has_devices
        )
    finally:
        with suppress(library.NVMLError):
            library.nvmlShutdown()


def _card(nvml: Any, index: int) -> Card | None:  # noqa: ANN401
    """None: it has fallen off the bus, or answers nothing."""
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        name = _text(nvml.nvmlDeviceGetName(handle))
    except nvml.NVMLError:
        return None
    memory = _told(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    reasons = _told(nvml, lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)) or 0
    rows = _told(nvml, lambda: nvml.nvmlDeviceGetRemappedRows(handle))
    persistent = _told(nvml, lambda: nvml.nvmlDeviceGetPersistenceMode(handle))
    return Card(
        index,
        name,
        memory_bytes=int(memory.total) if memory else 0,
        memory_used_bytes=int(memory.used) if memory else 0,
        temperature_c=_told(
            nvml, lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
        ),
        slowed_by=tuple(why for why, bits in _SLOWED_BY.items() if reasons & bits),
        uncorrected=_told(
            nvml,
            lambda: int(
                nvml.nvmlDeviceGetTotalEccErrors(
                    handle, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC
                )
            ),
        ),
        repairs=_repairs(rows),
        is_persistent=None if persistent is None else bool(persistent),
        energy_j=_told(nvml, lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000),
        computing=_told(
            nvml,
            lambda: frozenset(int(one.pid) for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)),
        ),
    )


def _repairs(rows: Any) -> Literal["", "waiting", "failed"]:  # noqa: ANN401
    """rows: (corrected, uncorrected, is pending, has failed), as nvmlDeviceGetRemappedRows tells them."""
    if not rows:
        return ""
    _, _, pending, failed = rows
    return "failed" if failed else "waiting" if pending else ""


def _told(nvml: Any, ask: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Not every GPU knows everything, nor every driver every question."""
    try:
        return ask()
    except (nvml.NVMLError, AttributeError):
        return None


def _plugged(root: Path) -> int:
    return sum(1 for _ in _cards_on_the_bus(root))


def _cards_on_the_bus(root: Path) -> Iterator[Path]:
    for device in (root / "sys/bus/pci/devices").glob("*"):
        with suppress(OSError):
            vendor = (device / "vendor").read_text(encoding="ascii").strip()
            kind = (device / "class").read_text(encoding="ascii").strip()
            if vendor == _NVIDIA and kind.startswith(_DISPLAY):
                yield device


def _cuda(number: int) -> tuple[int, int]:
    return number // 1000, number % 1000 // 10


def _text(told: str | bytes) -> str:
    return told.decode() if isinstance(told, bytes) else told
