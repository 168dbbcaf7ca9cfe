"""What a first and a later start cost: seconds to /readyz, megabytes on disk, memory of every process.

    python scripts/measure_start.py [--cold] [--again 3] [--python /usr/bin/python3.12]

Clones the last commit into an empty folder and runs `./setup.sh run` there, as a new user would, with an empty package
cache (--cold) or the one that is there. Memory is PSS: a shared page is divided among those who share it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("gateway", "worker", "embedding", "ui", "forkserver", "postgres", "valkey", "up")


def wait_until(url: str, wanted: str, started: float, limit_s: float = 600) -> float:
    """Seconds from `started` until the answer holds `wanted`."""
    while time.perf_counter() - started < limit_s:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if wanted in answer.read().decode():
                    return time.perf_counter() - started
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.02)
    raise SystemExit(f"{url} did not answer within {limit_s:.0f} s")


def descendants(pid: int) -> list[int]:
    """The process and everything it started."""
    children = defaultdict(list)
    for entry in (path.name for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            parent = int(Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        children[parent].append(int(entry))
    found = [pid]
    for one in found:
        found += children[one]
    return found


def memory_mb(pid: int) -> dict[str, float]:
    """PSS by kind of process."""
    total: dict[str, float] = defaultdict(float)
    for one in descendants(pid):
        try:
            words = Path(f"/proc/{one}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        pss = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        name = next(
            (name for name in NAMES if name in words), "parser" if "multiprocessing" in words else words[:30]
        )
        total[name] += pss / 1024
    return dict(total)


def folder_mb(folder: Path) -> float:
    """On disk, hard links once."""
    seen, total = set(), 0
    for path in folder.rglob("*"):
        status = path.lstat()
        if status.st_ino not in seen:
            seen.add(status.st_ino)
            total += status.st_blocks * 512
    return total / 1e6


def start(
    checkout: Path, data: Path, port: int, environment: dict[str, str]
) -> tuple[subprocess.Popen[bytes], float, float]:
    """The process, seconds to /readyz, and seconds until the page's own server is there too."""
    started = time.perf_counter()
    words = ["./setup.sh", "run", "--port", str(port), "--data", str(data)]
    process = subprocess.Popen(
        words, cwd=checkout, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    url = f"http://127.0.0.1:{port}/readyz"
    ready = wait_until(url, '"status":"ready"', started)
    return process, ready, wait_until(url, '"ui":"ready"', started)


def stop(process: subprocess.Popen[bytes]) -> float:
    """Seconds from SIGTERM to the end."""
    started = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    return time.perf_counter() - started


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cold", action="store_true", help="with an empty package cache")
    parser.add_argument("--again", type=int, default=3, help="later starts to measure")
    parser.add_argument("--python", default="", help="the interpreter to use")
    parser.add_argument("--port", type=int, default=18555)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="start-", dir="/tmp"))
    folder.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "APPLIANCE_VENV"}
    if arguments.cold:
        environment |= {"UV_CACHE_DIR": str(folder / "uv"), "PIP_CACHE_DIR": str(folder / "pip")}
    if arguments.python:
        environment["PYTHON"] = arguments.python
    try:
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder / "box")], check=True)
        process, ready, page = start(folder / "box", folder / "d", arguments.port, environment)
        time.sleep(20)  # the sample documents are read; what remains is the box at rest
        memory = memory_mb(process.pid)
        print(f"first start: /v1 {ready:.1f} s, page {page:.1f} s; stopped in {stop(process):.1f} s")
        print(
            f"disk: packages {folder_mb(folder / 'box' / '.venv'):.0f} MB, data {folder_mb(folder / 'd'):.0f} MB"
        )
        for _ in range(arguments.again):
            process, ready, page = start(folder / "box", folder / "d", arguments.port, environment)
            print(f"later start: /v1 {ready:.1f} s, page {page:.1f} s; stopped in {stop(process):.1f} s")
        print("memory (PSS, MB): " + json.dumps({name: round(value) for name, value in memory.items()}))
        print(f"memory in all: {sum(memory.values()):.0f} MB")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
