"""The stop switch: a file beside the data, so that it works while nothing else does, and can be thrown by hand.

Whatever lies there stops everything that leaves, a folder or an empty file too; what it says is only told to people.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from appliance.domain.egress import EgressStop


class StopFile:
    """Fulfils inference.egress.Switch. by_settings: `egress.stopped`."""

    def __init__(self, path: Path, *, by_settings: bool = False) -> None:
        self._path, self._by_settings = path, by_settings

    def stopped(self) -> str:
        if self._by_settings:
            return "The setting egress.stopped is true."
        try:
            os.lstat(self._path)
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"{self._path} cannot be looked at: {error.strerror}."
        return f"{self._path.name} lies in the data folder."

    def read(self) -> EgressStop | None:
        """Who stopped it; None: it is not stopped."""
        if self._by_settings:
            return EgressStop(None, by_settings=True)
        if not self.stopped():
            return None
        try:
            since = datetime.fromtimestamp(os.lstat(self._path).st_mtime, UTC)
        except OSError:
            return EgressStop(None)
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            return EgressStop(since, str(told.get("actor", "")), str(told.get("reason", "")))
        except (OSError, ValueError, AttributeError):
            return EgressStop(since)

    def throw(self, actor: str, reason: str = "") -> bool:
        """From now on nothing leaves. Returns False where it was stopped already. Raises OSError."""
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(
            descriptor, "w", encoding="utf-8"
        ) as file:  # an empty file stops as well: no room is needed
            json.dump({"actor": actor, "reason": reason}, file, ensure_ascii=False)
        return True

    def release(self) -> bool:
        """What is allowed may leave again. Returns False where no file lay there. Raises OSError."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True
