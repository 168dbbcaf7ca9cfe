"""A whole appliance as people meet it: `appliance up` with the sample collection, spoken to over HTTP and by commands.

A first start with its ten documents takes a while, so it is made once a run, by whichever test process comes first;
every box begins as a copy of that.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from appliance.bootstrap.box import open_box
from tests.supervisor.conftest import RunningAppliance, wait_until

RUN_FOLDER = "FOLDER_OF_THE_TEST_RUN"
ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "tests" / "models" / "tiny-llama.gguf"
QUESTIONS: list[dict[str, Any]] = json.loads(
    (ROOT / "appliance" / "sample" / "questions.json").read_text(encoding="utf-8")
)
PIPELINE = "answer-with-sources"
WITH_ENGINE = f"""
[engines.tiny]
engine = "llama_cpp"
model_path = "{MODEL}"
model_name = "tiny"
slots = 4
context_tokens = 1024
cache_ram_mib = 16

[models.aliases]
"gpt-4o-mini" = "tiny"
"""
WITH_EARS = f"""
[speech]
model = "{ROOT / "tests" / "models" / "tiny-whisper" / "model"}"
threads = 1
"""


@dataclass
class WholeBox(RunningAppliance):
    """A running appliance with its address, first key and commands. configuration: of appliance.toml."""

    options: tuple[str, ...] = ()
    configuration: str = ""

    def start(self, *words: str) -> None:
        self.data.mkdir(exist_ok=True)
        (self.data / "appliance.toml").write_text(self.configuration, encoding="utf-8")
        super().start(*words)

    @property
    def url(self) -> str:
        assert self.state is not None
        return self.state.url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @cached_property
    def key(self) -> str:
        """The first administrator's."""
        kept = json.loads((self.data / "credentials.json").read_text(encoding="utf-8"))
        return str(kept["api_key"])

    def client(self, key: str | None = None) -> httpx.Client:
        """Speaks with the first administrator's key, or another. Close it."""
        headers = {"authorization": f"Bearer {key or self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    def get_json(self, path: str, key: str | None = None) -> Any:
        with self.client(key) as client:
            return client.get(path).raise_for_status().json()

    def post_json(self, path: str, body: Mapping[str, Any], key: str | None = None) -> Any:
        with self.client(key) as client:
            return client.post(path, json=body).raise_for_status().json()

    def ask(self, question: str, key: str | None = None, **more: Any) -> dict[str, Any]:
        """The answer of answer-with-sources, not streamed."""
        body = {"model": PIPELINE, "messages": [{"role": "user", "content": question}], **more}
        answer: dict[str, Any] = self.post_json("/v1/chat/completions", body, key)
        return answer

    def command(self, *words: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
        """`appliance WORDS` as a person types it."""
        address = ["--url", self.url, "--key", key] if key else ["--data", str(self.data)]
        return subprocess.run(
            [sys.executable, "-m", "appliance", *words, *address],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={name: value for name, value in os.environ.items() if not name.startswith("APPLIANCE_")},
        )

    def new_person(self, email: str) -> str:
        """Adds a user and returns a key of theirs."""
        made = self.command("user", "add", email, "--json")
        assert made.returncode == 0, made.stderr
        key = self.command("key", "create", "--user", email, "--json")
        assert key.returncode == 0, key.stderr
        return str(json.loads(key.stdout)["key"])

    def sample_is_read(self) -> bool:
        """All ten documents."""
        stores = self.get_json("/v1/vector_stores")["data"]
        return bool(stores) and all(
            store["file_counts"]["completed"] == store["file_counts"]["total"] for store in stores
        )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What PostgreSQL itself has, seen by its owner."""
        url = open_box(self.data, self.data / "appliance.toml").owner_url
        with psycopg.connect(url) as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[arg-type]

    def engine_calls(self) -> int:
        """Requests that were let in to an engine, by the ledger: a pipeline's own row is not one."""
        return int(self.rows("SELECT count(*) FROM requests WHERE model <> %s", PIPELINE)[0][0])

    def part_is(self, name: str, wanted: str = "ready") -> bool:
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as client:
            health = client.get("/readyz").json()
        return bool({**health["parts"], **health["engines"], "ui": health.get("ui")}.get(name) == wanted)


@contextmanager
def temporary_box(
    configuration: str = "", like: Path | None = None, page: bool = False
) -> Iterator[WholeBox]:
    """A box that answers; stopped, by force if need be, at the end.

    like: the data folder to begin with. None: of a box that was started once and has nothing in it; that is half of a
    first start's work saved.
    """
    with _box(configuration, like or empty_data(), page) as box:
        yield box


@contextmanager
def _box(configuration: str, like: Path | None, page: bool) -> Iterator[WholeBox]:
    folder = Path(tempfile.mkdtemp(prefix="box-", dir="/tmp"))
    folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
    data = folder / "data"
    if like is not None:
        subprocess.run(["cp", "-a", str(like), str(data)], check=True)
    box = WholeBox(data, {"APPLIANCE_SERVER__RUN_PAGE": str(page).lower()}, configuration=configuration)
    try:
        box.start()
        box.wait_ready()
        yield box
    finally:
        if box.process is not None and box.process.poll() is None:
            box.stop()
        for pid in box.processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def prepared_data() -> Path:
    """The data folder of a box that has read the sample collection and was stopped; not to be written to."""
    return _once_a_run("prepared", "", _sample_is_read)


def empty_data() -> Path:
    """The same of a box without the sample, whose embedding model is built."""
    return _once_a_run("empty", "[knowledge]\nsample = false\n", _embedder_is_ready)


def _once_a_run(name: str, configuration: str, prepare: Callable[[WholeBox], None]) -> Path:
    run = Path(os.environ[RUN_FOLDER])
    kept = run / name
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            with _box(configuration, None, page=False) as box:
                prepare(box)
                assert box.stop() == 0
                box.data.rename(kept)
    return kept


def _embedder_is_ready(box: WholeBox) -> None:
    wait_until(lambda: box.part_is("embedder"), "the embedder is ready", 240)


def _sample_is_read(box: WholeBox) -> None:
    _embedder_is_ready(box)
    wait_until(box.sample_is_read, "the sample collection is read", 240)


@pytest.fixture(scope="session")
def quoting_box(prepared_data: Path) -> Iterator[WholeBox]:
    """No engine is connected; the page runs, and the tiny Whisper hears where the extra `speech` is installed."""
    with temporary_box(WITH_EARS, like=prepared_data, page=True) as box:
        wait_until(lambda: box.part_is("embedder"), "the embedder is ready")
        yield box


@pytest.fixture(scope="session")
def writing_box(prepared_data: Path) -> Iterator[WholeBox]:
    """The real llama.cpp with the small trained model is connected, with a context of 1,024 tokens."""
    with temporary_box(WITH_ENGINE, like=prepared_data) as box:
        wait_until(lambda: box.part_is("embedder") and box.part_is("tiny"), "embedder and engine are ready")
        yield box
