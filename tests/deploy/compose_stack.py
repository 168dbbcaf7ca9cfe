"""The very commands of the compose files without docker: servers over TCP, secrets as files, Caddy and an engine.

Images, networks and rights are not tried here; what each container runs, and with which settings, is. The engine is a
stand-in that speaks vLLM's wire format.
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
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from appliance.storage.roles import DatabaseRole, role_password
from appliance.supervisor.binaries import valkey_server
from appliance.supervisor.postgres import EmbeddedPostgres
from appliance.supervisor.unprivileged import account_for_servers
from tests.otlp_collector import Collector, collecting
from tests.ports import free_port

__all__ = ["ROOT", "Stack", "stack", "wait_for"]

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = ("embedder", "worker", "gateway", "ui")
MODEL = "fake"
_PATIENCE_S = 300.0
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def wait_for(condition: Callable[[], Any], what: Callable[[], str] = lambda: "") -> Any:
    """What the condition returns once that is true. what: said when it never is."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, what()
        time.sleep(0.2)
    return found


@dataclass
class Stack:
    """The containers' commands as processes on this machine. settings: what stands in .env."""

    folder: Path
    services: Mapping[str, Any]
    ports: Mapping[str, int]
    traces: Collector
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "d"

    @property
    def log(self) -> Path:
        """What all of them wrote."""
        return self.folder / "log"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['gateway']}"

    @cached_property
    def key(self) -> str:
        """The first administrator's."""
        return str(self.credentials["api_key"])

    @property
    def credentials(self) -> dict[str, str]:
        return dict(json.loads((self.data / "credentials.json").read_text(encoding="utf-8")))

    def on_this_machine(self, word: str) -> str:
        """Folders, names and ports of the containers as they are here."""
        replaced = {
            "/run/secrets": str(self.folder / "secrets"),
            "/var/lib/appliance": str(self.data),
            "/opt/appliance/models": str(self.folder / "models"),
            "0.0.0.0:8080": f"127.0.0.1:{self.ports['gateway']}",
            "127.0.0.1:8080": f"127.0.0.1:{self.ports['gateway']}",
            "gateway:8080": f"127.0.0.1:{self.ports['gateway']}",
            "engine:8000": f"127.0.0.1:{self.ports['engine']}",
            "postgres:5432": f"127.0.0.1:{self.ports['postgres']}",
            "valkey:6379": f"127.0.0.1:{self.ports['valkey']}",
        }
        word = _VARIABLE.sub(lambda found: found[2], word).replace("$$", "$")
        if word == "/backups":
            return str(self.folder / "backups")
        for old, new in replaced.items():
            word = word.replace(old, new)
        return word

    def words(self, name: str) -> list[str]:
        """entrypoint and command of a service of ours."""
        service = self.services[name]
        words = [self.on_this_machine(word) for word in (*service["entrypoint"], *service["command"])]
        assert words[0] == "python"
        return [sys.executable, *words[1:]]

    def environment(self, name: str) -> dict[str, str]:
        """What the container is given, beside what the machine has."""
        given = self.services[name].get("environment", {})
        here = {key: self.on_this_machine(value) for key, value in given.items()}
        return os.environ | here | {"APPLIANCE_TRACING__ENDPOINT": self.traces.url}

    def start(self, name: str, words: list[str], **environment: str) -> None:
        """In the background, with its lines in the log."""
        with self.log.open("ab") as log:
            self.processes[name] = subprocess.Popen(
                words, env=os.environ | environment, stdout=log, stderr=log, cwd=self.folder
            )

    def start_engine(self) -> None:
        """Says back what it is told, five words a second."""
        self.start(
            "engine",
            [
                *(sys.executable, "-m", "inference.testing.fake_engine", "--pace-ms", "200"),
                *("--port", str(self.ports["engine"]), "--model", MODEL),
            ],
            PYTHONPATH=str(ROOT),
        )

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def get(self, url: str, key: str = "") -> tuple[int, bytes]:
        """Status and body."""
        request = urllib.request.Request(url, headers={"authorization": f"Bearer {key}"} if key else {})
        return self._opened(request)

    def post(self, path: str, body: object, key: str | None = None) -> tuple[int, bytes]:
        """To the gateway itself; key None: the first administrator's, empty: none."""
        shown = self.key if key is None else key
        headers = {"content-type": "application/json"} | (
            {"authorization": f"Bearer {shown}"} if shown else {}
        )
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._opened(urllib.request.Request(f"{self.gateway_url}{path}", data, headers))

    def _opened(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def readiness(self) -> dict[str, Any]:
        body = self.get(f"{self.gateway_url}/readyz")[1]
        return dict(json.loads(body)) if body else {}

    def ask(self, question: str, model: str = MODEL, **more: object) -> tuple[int, bytes]:
        """A chat completion."""
        return self.post(
            "/v1/chat/completions",
            {"model": model, "messages": [{"role": "user", "content": question}], **more},
        )

    def said(self) -> str:
        """The end of the log, for messages."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-6000:]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Everything of docker-compose.gpu.yml but the proxy and the monitoring; ready, with the sample read."""
    folder = Path(tempfile.mkdtemp(prefix="cmp-", dir="/tmp"))
    folder.chmod(0o755)
    compose = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text(encoding="utf-8"))
    ports = {name: free_port() for name in ("postgres", "valkey", "gateway", "engine")}
    with collecting() as traces:
        yield from _running(Stack(folder, compose["services"], ports, traces))


def _running(made: Stack) -> Iterator[Stack]:
    try:
        (made.folder / "secrets").mkdir()
        _write_secrets(made)
        with _servers(made):
            _start_ours(made)
            yield made
    finally:
        for name in reversed(list(made.processes)):
            made.stop(name)
        shutil.rmtree(made.folder, ignore_errors=True)


def _write_secrets(made: Stack) -> None:
    secrets = {
        "database_password": "owner-password",
        "database_url": f"postgresql://appliance_owner:owner-password@127.0.0.1:{made.ports['postgres']}/appliance",
        "database_role_secret": "a-long-random-secret",
        "valkey_password": "valkey-password",
        "valkey_url": f"redis://:valkey-password@127.0.0.1:{made.ports['valkey']}/0",
        "database_monitor_password": role_password("a-long-random-secret", DatabaseRole.MONITOR),
        "valkey_passwords": json.dumps({f"redis://127.0.0.1:{made.ports['valkey']}": "valkey-password"}),
        "metrics_key": "key-of-the-scraper",
        "backup_passphrase": "a-long-passphrase",
        "engine_key": "key-of-the-engine",
    }
    for name, value in secrets.items():
        (made.folder / "secrets" / name).write_text(value, encoding="utf-8")


@contextmanager
def _servers(made: Stack) -> Iterator[None]:
    """PostgreSQL and Valkey with the compose files' own settings."""
    postgres = EmbeddedPostgres(made.folder / "pg", "owner-password", account_for_servers())
    postgres.data.mkdir(mode=0o755)
    postgres.prepare()
    hba = postgres.cluster / "pg_hba.conf"
    hba.write_text(hba.read_text() + "\nhost all all 127.0.0.1/32 scram-sha-256\n")
    settings = made.services["postgres"]["command"][1:]
    listening = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={made.ports['postgres']}"]
    made.start("postgres", [*postgres.command(), *settings, *listening])
    (made.folder / "valkey").mkdir()
    shell = [made.on_this_machine(word) for word in made.services["valkey"]["entrypoint"]]
    shell[-1] = shell[-1].replace("--dir /data", f"--dir {made.folder}/valkey --port {made.ports['valkey']}")
    made.start("valkey", shell, PATH=f"{valkey_server('').parent}:{os.environ['PATH']}")
    wait_for(lambda: _makes_database(made), made.said)
    try:
        yield
    finally:
        for name in [name for name in made.processes if name not in ("postgres", "valkey")][::-1]:
            made.stop(name)
        made.processes["postgres"].send_signal(signal.SIGINT)


def _makes_database(made: Stack) -> bool:
    url = f"postgresql://appliance_owner:owner-password@127.0.0.1:{made.ports['postgres']}/postgres"
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE appliance")
    except psycopg.OperationalError:
        return False
    return True


def _start_ours(made: Stack) -> None:
    made.start_engine()
    (made.data / "sockets").mkdir(parents=True, mode=0o700)
    prepared = subprocess.run(
        made.words("prepare"),
        env=made.environment("prepare"),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
        cwd=ROOT,
    )
    assert prepared.returncode == 0, prepared.stdout + prepared.stderr
    for name in OURS:
        made.start(name, made.words(name), **{**made.environment(name), "PYTHONPATH": str(ROOT)})
    wait_for(lambda: made.readiness().get("status") == "ready", made.said)
    wait_for(lambda: made.readiness().get("ui") == "ready", made.said)
    wait_for(lambda: _sample_is_read(made), made.said)


def _sample_is_read(made: Stack) -> bool:
    status, body = made.get(f"{made.gateway_url}/v1/vector_stores", made.key)
    stores = json.loads(body)["data"] if status == 200 else []
    return bool(stores) and all(
        store["file_counts"]["completed"] == store["file_counts"]["total"] > 0 for store in stores
    )


def monitor_can_look(made: Stack) -> bool:
    """Whether the exporter's role sees PostgreSQL's figures, and nothing else."""
    password = role_password("a-long-random-secret", DatabaseRole.MONITOR)
    url = f"postgresql://appliance_monitor:{password}@127.0.0.1:{made.ports['postgres']}/appliance"
    with psycopg.connect(url) as connection:
        figures = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query IS NOT NULL"
        ).fetchone()
        try:
            connection.execute("SELECT 1 FROM users")
        except (
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.UndefinedTable,
        ):  # it may not even name it
            return bool(figures and figures[0])
    return False
