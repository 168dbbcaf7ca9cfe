"""Changing one setting in appliance.toml: comments and order stay, and nothing is written that would not start."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError
from tomlkit.items import Table

from appliance.commands.failures import CommandFailed
from appliance.errors import StartupError
from appliance.settings import load_settings


def change(path: Path, assignments: Sequence[str]) -> None:
    """assignments: KEY=VALUE, the value as TOML writes it; a bare word counts as text. Raises CommandFailed."""
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        document = tomlkit.parse(before)
    except (OSError, UnicodeDecodeError, ParseError) as error:
        raise CommandFailed(f"{path} cannot be read: {error}. Correct that first.") from error
    for assignment in assignments:
        _set(document, assignment)
    _write(path, tomlkit.dumps(document))


def _set(document: tomlkit.TOMLDocument, assignment: str) -> None:
    key, equals, value = assignment.partition("=")
    try:
        names = _names(key)
    except ParseError:
        names = []
    if not equals or not names:
        raise CommandFailed(f"{assignment!r} sets nothing. Write it as server.workers=2.")
    try:
        parsed = tomlkit.value(value)
    except (ParseError, ValueError):
        parsed = tomlkit.string(value)
    place: tomlkit.TOMLDocument | Table = document
    try:
        for name in names[:-1]:
            if name not in place:
                place[name] = tomlkit.table()
            place = place[name]  # type: ignore[assignment]
        place[names[-1]] = parsed
    except (TypeError, TOMLKitError) as error:
        raise CommandFailed(f"{key} cannot be set there: {error}.") from error


def _names(key: str) -> list[str]:
    """The parts of a dotted key, quoted ones among them: models.aliases."gpt-4o"."""
    found: list[str] = []
    table: Any = tomlkit.parse(f"{key.strip()} = 0").unwrap()
    while isinstance(table, dict):
        ((name, table),) = table.items()
        found.append(name)
    return found


def _write(path: Path, text: str) -> None:
    """Whole or not at all, with the rights and the owner that it had (0600 where it is new)."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if path.exists():
                status = path.stat()
                os.fchmod(file.fileno(), status.st_mode & 0o777)
                if os.geteuid() == 0:
                    os.fchown(file.fileno(), status.st_uid, status.st_gid)
            elif os.geteuid() == 0:
                folder = path.parent.stat()
                os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        load_settings(fresh)
        fresh.replace(path)
    except StartupError as error:
        raise CommandFailed(f"Nothing was changed. {error.detail.replace(str(fresh), str(path))}") from error
    finally:
        fresh.unlink(missing_ok=True)
