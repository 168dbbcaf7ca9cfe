"""`appliance demo fairness`, as a person starts it: a real gateway, a real llama.cpp, and nothing left afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.supervisor.conftest import wait_until

pytestmark = pytest.mark.slow


@contextmanager
def started(temporary: Path, *words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The command, with a temporary folder of its own to look into; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance", "demo", "fairness", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary), **environment},
        process_group=0,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Empty, and every user can walk to it."""
    folder = Path(tempfile.mkdtemp(prefix="apl-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def processes_of(folder: Path) -> list[int]:
    """Everything whose command line names the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in line:
            found.append(int(entry.name))
    return found


def children_of(pid: int) -> set[str]:
    """The module names its children were started with."""
    names = set()
    for child in Path(f"/proc/{pid}/task").glob("*/children"):
        for number in child.read_text().split():
            try:
                words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            names |= {
                word.decode() for word in words if b"box_process" in word or b"llama_cpp_server" in word
            }
    return names


@pytest.mark.battery
def test_fair_shares_beat_first_come_first_served(temporary: Path) -> None:
    """Beside one greedy person everybody else waits less when it is fair, the engine is as busy, nobody is refused."""
    words = ("--seconds", "4", "--greedy", "16", "--json")
    # What a running box is configured with must not reach the throwaway one.
    with started(
        temporary, *words, APPLIANCE_SERVER__PORT="1", APPLIANCE_VALKEY__URL="redis://nowhere:1"
    ) as demo:
        output, errors = demo.communicate(timeout=100)

    assert demo.returncode == 0, errors
    phases = json.loads(output)["phases"]
    alone, first_come, fair = phases["alone"], phases["first_come"], phases["fair"]
    assert 2 * fair["ratio_p50"] < first_come["ratio_p50"]
    assert 2 * fair["ratio_p95"] < first_come["ratio_p95"]
    assert alone["ttft_p50_ms"] < first_come["ttft_p50_ms"]
    assert first_come["slots_used"] > 0.5 and fair["slots_used"] > 0.5
    for figures in phases.values():
        assert figures["asked"] == figures["answered"] > 0
        assert figures["refused"] == figures["failed"] == 0
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_early_end_leaves_nothing_behind(temporary: Path, number: signal.Signals, code: int) -> None:
    """Ctrl-C or SIGTERM in the middle: no process and no file of it is left."""
    with started(temporary) as demo:
        wait_until(
            lambda: (
                any(temporary.glob("appliance-demo-*/data/credentials.json"))
                and len(children_of(demo.pid)) == 2
            ),
            "box and engine run",
        )
        demo.send_signal(number)
        _, errors = demo.communicate(timeout=60)

    assert demo.returncode == code, errors
    assert list(temporary.iterdir()) == []
    wait_until(lambda: processes_of(temporary) == [], "all processes have ended")


def test_a_killed_demonstration_takes_its_box_along(temporary: Path) -> None:
    """SIGKILL cannot be answered; the box notices, stops and removes its data."""
    with started(temporary) as demo:
        wait_until(lambda: any(temporary.glob("appliance-demo-*/data/credentials.json")), "the box runs")
        demo.kill()
        demo.communicate(timeout=60)

    wait_until(lambda: processes_of(temporary) == [], "all processes have ended")
    wait_until(lambda: not any(temporary.glob("appliance-demo-*/data")), "the data is gone")


def test_wrong_numbers_are_refused_before_anything_starts(temporary: Path) -> None:
    """Exit code 2, and what is allowed."""
    with started(temporary, "--polite", "0") as demo:
        _, errors = demo.communicate(timeout=60)

    assert demo.returncode == 2
    assert "--polite" in errors and "1" in errors
    assert list(temporary.iterdir()) == []
