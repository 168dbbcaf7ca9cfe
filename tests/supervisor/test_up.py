"""`appliance up` with its real children: it comes up, stays up, and goes down without a trace."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.supervisor.state import started_ticks
from tests.supervisor.conftest import RunningAppliance, wait_until

pytestmark = pytest.mark.slow


def _refusal(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "appliance", "up", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def test_what_is_killed_comes_back_and_the_port_stays_open(started_once: RunningAppliance) -> None:
    """`kill -9` of any child: a new one is ready soon, and a request sent meanwhile is answered, not refused."""
    started_once.start()
    started_once.wait_ready()
    wait_until(lambda: started_once.child_is("embedder", "ready"), "the embedder is ready")
    for name in ("gateway", "embedder", "valkey", "postgres"):
        before = started_once.pid_of(name)

        os.kill(before, signal.SIGKILL)
        status = started_once.get("/healthz")

        assert status == 200, name
        wait_until(
            lambda name=name, before=before: started_once.is_back(name, before),
            f"{name} is back",
        )
        assert re.search(rf"\b{name}\b.*SIGKILL", started_once.text)


def test_a_second_start_is_refused_and_the_first_one_stops_without_a_trace(
    started_once: RunningAppliance,
) -> None:
    """Two appliances never share a data folder: the second is told who holds it. A client that never finishes its
    request cannot keep the first from stopping; after that no process of the folder is left."""
    started_once.start()
    started_once.wait_ready()
    assert started_once.state is not None and len(started_once.processes()) > 5
    host, _, port = started_once.state.url.removeprefix("http://").rpartition(":")

    refused, said = _refusal("--port", "0", "--data", str(started_once.data))
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        stopped = started_once.stop(signal.SIGINT)

    assert refused == 78
    assert f"process {started_once.pid}" in said and "--data" in said
    assert stopped == 0
    assert started_once.processes() == {}
    assert not (started_once.data / "postgres" / "postmaster.pid").exists()


def test_a_killed_supervisor_leaves_nothing_in_the_way_of_the_next(started_once: RunningAppliance) -> None:
    """`kill -9` of `appliance up` itself: the kernel ends its children, and a start right after it works."""
    started_once.start()
    started_once.wait_ready()
    left = started_once.processes()

    started_once.stop(signal.SIGKILL)
    started_once.start()
    started_once.wait_ready()

    assert started_once.get("/healthz") == 200
    wait_until(
        lambda: all(started_ticks(pid) != ticks for pid, ticks in left.items()), "the old processes are gone"
    )


FEW = ("postgres.new-*", "credentials.json")
MOMENTS = ("secrets/session_secret", FEW[0], "postgres/PG_VERSION", FEW[1], "supervisor.json")


@pytest.mark.parametrize(
    "moments", [FEW, pytest.param(MOMENTS, marks=pytest.mark.battery)], ids=["few", "every_moment"]
)
def test_a_first_start_that_is_killed_is_simply_started_again(
    appliance: RunningAppliance, moments: tuple[str, ...]
) -> None:
    """Killed at one moment after the other, each start goes on where the last one died, and the last completes it."""
    for moment in moments:
        began = time.time_ns()
        appliance.start()
        wait_until(
            lambda moment=moment, began=began: _appeared(appliance.data, moment, began), f"{moment} exists"
        )
        appliance.stop(signal.SIGKILL)

    appliance.start()
    appliance.wait_ready()

    assert appliance.get("/healthz") == 200


def _appeared(folder: Path, pattern: str, since_ns: int) -> bool:
    """Whether something of that name has been written since. What goes again while we look is a yes too."""
    try:
        return any(path.lstat().st_mtime_ns >= since_ns for path in folder.glob(pattern))
    except FileNotFoundError:
        return True


def test_a_port_in_use_is_named_with_its_holder(data_folder: Path) -> None:
    """The message names the port, the process that has it, and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]

        code, said = _refusal("--port", str(port), "--data", str(data_folder))

    assert code == 78
    assert f"Port {port} is in use by process {os.getpid()}" in said
    assert "--port" in said


def test_data_of_a_newer_version_is_left_alone(data_folder: Path) -> None:
    """A folder that a newer appliance wrote is refused before anything in it is touched."""
    data_folder.mkdir()
    (data_folder / "version.json").write_text(json.dumps({"data_version": 99, "written_by": "9.1.0"}))

    code, said = _refusal("--port", "0", "--data", str(data_folder))

    assert code == 78
    assert "9.1.0" in said
    assert not (data_folder / "postgres").exists()


def test_a_folder_that_cannot_be_written_is_named() -> None:
    """No rights, no disk: the sentence names the folder and `--data`."""
    code, said = _refusal("--port", "0", "--data", "/proc/appliance")

    assert code == 78
    assert "/proc/appliance" in said
    assert "--data" in said


def test_an_unknown_setting_is_refused_with_the_nearest_one(data_folder: Path) -> None:
    """A typing error in appliance.toml is found at the start."""
    data_folder.mkdir()
    (data_folder / "appliance.toml").write_text("[server]\nprot = 8081\n")

    code, said = _refusal("--data", str(data_folder))

    assert code == 78
    assert "Did you mean 'port'?" in said


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        ('[engines.a]\nengine = "vlm"\n', "[engines.a]: engine = 'vlm' is not known. Known: "),
        ('[engines.a]\nengine = "llama_cpp"\nmodel_path = "/nowhere.gguf"\n', "Give it a GGUF file"),
        ('[server]\npublic_url = "box.example"\n', "must begin with http:// or https://"),
        ('[server]\ntrusted_proxies = ["proxy"]\n', "write a network such as 172.18.0.0/16"),
        ("[server\n", "not valid TOML"),
    ],
)
def test_a_mistake_in_the_configuration_starts_nothing(
    data_folder: Path, configuration: str, sentence: str
) -> None:
    """One sentence, no trace, and no database was made."""
    data_folder.mkdir()
    (data_folder / "appliance.toml").write_text(configuration)

    code, said = _refusal("--data", str(data_folder), "--port", "0")

    assert code == 78
    assert sentence in said and "Traceback" not in said
    assert not (data_folder / "postgres").exists()


def test_a_long_path_and_a_strict_umask_shut_nobody_out(appliance: RunningAppliance) -> None:
    """Unix sockets allow some hundred bytes: a longer data path gets its sockets elsewhere. Hardened machines give root
    077: the servers' user can still walk to the programs it has to run."""
    appliance.data = appliance.data.parent / ("long-" * 20) / "data"
    appliance.data.parent.mkdir(mode=0o755)
    before = os.umask(0o077)
    try:
        appliance.start()
    finally:
        os.umask(before)

    appliance.wait_ready()

    assert appliance.get("/healthz") == 200
