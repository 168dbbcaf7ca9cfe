"""What people asked for and how far it is, in files: so it outlives whoever asked, and whoever gets it.

A folder per pull, named as the model will be:
order.json      what is wanted, of whom
progress.json   how far it is, written some times a second
outcome.json    how it ended; absent while it has not
cancelled       it is to end, and all of it to go away
lock            held by the process that gets it, for as long as it lives
files, plan.json are of inference.getting.pulling.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from inference.getting.progress import Progress
from inference.library import check_name
from inference.types import ModelKind

PullState = Literal["waiting", "running", "failed", "done", "ending"]


@dataclass(frozen=True, slots=True)
class Order:
    """source: as inference.getting.sources reads it. actor: who asked. asked_at: ISO 8601.

    for_search: once it is there, the index goes over to it. licence, kind: of the catalogue; empty, None: the source's.
    """

    name: str
    source: str
    actor: str = ""
    asked_at: str = ""
    kind: ModelKind | None = None
    licence: str = ""
    for_search: bool = False


@dataclass(frozen=True, slots=True)
class Pull:
    """code, detail: why it failed. ended_at: ISO 8601; empty while it has not."""

    order: Order
    state: PullState
    progress: Progress
    code: str = ""
    detail: str = ""
    ended_at: str = ""


class PullDesk:
    """folder: where the pulls' folders are, on the disk of the library; need not exist. Every method blocks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, name: str) -> Path:
        """The pull's folder."""
        return self._folder / check_name(name)

    def pulls(self) -> list[Pull]:
        """All that is known of, by name; those that are done until their name is asked for again."""
        if not self._folder.is_dir():
            return []
        found = (self._read(place) for place in sorted(self._folder.iterdir()) if place.is_dir())
        return [pull for pull in found if pull is not None]

    def find(self, name: str) -> Pull | None:
        return self._read(self.place(name))

    def ask(self, order: Order) -> bool:
        """Put it there, or again where it failed or is long done. False: it waits or runs already.

        What an attempt at another source left under this name goes away. Raises OSError.
        """
        place = self.place(order.name)
        before = self._read(place)
        if before is not None and before.state in ("waiting", "running", "ending"):
            return False
        if before is not None and before.order.source != order.source:
            shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
        _write(place / "order.json", asdict(order))
        for name in ("outcome.json", "cancelled"):
            (place / name).unlink(missing_ok=True)
        return True

    def cancel(self, name: str) -> bool:
        """Whatever has come of it goes away soon. False: there is no such pull."""
        place = self.place(name)
        if self._read(place) is None:
            return False
        (place / "cancelled").touch(mode=0o600)
        return True

    def is_cancelled(self, name: str) -> bool:
        return (self.place(name) / "cancelled").exists()

    def forget(self, name: str) -> None:
        """The pull and all that came of it; the installed model stays."""
        shutil.rmtree(self.place(name), ignore_errors=True)

    def tell(self, name: str, progress: Progress) -> None:
        _write(self.place(name) / "progress.json", asdict(progress))

    def end(self, name: str, code: str = "", detail: str = "") -> None:
        """code: why it failed; empty: it is done."""
        told = {"code": code, "detail": detail, "ended_at": datetime.now(UTC).isoformat()}
        _write(self.place(name) / "outcome.json", told)

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """False: another process gets it."""
        descriptor = os.open(self.place(name) / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(descriptor)

    def _read(self, place: Path) -> Pull | None:
        told = _json(place / "order.json")
        try:
            order = Order(**told)
            progress = Progress(**_json(place / "progress.json"))
        except TypeError:
            return None
        outcome = _json(place / "outcome.json")
        state = self._state(place, outcome)
        return Pull(
            order,
            state,
            progress,
            str(outcome.get("code", "")),
            str(outcome.get("detail", "")),
            str(outcome.get("ended_at", "")),
        )

    def _state(self, place: Path, outcome: dict[str, Any]) -> PullState:
        if (place / "cancelled").exists():
            return "ending"
        if outcome:
            return "failed" if outcome.get("code") else "done"
        return "running" if _is_held(place / "lock") else "waiting"


def _is_held(lock: Path) -> bool:
    try:
        file = lock.open("rb")
    except OSError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _write(path: Path, told: dict[str, Any]) -> None:
    """Whole or not at all."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(told), encoding="utf-8")
    unfinished.replace(path)
