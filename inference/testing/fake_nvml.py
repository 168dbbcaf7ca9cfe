"""A stand-in for NVIDIA's management library (NVML), as `pynvml` speaks it: cards may be worn, hot, lost or silent.

    driver = FakeNvml(FakeCard(), FakeCard(slowed_by=pynvml.nvmlClocksThrottleReasonHwThermalSlowdown))
    look_at_gpus(driver)
    driver.cards[1].is_lost = True

It tells what it was told to tell, in NVML's units, and raises NVML's own errors. It has no events, and no card of it
computes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import pynvml  # type: ignore[import-untyped]


@dataclass(slots=True)
class FakeCard:
    """One card, and what it tells of itself. None: not supported by it, as slices and consumer cards answer.

    slowed_by: bits of nvmlClocksThrottleReason…; at full work every card is held by its power cap. rows: (corrected,
    uncorrected, is pending, has failed). energy_mj: millijoules since the driver was loaded. pids: who computes on it.
    """

    name: str = ""
    total_bytes: int = 80 << 30
    used_bytes: int = 20 << 30
    utilization: int | None = 75
    temperature_c: int | None = 61
    power_mw: int | None = None
    power_limit_mw: int | None = 700_000
    compute_capability: tuple[int, int] | None = (9, 0)
    slowed_by: int = pynvml.nvmlClocksThrottleReasonSwPowerCap
    rows: tuple[int, int, int, int] | None = (0, 0, 0, 0)
    uncorrected: int | None = 0
    is_persistent: bool | None = True
    energy_mj: int | None = None
    pids: tuple[int, ...] | None = ()
    is_lost: bool = False


class FakeNvml:
    """The library. silent: the code of the error that its first call raises. open: initialised, not yet shut down.

    before_answering: called at every initialisation; one that waits makes a driver that hangs.
    """

    NVMLError = pynvml.NVMLError
    NVML_TEMPERATURE_GPU = pynvml.NVML_TEMPERATURE_GPU
    NVML_MEMORY_ERROR_TYPE_UNCORRECTED = pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED
    NVML_VOLATILE_ECC = pynvml.NVML_VOLATILE_ECC

    def __init__(
        self, *cards: FakeCard, driver: str = "580.95.05", cuda: int = 13000, silent: int | None = None
    ) -> None:
        self.cards = list(cards)
        self.driver = driver
        self.cuda = cuda
        self.silent = silent
        self.open = 0
        self.before_answering: Callable[[], None] = lambda: None

    def nvmlInit(self) -> None:
        self.before_answering()
        if self.silent is not None:
            raise pynvml.NVMLError(self.silent)
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return self.driver.encode()

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return self.cuda

    def nvmlDeviceGetCount(self) -> int:
        """Lost ones are counted too, as the real library does."""
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._card(index)
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return self._card(handle).name or f"Card {handle}"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        card = self._card(handle)
        return SimpleNamespace(
            total=card.total_bytes, used=card.used_bytes, free=card.total_bytes - card.used_bytes
        )

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(gpu=_told(self._card(handle).utilization))

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        return _told(self._card(handle).temperature_c)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return _told(self._card(handle).power_mw)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:
        return _told(self._card(handle).power_limit_mw)

    def nvmlDeviceGetCudaComputeCapability(self, handle: int) -> tuple[int, int]:
        card = self._card(handle)
        if card.compute_capability is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return card.compute_capability

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: int) -> int:
        return int(self._card(handle).slowed_by)

    def nvmlDeviceGetRemappedRows(self, handle: int) -> tuple[int, int, int, int]:
        rows = self._card(handle).rows
        if rows is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return rows

    def nvmlDeviceGetPersistenceMode(self, handle: int) -> int:
        return int(_told(self._card(handle).is_persistent))

    def nvmlDeviceGetTotalEccErrors(self, handle: int, kind: int, counter: int) -> int:
        return _told(self._card(handle).uncorrected)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        return _told(self._card(handle).energy_mj)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[SimpleNamespace]:
        pids = self._card(handle).pids
        if pids is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in pids]

    def _card(self, index: int) -> FakeCard:
        if not 0 <= index < len(self.cards):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        card = self.cards[index]
        if card.is_lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return card


def _told(value: int | None) -> int:
    if value is None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
    return value
