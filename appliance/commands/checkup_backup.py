"""What `appliance doctor` says of the backups."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from appliance.bootstrap.backups.status import BackupStatus, read_status
from appliance.bootstrap.box import Box
from appliance.commands.findings import Finding, Verdict

_NOW = "appliance backup --verify"


def backup_findings(box: Box) -> Iterator[Finding]:
    """Is there one, is it young enough, and did the last attempt work?"""
    settings, status = box.settings.backup, read_status(box.data)
    yield from told_of(
        status,
        status.age_s(datetime.now(UTC)),
        is_nightly=bool(settings.folder),
        max_age_hours=settings.max_age_hours,
    )


def told_of(
    status: BackupStatus, age_s: float | None, *, is_nightly: bool, max_age_hours: float
) -> Iterator[Finding]:
    """age_s: of the last good one."""
    if status.failure:
        sentence = (
            f"The last attempt failed on {status.failed_at[:16].replace('T', ' ')} UTC: {status.failure}"
        )
        yield Finding("backup", Verdict.WARN, sentence, f"Remedy that, then: {_NOW}")
    if age_s is None:
        if is_nightly:
            yield Finding("backup", Verdict.WARN, "There is none yet; the first one is made by itself.", _NOW)
        else:
            remedy = "Set backup.folder and backup.passphrase_file in appliance.toml, and start it again."
            yield Finding("backup", Verdict.WARN, "None has been made, and none is made by itself.", remedy)
        return
    hours = age_s / 3600
    tried = "a trial restore had every row" if status.is_verified else "not tried"
    sentence = f"The last good one is {hours:.0f} hours old, {tried}: {status.folder}."
    if hours > max_age_hours:
        remedy = _NOW if is_nightly else f"{_NOW} --to FOLDER; set backup.folder to have it every night."
        yield Finding("backup", Verdict.FAIL, sentence, remedy)
    else:
        yield Finding("backup", Verdict.OK, sentence)
