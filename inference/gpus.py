"""The NVIDIA GPUs of this machine, as the driver's own library (NVML) sees them. Knows no engine and no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pynvml  # type: ignore[import-untyped]


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU now. utilization: 0 to 1 of the last moment. None: this GPU does not tell."""

    index: int
    name: str
    driver: str
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None
    utilization: float | None = None
    temperature_c: float | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    compute_capability: tuple[int, int] | None = None


class GpuReader:
    """Asks the driver anew each time: it may come later, go away, and lose a GPU in between.

    library: pynvml, or what speaks like it.
    """

    def __init__(self, library: Any = pynvml) -> None:  # noqa: ANN401 - NVML has no types
        self._nvml = library

    def read(self) -> Sequence[Gpu]:
        """Those that answer; none where there is no driver. Blocks for some milliseconds."""
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError:
            return ()
        try:
            driver = _text(self._nvml.nvmlSystemGetDriverVersion())
            found = [self._one(index, driver) for index in range(self._nvml.nvmlDeviceGetCount())]
        except self._nvml.NVMLError:
            return ()
        finally:
            with suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
        return [gpu for gpu in found if gpu is not None]

    def _one(self, index: int, driver: str) -> Gpu | None:
        """None: it has fallen off the bus, or answers nothing."""
        nvml = self._nvml
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            name = _text(nvml.nvmlDeviceGetName(handle))
        except nvml.NVMLError:
            return None
        memory = self._told(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        use = self._told(lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        power = self._told(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        limit = self._told(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle))
        return Gpu(
            index,
            name,
            driver,
            memory_bytes=None if memory is None else int(memory.total),
            memory_used_bytes=None if memory is None else int(memory.used),
            utilization=None if use is None else use / 100,
            temperature_c=self._told(
                lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
            ),
            power_w=None if power is None else power / 1000,
            power_limit_w=None if limit is None else limit / 1000,
            compute_capability=self._told(lambda: _pair(nvml.nvmlDeviceGetCudaComputeCapability(handle))),
        )

    def _told(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Not every GPU knows everything, nor every driver every question: a slice of a GPU has no power."""
        try:
            return ask()
        except (self._nvml.NVMLError, AttributeError):
            return None


def _text(told: str | bytes) -> str:
    return told.decode() if isinstance(told, bytes) else told


def _pair(told: Sequence[int]) -> tuple[int, int]:
    major, minor = told
    return int(major), int(minor)
