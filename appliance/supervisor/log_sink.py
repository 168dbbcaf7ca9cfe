"""One log for all children: their lines with their names, on the terminal and in a file that is kept small.

Our own processes write JSON lines when supervised; PostgreSQL, Valkey and llama.cpp write plain ones.
"""

from __future__ import annotations

import contextlib
import json
import logging.handlers
import re
import sys
from pathlib import Path
from typing import Any

from appliance.telemetry import REQUESTS, LoggingSettings, now, render_text

FILE_BYTES = 10 * 2**20
FILES_KEPT = 5
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_POSTGRES = re.compile(r"^.*?\b(DEBUG\d?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC):\s+(.*)$")
_POSTGRES_LEVELS = {"WARNING": "warning", "ERROR": "error", "FATAL": "error", "PANIC": "critical"}
# Said of every connection that comes while it starts or stops; that is no error of anybody's.
_POSTGRES_USUAL = "the database system is "
_VALKEY = re.compile(r"^\d+:\w (?:\d+ \w+ \d{4} [\d:.]+ )?[.\-*#] (.*)$")
_VALKEY_USUAL = "Memory overcommit must be enabled"
_GUESS = re.compile(r"\b(?:(error|fatal|critical|traceback)|(warn(?:ing)?))\b", re.IGNORECASE)


class LogSink:
    """Where every line goes. folder: DATA/logs. A full disk costs lines, never the appliance."""

    def __init__(self, folder: Path, settings: LoggingSettings) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / "appliance.log"
        self._file = logging.handlers.RotatingFileHandler(
            self.path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8"
        )
        self._file.handleError = lambda record: None  # type: ignore[method-assign]
        self.path.chmod(0o600)
        is_terminal = sys.stderr.isatty()
        self._as_text = settings.format == "text" or (settings.format == "auto" and is_terminal)
        self._colours = is_terminal
        self._least = _LEVELS[settings.level]

    def child_line(self, child: str, line: str) -> None:
        """One line that a child wrote."""
        text = line.rstrip()
        if text:
            self._write(_parse(child, text))

    def say(self, message: str, level: str = "info") -> None:
        """One line of the supervisor's own."""
        self._write({"time": now(), "level": level, "process": "supervisor", "message": message})

    def close(self) -> None:
        self._file.close()

    def _write(self, fields: dict[str, Any]) -> None:
        if _LEVELS.get(str(fields.get("level")), 20) < self._least:
            return
        line = json.dumps(fields, ensure_ascii=False)
        self._file.emit(logging.makeLogRecord({"msg": line}))
        if self._as_text and fields.get("logger") == REQUESTS:
            return
        shown = render_text(fields, colours=self._colours) if self._as_text else line
        with contextlib.suppress(OSError):  # the terminal went away; the file is still there
            sys.stderr.write(f"{shown}\n")
            sys.stderr.flush()


def _parse(child: str, text: str) -> dict[str, Any]:
    if text.startswith("{"):
        try:
            fields = json.loads(text)
        except ValueError:
            fields = None
        if isinstance(fields, dict) and "message" in fields:
            return {"time": now(), "level": "info", **fields, "process": child}
    if child == "postgres":
        level, message = _parse_postgres(text)
    else:
        found = _VALKEY.match(text) if child == "valkey" else None
        message = found[1] if found else text
        level = _guess(message)
    return {"time": now(), "level": level, "process": child, "message": message}


def _parse_postgres(text: str) -> tuple[str, str]:
    found = _POSTGRES.match(text)
    if not found:
        return "info", text
    if found[1] == "LOG" or found[2].startswith(_POSTGRES_USUAL):
        return "debug", found[2]
    return _POSTGRES_LEVELS.get(found[1], "info"), found[2]


def _guess(message: str) -> str:
    if _VALKEY_USUAL in message:
        return "debug"
    found = _GUESS.search(message)
    if not found:
        return "info"
    return "error" if found[1] else "warning"
