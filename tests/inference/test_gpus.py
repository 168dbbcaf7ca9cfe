"""GPUs as the driver tells of them: all, some that are lost, none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pynvml  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry

from appliance.bootstrap.metrics.machine import GpuMetrics
from inference.gpus import GpuReader


class Driver:
    """A stand-in for NVML. lost: numbers of GPUs that have fallen off the bus."""

    NVMLError = pynvml.NVMLError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, gpus: int = 2) -> None:
        self.gpus = gpus
        self.lost: set[int] = set()
        self.is_there = True
        self.open = 0

    def nvmlInit(self) -> None:
        if not self.is_there:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"580.95.05"

    def nvmlDeviceGetCount(self) -> int:
        return self.gpus

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index in self.lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return f"Card {handle}"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(total=80 << 30, used=20 << 30)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        return SimpleNamespace(gpu=75)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:
        return 700_000


def test_all_that_the_driver_tells_is_shown() -> None:
    """In the units of Prometheus; what a GPU does not tell is left out."""
    registry = CollectorRegistry()
    metrics = GpuMetrics(GpuReader(driver := Driver()))
    registry.register(metrics)

    metrics.look()

    def shown(figure: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"appliance_gpu_{figure}", labels)

    assert registry.get_sample_value("appliance_gpus") == 2
    card = {"gpu": "1", "name": "Card 1", "driver": "580.95.05"}
    assert registry.get_sample_value("appliance_gpu_info", card) == 1
    assert shown("memory_size_bytes", gpu="0") == 80 << 30
    assert shown("memory_used_bytes", gpu="0") == 20 << 30
    assert (shown("utilization_ratio", gpu="0"), shown("temperature_celsius", gpu="0")) == (0.75, 61)
    assert (shown("power_watts", gpu="0"), shown("power_limit_watts", gpu="0")) == (None, 700)
    assert driver.open == 0


def test_a_gpu_that_is_lost_is_missed() -> None:
    """Fewer answer than did, which is what the alert looks at; the others go on being measured."""
    registry = CollectorRegistry()
    metrics = GpuMetrics(GpuReader(driver := Driver()))
    registry.register(metrics)
    metrics.look()

    driver.lost.add(0)
    metrics.look()

    assert registry.get_sample_value("appliance_gpus") == 1
    assert registry.get_sample_value("appliance_gpus_seen") == 2
    assert registry.get_sample_value("appliance_gpu_temperature_celsius", {"gpu": "0"}) is None
    assert registry.get_sample_value("appliance_gpu_temperature_celsius", {"gpu": "1"}) == 61


def test_a_machine_without_a_driver_has_none() -> None:
    """No error, and no figures of GPUs; one whose driver goes away has lost them."""
    metrics = GpuMetrics(GpuReader(driver := Driver()))
    registry = CollectorRegistry()
    registry.register(metrics)
    metrics.look()

    driver.is_there = False
    metrics.look()

    assert registry.get_sample_value("appliance_gpus") == 0
    assert registry.get_sample_value("appliance_gpus_seen") == 2
