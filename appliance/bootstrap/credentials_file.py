"""DATA/credentials.json: what the operator is told at the first start, for the command line to find later."""

from __future__ import annotations

import json
from pathlib import Path

from appliance.supervisor.secret_files import write_private


def read_credentials(path: Path) -> dict[str, str]:
    """Empty when there is none, or none that can be understood."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def write_credentials(path: Path, *, url: str, email: str, password: str, api_key: str) -> None:
    """Mode 0600; there wholly or not at all."""
    _write(path, {"url": url, "email": email, "password": password, "api_key": api_key})


def refresh_url(path: Path, url: str) -> None:
    """The port may be another one this time; whoever reads the file should find us."""
    values = read_credentials(path)
    if values and values.get("url") != url:
        _write(path, {**values, "url": url})


def drop_password(path: Path, email: str) -> None:
    """Take the password of that person out of the file; the rest stays."""
    values = read_credentials(path)
    if "password" in values and values.get("email") == email:
        _write(path, {name: value for name, value in values.items() if name != "password"})


def _write(path: Path, values: dict[str, str]) -> None:
    write_private(path, json.dumps(values, indent=2) + "\n")
