"""What became of the last backups, in DATA/backup-status.json: for doctor, for the metrics, for whoever looks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.bootstrap.backups.making import Made
from appliance.supervisor.secret_files import write_private

_NAME = "backup-status.json"


@dataclass(frozen=True, slots=True)
class BackupStatus:
    """Times in ISO 8601; empty where there was none. failure: why the last one failed; empty when it did not.

    tried_at: of the last trial restore that had every row, of this backup or of one before.
    """

    succeeded_at: str = ""
    folder: str = ""
    size_bytes: int = 0
    seconds: float = 0.0
    is_verified: bool = False
    failed_at: str = ""
    failure: str = ""
    tried_at: str = ""

    def age_s(self, now: datetime) -> float | None:
        """Since the moment that the last good one is of; None where there is none."""
        if not self.succeeded_at:
            return None
        return (now - datetime.fromisoformat(self.succeeded_at)).total_seconds()


def read_status(data: Path) -> BackupStatus:
    """Of a box; all empty before its first backup, and where the file cannot be read."""
    try:
        return BackupStatus(**json.loads((data / _NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return BackupStatus()


def note_success(data: Path, made: Made) -> None:
    """Of any backup, by hand or by night."""
    tried_at = datetime.now(UTC).isoformat() if made.is_verified else read_status(data).tried_at
    _write(
        data,
        BackupStatus(
            succeeded_at=made.manifest.created_at.isoformat(),
            folder=made.where,
            size_bytes=made.size_bytes,
            seconds=round(made.seconds, 1),
            is_verified=made.is_verified,
            tried_at=tried_at,
        ),
    )


def note_failure(data: Path, reason: str) -> None:
    """The last good one stays known."""
    _write(data, replace(read_status(data), failed_at=datetime.now(UTC).isoformat(), failure=reason))


def _write(data: Path, status: BackupStatus) -> None:
    write_private(data / _NAME, json.dumps(asdict(status), indent=1) + "\n")
