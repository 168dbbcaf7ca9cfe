"""GPUs as the driver tells of them: all, some that are lost, none."""

from __future__ import annotations

import pynvml  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry

from appliance.bootstrap.metrics.machine import GpuMetrics
from inference.gpus import GpuReader
from inference.testing.fake_nvml import FakeCard, FakeNvml


def test_all_that_the_driver_tells_is_shown() -> None:
    """In the units of Prometheus; what a GPU does not tell is left out."""
    registry = CollectorRegistry()
    metrics = GpuMetrics(GpuReader(driver := FakeNvml(FakeCard(), FakeCard())))
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
    metrics = GpuMetrics(GpuReader(driver := FakeNvml(FakeCard(), FakeCard())))
    registry.register(metrics)
    metrics.look()

    driver.cards[0].is_lost = True
    metrics.look()

    assert registry.get_sample_value("appliance_gpus") == 1
    assert registry.get_sample_value("appliance_gpus_seen") == 2
    assert registry.get_sample_value("appliance_gpu_temperature_celsius", {"gpu": "0"}) is None
    assert registry.get_sample_value("appliance_gpu_temperature_celsius", {"gpu": "1"}) == 61


def test_a_machine_without_a_driver_has_none() -> None:
    """No error, and no figures of GPUs; one whose driver goes away has lost them."""
    metrics = GpuMetrics(GpuReader(driver := FakeNvml(FakeCard(), FakeCard())))
    registry = CollectorRegistry()
    registry.register(metrics)
    metrics.look()

    driver.silent = pynvml.NVML_ERROR_DRIVER_NOT_LOADED
    metrics.look()

    assert registry.get_sample_value("appliance_gpus") == 0
    assert registry.get_sample_value("appliance_gpus_seen") == 2
