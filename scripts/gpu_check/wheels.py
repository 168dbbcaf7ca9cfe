"""Installs wheels that were carried to a machine without a package index, beside its own packages. Standard library."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

_FOLDER = Path(tempfile.gettempdir()) / "gpu-check-packages"


def install(wheels: Path, folder: Path = _FOLDER) -> Path | None:
    """The folder for PYTHONPATH; None where it is on it already. Raises SystemExit where there are no wheels."""
    if str(folder) in sys.path:
        return None
    if (folder / "complete").exists():
        return folder
    files = sorted(map(str, wheels.glob("*.whl")))
    if not files:
        raise SystemExit(f"{wheels} holds no wheels: make them with `python -m scripts.gpu_check.pack`.")
    words = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "--no-compile",
        "--upgrade",
    ]
    subprocess.run([*words, "--root-user-action", "ignore", "--target", str(folder), *files], check=True)
    folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
    (folder / "complete").touch()
    return folder
