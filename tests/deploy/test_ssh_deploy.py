"""`ssh_deploy.sh` against a real sshd on loopback: what is copied, what is kept, what is said when it fails.

The checkout that is deployed is a small one whose setup.sh serves /readyz, so that the test is about the way there; the
real setup.sh has its own tests.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")

SETUP = """#!/bin/sh
case $1 in
install) exit 0 ;;
run) exec python3 -c '
import http.server as h
class A(h.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404); self.end_headers()
    def log_message(self, *a): pass
h.HTTPServer(("127.0.0.1", PORT), A).serve_forever()' ;;
esac
"""


@dataclass(frozen=True)
class Server:
    """A machine that is reached by ssh, and the checkout to bring there."""

    ssh_port: int
    http_port: int
    options: str
    checkout: Path
    target: Path

    def deploy(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "SSH_DEPLOY_OPTIONS": self.options,
            "SSH_DEPLOY_URL": f"http://127.0.0.1:{self.http_port}",
        }
        command = ["./ssh_deploy.sh", f"{getpass.getuser()}@127.0.0.1", "--port", str(self.ssh_port)]
        command += ["--path", str(self.target), "--profile", "run", *words]
        return subprocess.run(
            command,
            cwd=self.checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """sshd with keys of its own, and a committed checkout with the real ssh_deploy.sh."""
    for program in ("rsync", "ssh", "git"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed here")
    if SSHD is None:
        pytest.skip("sshd is not installed here")
    for name in ("host", "client"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True
        )
    port, http_port = free_port(), free_port()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    words = [SSHD, "-D", "-e", "-f", "/dev/null", "-p", str(port), "-h", str(tmp_path / "host")]
    for option in (
        "ListenAddress=127.0.0.1",
        f"AuthorizedKeysFile={tmp_path / 'client.pub'}",
        "StrictModes=no",
        "UsePAM=no",
        "PidFile=none",
    ):
        words += ["-o", option]
    daemon = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    target = tmp_path / "server"
    try:
        _wait_for(port)
        options = f"-i {tmp_path / 'client'} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        yield Server(port, http_port, options, _checkout(tmp_path / "here", http_port), target)
    finally:
        daemon.terminate()
        daemon.wait(60)
        pid = target / "data" / "deploy.pid"
        if pid.exists():
            subprocess.run(["kill", pid.read_text()], check=False, stderr=subprocess.DEVNULL)


def _checkout(folder: Path, http_port: int) -> Path:
    (folder / "deploy").mkdir(parents=True)
    for name in ("ssh_deploy.sh", "deploy/remote.sh"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "setup.sh").write_text(SETUP.replace("PORT", str(http_port)))
    (folder / "setup.sh").chmod(0o755)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], cwd=folder, check=True)
    return folder


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("sshd does not listen")


def test_a_deploy_copies_starts_and_keeps_the_servers_data(server: Server) -> None:
    """The commit arrives and answers; data that the server had stays; a second deploy takes away what is gone here."""
    (server.target / "data").mkdir(parents=True)
    (server.target / "data" / "kept").write_text("people's documents")
    (server.target / "old_module.py").write_text("")

    deployed = server.deploy()

    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert "it answers at" in deployed.stdout
    assert (server.target / "data" / "kept").read_text() == "people's documents"
    assert (server.target / "setup.sh").exists() and not (server.target / "old_module.py").exists()


def test_a_dry_run_changes_nothing(server: Server) -> None:
    """It says what it would copy."""
    deployed = server.deploy("--dry-run")

    assert deployed.returncode == 0, deployed.stderr
    assert "setup.sh" in deployed.stdout and not server.target.exists()


def test_a_server_that_cannot_be_reached_is_named_with_the_remedy(server: Server) -> None:
    """No half deploy, and a sentence that says what to do."""
    command = ["./ssh_deploy.sh", "nobody@127.0.0.1", "--port", str(free_port())]

    refused = subprocess.run(
        command, cwd=server.checkout, capture_output=True, text=True, check=False, timeout=60
    )

    assert refused.returncode != 0 and "ssh-copy-id" in refused.stderr


@pytest.mark.parametrize(
    "words", [["u@h", "--profile", "moon"], ["u@h", "--path", "a b;rm"], [], ["a@b", "c@d"]]
)
def test_wrong_words_are_refused_before_anything_happens(words: list[str]) -> None:
    """Exit code 2, and nothing was contacted."""
    refused = subprocess.run(
        ["./ssh_deploy.sh", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert refused.returncode == 2
