"""A whole appliance in a process of its own, as `appliance up` starts it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.supervisor.state import SupervisorState, read_state, started_ticks

PATIENCE_S = 300.0


def wait_until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Look again until it is so; fail by name when it never is."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"never: {what}")
        time.sleep(0.02)


@dataclass
class RunningAppliance:
    """`appliance up` on a port the system chose."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ("--no-sample",)
    process: subprocess.Popen[str] | None = None

    def start(self, *words: str) -> None:
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("APPLIANCE_")},
            "APPLIANCE_SERVER__RUN_PAGE": "false",
            **self.environment,
        }
        self.output = (self.data.parent / "output.txt").open("a", encoding="utf-8")
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "appliance",
                "up",
                "--port",
                "0",
                "--data",
                str(self.data),
                *self.options,
                *words,
            ],
            env=environment,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def text(self) -> str:
        """What was printed so far."""
        return (self.data.parent / "output.txt").read_text(encoding="utf-8")

    @property
    def state(self) -> SupervisorState | None:
        """None until this very process has written its state."""
        state = read_state(self.data)
        return state if state is not None and state.pid == self.pid else None

    def child_is(self, name: str, wanted: str) -> bool:
        state = self.state
        return state is not None and name in state.children and state.children[name].state == wanted

    def is_back(self, name: str, before: int) -> bool:
        """Whether it is ready under another number; both are of one look at the state."""
        state = self.state
        child = None if state is None else state.children.get(name)
        return child is not None and child.state == "ready" and child.pid not in (before, None)

    def pid_of(self, name: str) -> int:
        assert self.state is not None
        pid = self.state.children[name].pid
        assert pid is not None
        return pid

    def wait_ready(self) -> None:
        assert self.process is not None

        def ready() -> bool:
            if self.process is not None and self.process.poll() is not None:
                pytest.fail(f"it ended with {self.process.returncode}:\n{self.text}")
            return self.gateways_are_ready() and "is ready" in self.text

        wait_until(ready, "the gateway is ready")

    def gateways_are_ready(self) -> bool:
        """All of them, however many there are."""
        state = self.state
        ours = (
            [] if state is None else [c for name, c in state.children.items() if name.startswith("gateway")]
        )
        return bool(ours) and all(child.state == "ready" for child in ours)

    def get(self, path: str, timeout_s: float = PATIENCE_S) -> int:
        assert self.state is not None
        with urllib.request.urlopen(self.state.url + path, timeout=timeout_s) as response:
            return int(response.status)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.output.close()

    def processes(self) -> dict[int, int]:
        """Everything that runs for this data folder: pid and start time, grandchildren included."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                line = (entry / "cmdline").read_bytes() + b" " + os.fsencode((entry / "cwd").readlink())
            except OSError:
                continue
            ticks = started_ticks(int(entry.name))
            if os.fsencode(self.data) in line and ticks is not None and int(entry.name) != os.getpid():
                found[int(entry.name)] = ticks
        return found


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """An empty place that every user can walk to and whose path is short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="apl-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder / "data"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def appliance(data_folder: Path) -> Iterator[RunningAppliance]:
    """Not started yet; stopped, by force if need be, at the end."""
    running = RunningAppliance(data_folder)
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()
    for pid in running.processes():
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def started_once(appliance: RunningAppliance) -> RunningAppliance:
    """Not running; what a first start makes is there already."""
    from tests.whole_box import empty_data  # it needs this file itself

    subprocess.run(["cp", "-a", str(empty_data()), str(appliance.data)], check=True)
    return appliance
