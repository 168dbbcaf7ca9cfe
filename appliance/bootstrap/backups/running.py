"""What is told between the gateway and the worker about the backup that is being made, in files of the data folder.

backup-asked        somebody wants one; the worker takes it up, again after a crash, and removes it at the end
backup-running      locked by the process that makes one, for as long as it lives; in it how far it is
backup-cancelled    it is to end

Not in the database: that is what is being backed up, and a restored box would take up what is long over.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.storage.backups.steps import Step

_ASKED, _RUNNING, _CANCELLED = "backup-asked", "backup-running", "backup-cancelled"
_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class BackupFiles:
    """data: the data folder."""

    data: Path

    @property
    def is_asked(self) -> bool:
        return (self.data / _ASKED).exists()

    @property
    def is_cancelled(self) -> bool:
        return (self.data / _CANCELLED).exists()

    def ask(self) -> bool:
        """False: somebody has asked already."""
        try:
            os.close(os.open(self.data / _ASKED, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        return True

    def cancel(self) -> None:
        """Also one that has not begun."""
        (self.data / _CANCELLED).touch(mode=0o600)
        (self.data / _ASKED).unlink(missing_ok=True)

    def begin(self) -> None:
        """Forget what was cancelled before."""
        (self.data / _CANCELLED).unlink(missing_ok=True)

    def end(self) -> None:
        """What was asked for is done."""
        (self.data / _ASKED).unlink(missing_ok=True)
        (self.data / _CANCELLED).unlink(missing_ok=True)

    def progress(self) -> dict[str, Any] | None:
        """Of the process that makes one; None where there is none; empty before it has told anything."""
        try:
            file = (self.data / _RUNNING).open("rb")
        except FileNotFoundError:
            return None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                try:
                    told = json.loads(file.read())
                except ValueError:
                    return {}
                return told if isinstance(told, dict) else {}
        return None

    @contextmanager
    def telling(self) -> Iterator[Callable[[Step], None] | None]:
        """For the process that makes one: takes its steps. None: another process makes one already."""
        descriptor = os.open(self.data / _RUNNING, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield _Teller(descriptor).tell
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)


class _Teller:
    """Writes twice a second at most, and every new step. One write a time: a reader finds the old or the new."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._started_at = datetime.now(UTC).isoformat()
        self._step, self._last = "", 0.0
        self._write({})

    def tell(self, step: Step) -> None:
        now = time.monotonic()
        if step.name == self._step and now - self._last < _EVERY_S:
            return
        self._step, self._last = step.name, now
        self._write(asdict(step))

    def _write(self, step: dict[str, Any]) -> None:
        told = json.dumps({"started_at": self._started_at, **step}).encode()
        os.pwrite(self._descriptor, told.ljust(512), 0)
