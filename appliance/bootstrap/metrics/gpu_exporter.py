"""A process of its own beside an engine in a container: the gateway has no GPU there.

    python -m appliance.bootstrap.metrics.gpu_exporter --listen 0.0.0.0:9400

Tells what `/metrics` of the gateway tells where it sees the GPUs itself, under the same names.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from appliance.bootstrap.metrics.machine import GpuMetrics
from inference.gpus import GpuReader


class _Looking(Collector):
    """Asks the driver at every scrape."""

    def __init__(self, gpus: GpuMetrics) -> None:
        self._gpus = gpus

    def collect(self) -> Iterator[Metric]:
        self._gpus.look()
        yield from self._gpus.collect()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; ends with SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m appliance.bootstrap.metrics.gpu_exporter")
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:9400")
    host, _, port = parser.parse_args(arguments).listen.rpartition(":")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    registry = CollectorRegistry()
    registry.register(_Looking(GpuMetrics(GpuReader())))
    server, thread = start_http_server(int(port), host, registry)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.shutdown()
    thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
