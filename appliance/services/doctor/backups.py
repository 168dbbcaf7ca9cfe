"""Is there a backup, is it young enough, was it tried, and does it lie apart from the data?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.services.doctor.findings import Finding, error, ok, warning
from appliance.services.doctor.ways import Ways


@dataclass(frozen=True, slots=True)
class BackupReading:
    """age_s: of the last good one, None where there is none. is_same_disk: as the data's.

    is_tried: a trial restore of it had every row; tried_at: when one last had, of it or one before. Times in ISO 8601.
    """

    age_s: float | None
    max_age_hours: float
    is_nightly: bool
    folder: str = ""
    is_tried: bool = False
    tried_at: str = ""
    failed_at: str = ""
    failure: str = ""
    is_same_disk: bool = False


def backup_findings(seen: BackupReading, ways: Ways) -> Iterator[Finding]:
    """What somebody who has lost the machine would ask."""
    now = ways.appliance("backup --verify")
    if seen.failure:
        date = f"{seen.failed_at[:16].replace('T', ' ')} UTC"
        yield warning("backup.failed", now, date=date, detail=seen.failure)
    if seen.is_same_disk and seen.is_nightly:
        command = ways.set("backup.folder", '"/mnt/backups/appliance"')
        yield warning("backup.same_disk", command)
    if seen.age_s is None:
        if seen.is_nightly:
            yield warning("backup.first", now)
        else:
            yield warning("backup.none", ways.set("backup.folder", '"/mnt/backups/appliance"'))
        return
    hours = int(seen.age_s / 3600)
    if hours > seen.max_age_hours:
        command = now if seen.is_nightly else f"{now} --to {seen.folder.rpartition('/')[0] or 'FOLDER'}"
        yield error("backup.old", command, hours=hours, most=seen.max_age_hours, folder=seen.folder)
    else:
        yield ok("backup.ok", hours=hours, folder=seen.folder)
    date = seen.tried_at[:10] or "–"
    yield ok("backup.tried", date=date) if seen.is_tried else warning("backup.untried", now, date=date)
