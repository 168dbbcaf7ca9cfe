"""Caddy with the configuration of deploy/, in front of the stack's gateway."""

from __future__ import annotations

import http.client
import shutil
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.compose_stack import ROOT, Stack, wait_for
from tests.ports import free_port

__all__ = ["Proxy", "proxy", "start_caddy"]


@dataclass(frozen=True)
class Proxy:
    """Caddy with the configuration of deploy/. root: its authority's certificate."""

    http_port: int
    https_port: int
    root: Path

    def open(self, path: str, trust: Path | None = None, **request: Any) -> http.client.HTTPResponse:
        """Over HTTPS, trusting nothing but that authority."""
        context = ssl.create_default_context(cafile=str(trust or self.root))
        connection = http.client.HTTPSConnection("localhost", self.https_port, context=context, timeout=120)
        connection.request(request.pop("method", "GET"), path, **request)
        return connection.getresponse()


def start_caddy(stack: Stack, name: str, tls: str, http_port: int, https_port: int, **more: str) -> Proxy:
    """With a data folder of its own."""
    if shutil.which("caddy") is None:
        pytest.skip("caddy is not installed here")
    data = stack.folder / name
    data.mkdir()
    stack.start(
        name,
        ["caddy", "run", "--config", str(ROOT / "deploy/caddy/Caddyfile"), "--adapter", "caddyfile"],
        APPLIANCE_SITE="localhost",
        APPLIANCE_TLS=tls,
        APPLIANCE_CADDY_DATA=str(data),
        APPLIANCE_HTTP_LISTEN=str(http_port),
        APPLIANCE_HTTPS_LISTEN=str(https_port),
        APPLIANCE_GATEWAY=f"127.0.0.1:{stack.ports['gateway']}",
        HOME=str(data),
        **more,
    )
    return Proxy(http_port, https_port, data / "pki" / "authorities" / "local" / "root.crt")


@pytest.fixture(scope="module")
def proxy(stack: Stack) -> Iterator[Proxy]:
    """With a certificate of Caddy's own authority."""
    started = start_caddy(stack, "caddy", "internal", free_port(), free_port())

    def answers() -> bool:
        try:
            return started.root.exists() and started.open("/healthz").status == 200
        except OSError:
            return False

    wait_for(answers, stack.said)
    yield started
    stack.stop("caddy")
