"""A machine to deploy to: a real sshd in a network namespace of its own, and releases as small as can be.

Where no namespace can be made (not root, or a container without the right to) it is sshd on loopback; what is deployed,
how, and what is looked at is the same. A release here has the real steps around it and a setup.sh that starts an HTTP
server of a few lines, so that the tests are about the way there; test_deployed_box.py deploys the appliance itself.
"""

from __future__ import annotations

import ctypes
import getpass
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
PATIENCE_S = 240.0
_CLONE_NEWNET = 0x40000000

SETUP = """#!/bin/sh
case $1 in
install) mkdir -p .venv/bin && cp tool .venv/bin/appliance && [ ! -e cannot-be-installed ] ;;
run) exec python3 -S server.py ;;
esac
"""
TOOL = """#!/bin/sh
echo "$*" >>"$NOTES"
"""
SERVER = """
import http.server, json, os, pathlib, signal, sys, threading, time
here = pathlib.Path(__file__).parent
notes = open(os.environ["NOTES"], "a", buffering=1)
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        well = not (here / "not-well").exists()
        answers = {"/readyz": {"parts": {"gateway": "ready" if well else "broken"}}, "/v1/models": {"data": []},
                   "/release": (here / "version").read_text()}
        self.send_response(503 if self.path == "/readyz" and not well else 200 if self.path in answers else 404)
        self.end_headers()
        self.wfile.write(json.dumps(answers.get(self.path)).encode())
    def log_message(self, *_): pass
if (here / "dies").exists():
    sys.exit("cannot start")
server = http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["APPLIANCE_SERVER__PORT"])), Answers)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("start", (here / "version").read_text(), os.environ["APPLIANCE_DATA"], file=notes)
signal.alarm(7200)  # nobody is left behind by a test run that was killed
server.serve_forever(0.05)
print("end", (here / "version").read_text(), file=notes)
"""


@dataclass
class Server:
    """It and the way there. place: where it is deployed to; host: its address; inside: words before a command on it."""

    folder: Path
    host: str
    ssh_port: int
    http_port: int
    inside: list[str]
    daemon: subprocess.Popen[bytes]
    clients: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def place(self) -> Path:
        return self.folder / "server"

    @property
    def address(self) -> str:
        return f"{getpass.getuser()}@{self.host}"

    @property
    def notes(self) -> list[str]:
        """What releases have said about their starts and ends, and what their `appliance` was told."""
        path = self.folder / "notes"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def release(self, version: str, *marks: str, migrations: tuple[str, ...] = ()) -> Path:
        """A folder with a release. marks: not-well, dies, cannot-be-installed."""
        folder = self.folder / f"release-{version}"
        folder.mkdir()
        (folder / "setup.sh").write_text(SETUP, encoding="utf-8")
        (folder / "setup.sh").chmod(0o755)
        (folder / "tool").write_text(TOOL, encoding="utf-8")
        (folder / "tool").chmod(0o755)
        (folder / "server.py").write_text(SERVER, encoding="utf-8")
        (folder / "version").write_text(version, encoding="utf-8")
        (folder / "requirements.lock").write_text("", encoding="utf-8")
        for mark in marks:
            (folder / mark).touch()
        for name in migrations:
            path = folder / "appliance" / "storage" / "migrations" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return folder

    def begin(
        self, *words: str, script: Path = ROOT / "ssh_deploy.sh", **environment: str
    ) -> subprocess.Popen[str]:
        """`ssh_deploy.sh` on this side; what it says goes into a file, for a killed one's helpers hold pipes open."""
        options = f"-i {self.folder / 'client'} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        command = [str(script), self.address, "--port", str(self.ssh_port)]
        command += ["--path", str(self.place), "--data", str(self.folder / "data"), *words]
        said = self.folder / f"said-{len(self.clients)}"
        with said.open("w") as output:
            client = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, "SSH_DEPLOY_OPTIONS": f"{options} -o LogLevel=ERROR", **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.clients.append(client)
        return client

    def deploy(
        self, *words: str, script: Path = ROOT / "ssh_deploy.sh", **environment: str
    ) -> tuple[int, str]:
        """Its exit code, and what it said."""
        client = self.begin(*words, script=script, **environment)
        code = client.wait(PATIENCE_S)
        return code, self.said(client)

    def deploy_release(self, version: str, *marks: str, migrations: tuple[str, ...] = ()) -> tuple[int, str]:
        """Made, and deployed to run in the background."""
        folder = self.release(version, *marks, migrations=migrations)
        return self.deploy("--profile", "run", "--release", str(folder))

    def said(self, client: subprocess.Popen[str]) -> str:
        return (self.folder / f"said-{self.clients.index(client)}").read_text(encoding="utf-8")

    def answering(self) -> str:
        """The version that answers; empty: nobody."""
        url = f"http://{self.host}:{self.http_port}/release"
        with suppress(URLError, OSError, ValueError), urlopen(url, timeout=10) as answer:
            return str(json.load(answer))
        return ""

    def answers_at_all(self) -> bool:
        """Somebody listens where the appliance would."""
        return listens(self.host, self.http_port)

    def current(self) -> str:
        """The folder that `current` leads to."""
        return (self.place / "current").readlink().name

    def releases(self) -> list[str]:
        """Their ids without the sum."""
        return sorted(
            path.name.rpartition("-")[0].removeprefix("release-")
            for path in (self.place / "releases").iterdir()
        )

    def deploy_goes_on(self) -> bool:
        """Somebody on the server holds the lock."""
        lock = self.place / ".deploy" / "lock"
        return lock.exists() and bool(
            subprocess.run(["flock", "-n", str(lock), "true"], check=False).returncode
        )

    def cut_sessions(self) -> None:
        """Every ssh connection is gone at once."""
        for pid in children_of(self.daemon.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        """Whatever a test has left."""
        for client in self.clients:
            if client.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(client.pid, signal.SIGKILL)
                client.wait(60)
        self.cut_sessions()
        self.daemon.kill()
        self.daemon.wait(60)
        wait_for(lambda: not self.deploy_goes_on(), "what was deploying has ended")
        process = self.place / ".deploy" / "process"
        if process.exists():
            with suppress(ProcessLookupError):
                os.kill(int(process.read_text().split()[0]), signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    """Its direct ones, by /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(") ")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Until it holds. Raises AssertionError that says what did not happen."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen that {what}"
        time.sleep(0.05)


@contextmanager
def machine(*, on_loopback: bool = False) -> Iterator[Server]:
    """Answers ssh until the end. Skips where a program is missing. on_loopback: in the tests' own network."""
    for program in ("rsync", "ssh", "ssh-keygen", "git", "flock", "setsid"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed here")
    if SSHD is None:
        pytest.skip("sshd is not installed here")
    folder = Path(tempfile.mkdtemp(prefix="apl-deploy-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        for name in ("host", "client"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(words, check=True)
        (folder / "server").mkdir()
        with _network(on_loopback) as (inside, host):
            port, http_port = free_port(), free_port()
            settings = f"APPLIANCE_SERVER__PORT={http_port}\nNOTES={folder / 'notes'}\n"
            (folder / "server" / ".env").write_text(settings, encoding="utf-8")
            server = Server(folder, host, port, http_port, inside, _sshd(inside, host, port, folder))
            try:
                wait_for(lambda: listens(host, port), "sshd listens")
                yield server
            finally:
                server.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sshd(inside: list[str], host: str, port: int, folder: Path) -> subprocess.Popen[bytes]:
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    interpreter = (
        Path(sys.executable).resolve().parent
    )  # of the system: a virtual environment takes longer to start
    path = f"{interpreter}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    command = [*inside, str(SSHD), "-D", "-e", "-f", "/dev/null", "-p", str(port), "-h", str(folder / "host")]
    for option in (
        f"ListenAddress={host}",
        f"AuthorizedKeysFile={folder / 'client.pub'}",
        f"SetEnv=PATH={path}",
        "StrictModes=no",
        "UsePAM=no",
        "PidFile=none",
        "MaxStartups=100",
    ):
        command += ["-o", option]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def listens(host: str, port: int) -> bool:
    """Somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((host, port)) == 0


@contextmanager
def _network(on_loopback: bool) -> Iterator[tuple[list[str], str]]:
    """(words before a command on the machine, its address): a namespace behind a cable, or loopback.

    The other end of the cable is in a namespace as well, which this thread joins meanwhile: a browser of another test,
    which sees an interface come or go, breaks off what it is loading.
    """
    name = f"apl{random.Random(os.urandom(8)).randrange(16**8):08x}"
    ours, theirs = f"{name}a", f"{name}b"
    steps = (
        f"ip netns add {ours}",
        f"ip netns add {theirs}",
        f"ip -n {ours} link add cable type veth peer name cable netns {theirs}",
        f"ip -n {ours} addr add 10.64.0.1/30 dev cable",
        f"ip -n {theirs} addr add 10.64.0.2/30 dev cable",
        *(f"ip -n {end} link set {device} up" for end in (ours, theirs) for device in ("lo", "cable")),
    )
    has_ip = shutil.which("ip") is not None and not on_loopback
    made = has_ip and all(
        subprocess.run(step.split(), check=False, capture_output=True).returncode == 0 for step in steps
    )
    try:
        if made:
            with _joined(ours):
                yield ["ip", "netns", "exec", theirs], "10.64.0.2"
        else:
            yield [], "127.0.0.1"
    finally:
        if has_ip:
            for end in (ours, theirs):
                subprocess.run(["ip", "netns", "del", end], check=False, capture_output=True)


@contextmanager
def _joined(namespace: str) -> Iterator[None]:
    """This thread, and what it starts, is in that network. os.setns is younger than our oldest Python."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    other = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        _set_network(other)
        yield
    finally:
        _set_network(own)
        os.close(own)
        os.close(other)


def _set_network(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@pytest.fixture
def server() -> Iterator[Server]:
    """Nothing was deployed to it yet."""
    with machine() as made:
        yield made
