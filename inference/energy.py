"""What the GPUs of this machine have used up, by their own counters (NVML). Knows no engine and shares nothing out."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pynvml  # type: ignore[import-untyped]


class EnergyCounter:
    """Keeps the driver open between reads: opening it takes longer than the rest. library: as pynvml speaks."""

    def __init__(self, library: Any = pynvml) -> None:  # noqa: ANN401 - NVML has no types
        self._nvml = library
        self._is_open = False

    def read(self) -> float | None:
        """Joules of all GPUs together since their driver was loaded. Blocks for some milliseconds.

        None where there is no driver, no GPU, or one of them does not tell: part of the energy is not shared out. GPUs
        older than Volta have no counter.
        """
        nvml = self._nvml
        try:
            if not self._is_open:
                nvml.nvmlInit()
                self._is_open = True
            handles = [nvml.nvmlDeviceGetHandleByIndex(at) for at in range(nvml.nvmlDeviceGetCount())]
            counted = [nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000 for handle in handles]
        except nvml.NVMLError:
            self.close()
            return None
        return float(sum(counted)) if counted else None

    def close(self) -> None:
        """Let the driver go; the next read opens it again."""
        if self._is_open:
            self._is_open = False
            with suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
