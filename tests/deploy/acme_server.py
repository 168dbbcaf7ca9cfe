"""Pebble, a small ACME server, and the DNS that answers 127.0.0.1 to everything, for one test."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.deploy.compose_stack import Stack, wait_for
from tests.ports import free_port


def start_acme(stack: Stack, http_port: int, https_port: int) -> tuple[str, Path, str]:
    """The directory's address, the certificate to trust it by, and where its root is; validates at those ports."""
    if shutil.which("pebble") is None or shutil.which("pebble-challtestsrv") is None:
        pytest.skip("pebble is not installed here")
    folder = stack.folder / "acme"
    folder.mkdir()
    certificate, key = folder / "server.pem", folder / "server.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    names, port, management = free_port(), free_port(), free_port()
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(certificate),
        "privateKey": str(key),
        "httpPort": http_port,
        "tlsPort": https_port,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}), encoding="utf-8")
    stack.start(
        "challenges",
        [
            *(
                "pebble-challtestsrv",
                "-defaultIPv4",
                "127.0.0.1",
                "-defaultIPv6",
                "",
                "-dns01",
                f"127.0.0.1:{names}",
            ),
            *("-http01", "", "-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{free_port()}"),
        ],
    )
    stack.start(
        "pebble",
        ["pebble", "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{names}"],
        PEBBLE_VA_NOSLEEP="1",
        PEBBLE_WFE_NONCEREJECT="0",
    )
    roots = f"https://localhost:{management}/roots/0"

    def answers() -> bool:
        try:
            return bool(root_of(roots, certificate) and root_of(f"https://localhost:{port}/dir", certificate))
        except OSError:
            return False

    wait_for(answers, stack.said)  # who finds it away tries again only after a minute
    return f"https://localhost:{port}/dir", certificate, roots


def root_of(address: str, certificate: Path) -> bytes:
    """What it says there: the root of what it has issued, other after every start. Raises OSError."""
    context = ssl.create_default_context(cafile=str(certificate))
    with urllib.request.urlopen(address, context=context, timeout=120) as answer:
        return bytes(answer.read())
