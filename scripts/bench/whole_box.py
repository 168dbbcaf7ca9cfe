"""A whole appliance in a temporary folder, with its worker, embedder and llama.cpp, for measurements of documents.

It shares nothing with a box that runs already: own folder, own port, and none of the caller's APPLIANCE_* variables.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import appliance
from appliance.supervisor.state import read_state

MODEL = "tiny"
_START_S, _STOP_S = 300.0, 60.0
_CONFIGURATION = f"""
[engines.tiny]
engine = "llama_cpp"
model_path = "{Path(appliance.__file__).parent / "demo" / "tiny-llama.gguf"}"
model_name = "{MODEL}"
slots = 4
context_tokens = 1024
cache_ram_mib = 16
"""


@contextmanager
def whole_box(more: str = "") -> Iterator[Path]:
    """Yields the data folder of a box whose embedder and engine answer; no trace of it stays. more: configuration."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
    data, process = folder / "data", None
    data.mkdir()
    (data / "appliance.toml").write_text(_CONFIGURATION + more, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APPLIANCE_")}
    words = [sys.executable, "-m", "appliance", "up", "--port", "0", "--no-sample", "--data", str(data)]
    try:
        with (folder / "output.txt").open("wb") as said:
            environment["APPLIANCE_SERVER__RUN_PAGE"] = "false"
            process = subprocess.Popen(words, env=environment, stdout=said, stderr=subprocess.STDOUT)
        _wait_until(lambda: _is_ready(data, process.pid), process, folder / "output.txt")
        yield data
    finally:
        if process is not None:
            _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _is_ready(data: Path, pid: int) -> bool:
    state = read_state(data)
    if state is None or state.pid != pid or not (data / "credentials.json").exists():
        return False
    try:
        with urllib.request.urlopen(f"{state.url}/readyz", timeout=5) as answer:
            health = json.loads(answer.read())
    except (urllib.error.URLError, OSError):
        return False
    return bool(health["parts"].get("embedder") == "ready" and health["engines"].get(MODEL) == "ready")


def _wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"The box did not start. It said:\n{output.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
