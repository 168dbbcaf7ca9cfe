"""The version that runs, how full the disk below DATA is, and the GPUs, looked up at every scrape."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from appliance import __version__
from inference.gpus import Gpu, GpuReader


class MachineMetrics(Collector):
    """data: the data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily(
            "appliance_build_info", "Always 1; the version that runs.", labels=["version"]
        )
        build.add_metric([__version__], 1)
        yield build
        try:
            usage = shutil.disk_usage(self._data)
        except OSError:  # the disk went away; the rest is still worth telling
            return
        yield GaugeMetricFamily(
            "appliance_disk_size_bytes",
            "Size of the file system that holds the data folder.",
            value=usage.total,
        )
        yield GaugeMetricFamily("appliance_disk_free_bytes", "What is free of it for us.", value=usage.free)


class GpuMetrics(Collector):
    """What NVIDIA's driver tells. Nothing but a count of 0 where there is no driver."""

    def __init__(self, reader: GpuReader) -> None:
        self._reader = reader
        self._gpus: Sequence[Gpu] = ()
        self._most = 0

    def look(self) -> None:
        """Ask the driver; takes a few milliseconds for each GPU."""
        self._gpus = self._reader.read()
        self._most = max(self._most, len(self._gpus))

    def before_scrape(self, others: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Others first, then look, beside what is being answered."""

        async def refresh() -> None:
            await others()
            await asyncio.to_thread(self.look)

        return refresh

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("appliance_gpus", "GPUs that answer now.", value=len(self._gpus))
        yield GaugeMetricFamily(
            "appliance_gpus_seen", "The most GPUs that answered since the start.", value=self._most
        )
        if not self._gpus:
            return
        info = GaugeMetricFamily(
            "appliance_gpu_info", "Always 1; what the GPU is.", labels=["gpu", "name", "driver"]
        )
        gauges = {
            name: GaugeMetricFamily(f"appliance_gpu_{name}", text, labels=["gpu"])
            for name, text in (
                ("memory_size_bytes", "Its memory."),
                ("memory_used_bytes", "What is used of it."),
                ("utilization_ratio", "Part of the last moment in which it computed, 0 to 1."),
                ("temperature_celsius", "Of the chip."),
                ("power_watts", "What it draws."),
                ("power_limit_watts", "What it may draw."),
            )
        }
        for gpu in self._gpus:
            label = str(gpu.index)
            info.add_metric([label, gpu.name, gpu.driver], 1)
            values = {
                "memory_size_bytes": gpu.memory_bytes,
                "memory_used_bytes": gpu.memory_used_bytes,
                "utilization_ratio": gpu.utilization,
                "temperature_celsius": gpu.temperature_c,
                "power_watts": gpu.power_w,
                "power_limit_watts": gpu.power_limit_w,
            }
            for name, value in values.items():
                if value is not None:
                    gauges[name].add_metric([label], value)
        yield info
        yield from gauges.values()
