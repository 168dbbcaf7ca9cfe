"""The whole bundle, installed and asked in a network namespace without a route; and who tried to reach anybody.

./setup.sh test --battery airgap
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deploy.bundle_maker import ROOT, unpacked
from tests.supervisor.conftest import wait_until

pytestmark = pytest.mark.battery

ADDRESS = re.compile(r'sin6?_port=htons\((?P<port>\d+)\).*?(?:inet_addr\(|AF_INET6, )"(?P<host>[^"]+)"')
QUESTION = "How many characters must a password have?"
ANSWER = "A password has at least 14 characters."
PATIENCE_S = 900.0


@dataclass
class EmptyNetwork:
    """A network namespace that has a loopback device and nothing else, kept by a process that waits."""

    holder: subprocess.Popen[bytes]

    def words(self, *words: str | Path) -> list[str]:
        """The command, in there."""
        return ["nsenter", "--net", "--target", str(self.holder.pid), "--", *map(str, words)]

    def run(self, *words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*words),
            cwd=cwd,
            env=plain_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )


def plain_environment() -> dict[str, str]:
    """A server's, and nothing of a developer's or of CI's: libraries report to nobody where CI is set."""
    kept = ("PATH", "HOME", "LANG", "TERM")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, "PYTHON": sys.executable}


@pytest.fixture(scope="module")
def network() -> Iterator[EmptyNetwork]:
    """Root may make one."""
    if os.geteuid() != 0 or not all(shutil.which(name) for name in ("unshare", "nsenter", "ip", "git")):
        pytest.skip("a network namespace needs root, unshare, nsenter and ip (iproute2)")
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    mine = Path("/proc/self/ns/net").readlink()
    try:
        wait_until(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != mine, "the namespace is there")
        made = EmptyNetwork(holder)
        assert made.run("ip", "link", "set", "lo", "up").returncode == 0
        assert made.run("ip", "route").stdout == ""
        yield made
    finally:
        holder.kill()
        holder.wait()


@dataclass
class Installation:
    """Everything below one folder that all users can walk. figures: what was measured."""

    folder: Path
    network: EmptyNetwork
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def bundle(self) -> Path:
        return next((self.folder / "unpacked").iterdir())

    def words(self, command: str) -> list[str]:
        return ["./install.sh", command, "--prefix", str(self.folder / "opt"), "--data", str(self.data)]

    def measured(self, name: str, done: subprocess.CompletedProcess[str], began: float) -> None:
        assert done.returncode == 0, done.stderr
        self.figures[name] = time.monotonic() - began

    def ask(self) -> str:
        """The answer in the namespace, by the installed command; empty while there is none."""
        program = self.folder / "opt" / ".venv" / "bin" / "appliance"
        return self.network.run(program, "ask", QUESTION, "--data", self.data, "--json").stdout

    def page_is_ready(self) -> bool:
        """As /readyz says."""
        return "ready" in self.network.run(sys.executable, "-c", ASK_FOR_PAGE, self.data).stdout


@pytest.fixture(scope="module")
def installation(network: EmptyNetwork) -> Iterator[Installation]:
    """Packed of the last commit with a way to the package registry, installed without."""
    folder = Path(tempfile.mkdtemp(prefix="gap-", dir="/tmp"))
    folder.chmod(0o755)
    made = Installation(folder, network)
    try:
        began = time.monotonic()
        done = subprocess.run(
            ["scripts/airgap_bundle.sh", "--output", str(folder)],
            cwd=ROOT,
            env={**os.environ, "APPLIANCE_VENV": sys.prefix},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        made.measured("packed in s", done, began)
        archive = next(folder.glob("*.tar.gz"))
        made.figures["archive in MB"] = archive.stat().st_size / 1e6
        unpacked(archive, folder / "unpacked")
        began = time.monotonic()
        made.measured("installed in s", network.run(*made.words("install"), cwd=made.bundle), began)
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_an_air_gapped_box_answers_and_asks_nobody(installation: Installation) -> None:
    """Started by the bundle in a network without a route, with the page: it answers from a document, and no process
    of it has tried to reach any address but this machine's own, or a name server. A second install waits for its end.
    """
    tracer = [
        "strace",
        "-f",
        "-qq",
        "--seccomp-bpf",
        "-e",
        "trace=connect,sendto,sendmsg,sendmmsg",
        "-o",
        str(installation.folder / "trace"),
    ]
    traced = tracer if shutil.which("strace") else []
    with (installation.folder / "said").open("w") as said:
        box = subprocess.Popen(
            installation.network.words(*traced, *installation.words("run"), "--", "--port", "0"),
            cwd=installation.bundle,
            env=plain_environment(),
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        began = time.monotonic()
        wait_until(lambda: ANSWER in installation.ask(), "an answer from the sample", PATIENCE_S)
        installation.figures["first answer after s"] = time.monotonic() - began
        wait_until(lambda: installation.page_is_ready(), "the page's process is ready", PATIENCE_S)
        page = installation.network.run(sys.executable, "-c", LOOK_AT_PAGE, installation.data)
        second = installation.network.run(*installation.words("install"), cwd=installation.bundle)
    finally:
        os.kill(json.loads((installation.data / "supervisor.json").read_text())["pid"], signal.SIGTERM)
        box.wait(PATIENCE_S)

    for name, value in installation.figures.items():
        sys.stdout.write(f"{name}: {value:.0f}\n")
    assert page.stdout.strip() == "[]", "the page names addresses of others"
    assert "Stop it first" in second.stderr
    assert strangers(installation.folder / "trace") == set()


ASK_FOR_PAGE = """
import json, pathlib, sys, urllib.request as r
kept = json.loads((pathlib.Path(sys.argv[1]) / "credentials.json").read_text())
print(json.load(r.urlopen(kept["url"] + "/readyz", timeout=60))["ui"])
"""
LOOK_AT_PAGE = """
import json, pathlib, re, sys, urllib.request as r
kept = json.loads((pathlib.Path(sys.argv[1]) / "credentials.json").read_text())
page = r.urlopen(kept["url"] + "/sign-in", timeout=60).read().decode()
print(sorted(set(re.findall(r'(?:src|href)="(?:https?:)?//[^"]*', page))))
"""


def strangers(trace: Path) -> set[str]:
    """Addresses outside of this machine that something tried, and name servers wherever they are."""
    if not trace.exists():
        pytest.skip("strace is not installed here: it answered, but who was called is not known")
    lines = trace.read_text(errors="replace").splitlines()
    tried = [found for found in map(ADDRESS.search, lines) if found]
    assert tried, "the box speaks to itself: without a line the trace is blind"
    return {
        f"{found['host']}:{found['port']}"
        for found in tried
        if found["port"] == "53" or not found["host"].startswith(("127.", "::1", "::ffff:127."))
    }
