"""The very commands of the compose files without docker: external PostgreSQL and Valkey over TCP, secrets as files.

Images and networks are not tried here; what each container runs, and with which settings, is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import yaml

from appliance.supervisor.postgres import EmbeddedPostgres
from appliance.supervisor.unprivileged import account_for_servers
from appliance.supervisor.valkey import EmbeddedValkey
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
SERVICES = ("embedder", "worker", "gateway", "ui")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Stack:
    """The containers' commands as processes on this machine."""

    folder: Path
    port: int
    environment: dict[str, str]
    services: dict[str, dict[str, list[str]]]

    @property
    def data(self) -> Path:
        return self.folder / "d"

    def words(self, name: str) -> list[str]:
        """entrypoint and command, with this machine's folders and port."""
        service = self.services[name]
        replaced = {
            "/var/lib/appliance": str(self.data),
            "/opt/appliance/models": str(self.folder / "models"),
            "0.0.0.0:8080": f"127.0.0.1:{self.port}",
            "http://gateway:8080": f"http://127.0.0.1:{self.port}",
            "${APPLIANCE_SITE:-localhost}": "localhost",
        }
        words = [*service["entrypoint"], *service["command"]]
        for old, new in replaced.items():
            words = [word.replace(old, new) for word in words]
        assert words[0] == "python"
        return [sys.executable, *words[1:]]

    def readiness(self) -> dict[str, object]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=60) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))
        except OSError:
            return {}


@pytest.fixture
def stack() -> Iterator[Stack]:
    """Everything of docker-compose.cpu.yml but the proxy and the engine."""
    folder = Path(tempfile.mkdtemp(prefix="cmp-", dir="/tmp"))
    folder.chmod(0o755)
    account = account_for_servers()
    postgres = EmbeddedPostgres(folder / "pg", "owner-password", account)
    valkey = EmbeddedValkey(folder / "vk", "valkey-password", account)
    for part in (postgres, valkey):
        part.data.mkdir(mode=0o755)
        part.prepare()
    database_port, valkey_port, port = free_port(), free_port(), free_port()
    hba = postgres.cluster / "pg_hba.conf"
    hba.write_text(hba.read_text() + "\nhost all all 127.0.0.1/32 scram-sha-256\n")
    processes = [
        subprocess.Popen(
            [*postgres.command(), "-c", "listen_addresses=127.0.0.1", "-c", f"port={database_port}"],
            stderr=subprocess.DEVNULL,
        ),
        subprocess.Popen([*valkey.command(), "--port", str(valkey_port)], stdout=subprocess.DEVNULL),
    ]
    try:
        owner = f"postgresql://appliance_owner:owner-password@127.0.0.1:{database_port}"
        _wait_for_database(f"{owner}/postgres")
        secrets = {
            "database_url": f"{owner}/appliance",
            "database_role_secret": "a-long-random-secret",
            "valkey_url": f"redis://:valkey-password@127.0.0.1:{valkey_port}/0",
        }
        for name, value in secrets.items():
            (folder / name).write_text(value)
        compose = yaml.safe_load((ROOT / "docker-compose.cpu.yml").read_text(encoding="utf-8"))
        environment = {
            name: value.replace("/run/secrets", str(folder)).replace(
                "${APPLIANCE_SITE:-localhost}", "localhost"
            )
            for name, value in compose["services"]["gateway"]["environment"].items()
            if "ENGINES" not in name
        }
        stack = Stack(folder, port, {**os.environ, **environment}, compose["services"])
        stack.data.mkdir()
        (stack.data / "sockets").mkdir(mode=0o700)
        prepared = subprocess.run(
            stack.words("prepare"),
            env=stack.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert prepared.returncode == 0, prepared.stdout + prepared.stderr
        log = (folder / "log").open("wb")
        processes += [
            subprocess.Popen(stack.words(name), env=stack.environment, stdout=log, stderr=log)
            for name in SERVICES
        ]
        yield stack
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_database(url: str) -> None:
    for _ in range(1200):
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE appliance")
                return
        except psycopg.OperationalError:
            time.sleep(0.05)
    raise AssertionError("PostgreSQL did not answer over TCP")


def test_what_the_containers_run_becomes_ready_and_answers(stack: Stack) -> None:
    """Migrations, accounts, sample, worker, embedder and page, with nothing embedded and no supervisor."""
    deadline = time.monotonic() + 400
    while stack.readiness().get("status") != "ready" or stack.readiness().get("ui") != "ready":
        assert time.monotonic() < deadline, (stack.readiness(), (stack.folder / "log").read_text()[-6000:])
        time.sleep(0.3)
    key = json.loads((stack.data / "credentials.json").read_text())["api_key"]

    while "23 días" not in (answer := _ask(stack.port, key, "¿Cuántos días de vacaciones tengo al año?")):
        assert time.monotonic() < deadline, (answer, (stack.folder / "log").read_text()[-6000:])
        time.sleep(1)

    checked = subprocess.run(
        [sys.executable, *yaml_words(stack, "worker")], env=stack.environment, check=False, timeout=300
    )
    assert checked.returncode == 0
    assert not (stack.data / "postgres").exists() and not (stack.data / "valkey").exists()


def yaml_words(stack: Stack, service: str) -> list[str]:
    """The health check of a service, without its `CMD python`."""
    words = [str(word) for word in stack.services[service]["healthcheck"]["test"]]  # type: ignore[call-overload]
    return [word.replace("/var/lib/appliance", str(stack.data)) for word in words[2:]]


def _ask(port: int, key: str, question: str) -> str:
    body = {"model": "answer-with-sources", "messages": [{"role": "user", "content": question}]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["choices"][0]["message"]["content"])
