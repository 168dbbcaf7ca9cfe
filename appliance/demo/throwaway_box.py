"""A box for a minute: the real gateway with its databases, in a temporary folder that goes with it.

It shares nothing with a box that runs already: own folder, own port, and none of the caller's APPLIANCE_* variables.
It has no documents and no page; engines are whatever the configuration names.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

import appliance
from appliance.errors import StartupError
from appliance.supervisor.parting import ends_with_us
from appliance.supervisor.state import ChildState, ChildStatus, read_state

_START_S = 60.0
_STOP_S = 10.0
_LOOK_S = 0.05
_LINES_TOLD = 12


@dataclass(frozen=True, slots=True)
class ThrowawayBox:
    """A box that answers. url: no slash at the end, no /v1. key: its administrator's."""

    data: Path
    url: str
    key: str

    def pids_of(self, part: str) -> list[int]:
        """The processes of `gateway` (one per worker), `postgres` or `valkey`."""
        return [child.pid for child in _children(self.data, part) if child.pid is not None]

    async def new_key(self, session: aiohttp.ClientSession, name: str) -> str:
        """Adds a person and returns a key of theirs."""
        headers = {"authorization": f"Bearer {self.key}"}
        person = {"email": f"{name}@demo.example"}
        async with session.post(f"{self.url}/api/users", json=person, headers=headers) as made:
            made.raise_for_status()
            user = (await made.json())["id"]
        async with session.post(f"{self.url}/api/keys", json={"user_id": user}, headers=headers) as made:
            made.raise_for_status()
            return str((await made.json())["key"])


@asynccontextmanager
async def throwaway_box(configuration: str) -> AsyncIterator[ThrowawayBox]:
    """Yields when it answers; at the end its processes and its folder are gone. configuration: its appliance.toml.

    Raises StartupError with what it said.
    """
    folder = _new_folder(configuration)
    data, output = folder / "data", folder / "output.txt"
    try:
        process = _start(data, output)
        try:
            yield await _answering(data, process, output)
        finally:
            await asyncio.to_thread(_stop, process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _new_folder(configuration: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="appliance-demo-"))
    folder.chmod(0o711)  # PostgreSQL runs as another user where we are root
    data = folder / "data"
    data.mkdir(mode=0o711)
    (data / "appliance.toml").write_text(configuration, encoding="utf-8")
    return folder


def _start(data: Path, output: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APPLIANCE_")}
    root = str(Path(appliance.__file__).resolve().parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    with output.open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "appliance.demo.box_process", "--data", str(data)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours; it is stopped in order, by us
            preexec_fn=ends_with_us(signal.SIGTERM),
        )


async def _answering(data: Path, process: subprocess.Popen[bytes], output: Path) -> ThrowawayBox:
    async with asyncio.timeout(_START_S):
        while True:
            if process.poll() is not None:
                raise StartupError(f"The throwaway box did not start. It said:\n{_last_lines(output)}")
            gateways = _children(data, "gateway")
            if gateways and all(gateway.state is ChildState.READY for gateway in gateways):
                kept = json.loads((data / "credentials.json").read_text(encoding="utf-8"))
                return ThrowawayBox(data, str(kept["url"]), str(kept["api_key"]))
            await asyncio.sleep(_LOOK_S)


def _children(data: Path, part: str) -> list[ChildStatus]:
    state = read_state(data)
    children = state.children if state is not None else {}
    return [child for name, child in children.items() if name == part or name.startswith(f"{part}-")]


def _last_lines(output: Path) -> str:
    return "\n".join(output.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_LINES_TOLD:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its children end with it
        process.wait()
