"""An environment of its own for other people's client libraries, made once and kept under ~/.cache.

They must not meet our own pinned packages. Without a package registry the tests that need it are skipped by name.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "appliance-tests"


def client_python(*requirements: str) -> Path:
    """The interpreter of an environment that has these packages. Skips the test when they cannot be installed."""
    name = hashlib.sha256("\n".join((sys.version, *requirements)).encode()).hexdigest()[:12]
    folder = _CACHE / name
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    make = [uv, "venv", "-q", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
    install = [uv, "pip", "install", "-q", "--python"] if uv else []
    commands = [
        [*make, str(folder)],
        [*install, str(python), *requirements]
        if uv
        else [str(python), "-m", "pip", "install", "-q", *requirements],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            pytest.skip(f"{', '.join(requirements)} cannot be installed here: {last[:200]}")
    (folder / "complete").touch()
    return python
