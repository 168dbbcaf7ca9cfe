"""An OTLP collector for tests: takes spans over HTTP and keeps them as they came."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from appliance.telemetry import TracingSettings

__all__ = ["Collector", "collecting", "collector"]


class Collector(ThreadingHTTPServer):
    """Takes spans as an OTLP collector does."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Taking)

    @property
    def url(self) -> str:
        """What `tracing.endpoint` is set to."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1/traces"

    @property
    def settings(self) -> TracingSettings:
        return TracingSettings(endpoint=self.url)

    def spans(self) -> dict[str, Any]:
        """By name."""
        found = {}
        for body in self.requests:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found.update({span.name: span for span in scope.spans})
        return found


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        zipped = self.headers.get("content-encoding") == "gzip"
        self.server.requests.append(gzip.decompress(body) if zipped else body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def collecting() -> Iterator[Collector]:
    """One that runs, on a port of its own."""
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """For one test."""
    with collecting() as server:
        yield server
