"""What administrators are told of backups. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

RunState = Literal["waiting", "running", "ending"]


@dataclass(frozen=True, slots=True)
class GoodBackup:
    """made_at: the moment it is of. place: its folder or address. is_verified: a trial restore had every row."""

    made_at: datetime
    place: str
    size_bytes: int
    seconds: float
    is_verified: bool


@dataclass(frozen=True, slots=True)
class BackupRun:
    """The one that is being made. waiting: the worker has not begun; ending: it was cancelled, and clears away.

    step: counting, database, files, trial or sending; empty before the first.
    """

    state: RunState
    started_at: datetime | None = None
    step: str = ""
    size_bytes: int = 0
    files: int = 0
    of_files: int = 0


@dataclass(frozen=True, slots=True)
class BackupStatus:
    """folder: where they are kept; empty: none are made. hour: of the machine's clock.

    tried_at: of the last trial restore that had every row, of this backup or of one before.
    failure: why the last attempt failed, as the operator is told it.
    """

    folder: str
    hour: int
    max_age_hours: float
    last: GoodBackup | None = None
    tried_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str = ""
    run: BackupRun | None = None

    def is_old(self, now: datetime) -> bool:
        """Whether the last good one is older than it should be, or there is none."""
        return self.last is None or (now - self.last.made_at).total_seconds() > self.max_age_hours * 3600
