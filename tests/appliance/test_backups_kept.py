"""What becomes of backups by themselves: every night, in the metrics, in doctor's line."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from appliance.bootstrap.backups.contents import passphrase_of
from appliance.bootstrap.backups.making import Made
from appliance.bootstrap.backups.metrics import BackupMetrics
from appliance.bootstrap.backups.nightly import back_up_nightly, run_process, seconds_until_next
from appliance.bootstrap.backups.process import _run
from appliance.bootstrap.backups.running import BackupFiles
from appliance.bootstrap.backups.status import BackupStatus, note_failure, note_success, read_status
from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.doctor.examination import examine
from appliance.bootstrap.doctor.place import look_at
from appliance.commands.entry import run
from appliance.services.doctor.backups import BackupReading, backup_findings
from appliance.services.doctor.ways import Ways
from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.manifest import Manifest
from appliance.storage.backups.programs import PostgresPrograms

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MORNING = NOW - timedelta(hours=6)


def made(folder: Path, age: timedelta) -> Made:
    """A backup of that age."""
    manifest = Manifest(
        appliance_version="0.1.0",
        data_version=1,
        created_at=datetime.now(UTC) - age,
        box_id="b",
        postgres="18.4",
        migrations={},
        rows={},
        files=1,
        files_bytes=20,
        dump_bytes=300,
    )
    return Made(folder / "2026-11-21T02-00-00Z", manifest, 4.2, True, ())


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A data folder whose settings ask for backups."""
    (tmp_path / "passphrase").write_text("correct horse\n")
    (tmp_path / "appliance.toml").write_text(
        f'[backup]\nfolder = "{tmp_path}/backups"\npassphrase_file = "{tmp_path}/passphrase"\n'
    )
    return open_box(tmp_path)


@pytest.mark.parametrize(
    ("succeeded_h", "failed_h", "due_h"),
    [
        (10, None, 14),  # last night: at two again
        (30, None, 1 / 12),  # the box was off at night: five minutes after its start
        (None, None, 1 / 12),  # none yet
        (30, 0.5, 0.5),  # it failed: an hour later
        (30, 1.5, 1 / 60),  # that is over
        (1, 3, 14),  # one by hand went well since
    ],
)
def test_one_is_made_every_night_and_a_missed_one_is_made_up_for(
    succeeded_h: float | None, failed_h: float | None, due_h: float
) -> None:
    """At noon, five minutes after the start or long after: how long is waited."""
    began = NOW if failed_h is None else MORNING
    status = BackupStatus(
        succeeded_at="" if succeeded_h is None else (NOW - timedelta(hours=succeeded_h)).isoformat(),
        failed_at="" if failed_h is None else (NOW - timedelta(hours=failed_h)).isoformat(),
        failure="" if failed_h is None else "full",
    )

    assert seconds_until_next(NOW, 2, status, began) == pytest.approx(due_h * 3600)


async def test_without_a_folder_none_is_made_and_with_one_again_and_again(box: Box, tmp_path: Path) -> None:
    """Off by default; a night after the other."""
    slept: list[float] = []
    ran: list[Path] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    async def run_one(of: Box) -> None:
        ran.append(of.data)
        note_success(of.data, made(tmp_path, timedelta(hours=24)))  # a night passes

    with pytest.raises(asyncio.CancelledError):
        await back_up_nightly(box, run=run_one, sleep=sleep)
    (tmp_path / "appliance.toml").write_text("")
    await back_up_nightly(open_box(tmp_path), run=run_one, sleep=sleep)

    assert len(ran) == 2
    assert 60 <= slept[0] <= 300


async def test_one_that_somebody_asked_for_meanwhile_is_enough(box: Box, tmp_path: Path) -> None:
    """It was made, or is being made, when the time has come."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError
        if len(slept) == 2:
            another.close()
            note_success(box.data, made(tmp_path, timedelta(minutes=5)))

    async def never(_of: Box) -> None:
        raise AssertionError("one more was made")

    with ExitStack() as another, pytest.raises(asyncio.CancelledError):
        another.enter_context(BackupFiles(box.data).telling())
        await back_up_nightly(box, run=never, sleep=sleep)


def test_the_metrics_tell_the_last_one_its_age_and_a_failure(box: Box, tmp_path: Path) -> None:
    """Absent before the first, as the alert expects; a failure keeps what is known of the last good one."""
    registry = CollectorRegistry()
    registry.register(BackupMetrics(box))
    name = "appliance_backup_last_success_timestamp_seconds"
    assert registry.get_sample_value(name) is None
    assert registry.get_sample_value("appliance_backup_failing") == 0

    one = made(tmp_path, timedelta(hours=3))
    note_success(box.data, one)
    note_failure(box.data, "The disk is full.")

    assert registry.get_sample_value(name) == pytest.approx(one.manifest.created_at.timestamp())
    age = registry.get_sample_value("appliance_backup_age_seconds")
    assert age is not None
    assert age >= 3 * 3600
    assert registry.get_sample_value("appliance_backup_last_size_bytes") == 320
    assert registry.get_sample_value("appliance_backup_failing") == 1


def test_doctor_fails_when_the_last_good_one_is_too_old_and_says_what_to_do(box: Box, tmp_path: Path) -> None:
    """Young: ok. Old: fail, with the command. None yet, none wanted, or a failed attempt: a warning."""

    def found() -> list[tuple[str, str]]:
        told = examine(look_at(box.data), ["backup"])
        return [(one.id, one.severity.value) for one in told if one.id != "backup.same_disk"]

    assert found() == [("backup.first", "warning")]
    note_success(box.data, made(tmp_path, timedelta(hours=2)))
    assert found() == [("backup.ok", "ok"), ("backup.tried", "ok")]
    note_success(box.data, made(tmp_path, timedelta(hours=40)))
    note_failure(box.data, "The disk is full.")
    assert found() == [("backup.failed", "warning"), ("backup.old", "error"), ("backup.tried", "ok")]
    (off,) = backup_findings(BackupReading(None, 36, is_nightly=False), Ways())
    assert (off.id, "backup.folder" in off.remedy) == ("backup.none", True)


def test_a_failed_night_is_on_record_with_its_reason(box: Box, tmp_path: Path) -> None:
    """There is no database in this folder: the process says so, and so does the status afterwards."""
    assert _run(box, None) == 1
    assert "no database" in read_status(box.data).failure
    assert run(["backup", "--data", str(box.data)]) == 1


async def test_the_nightly_process_is_started_with_the_box_s_own_folder(box: Box) -> None:
    """A process of its own; what it could not do stands in the status."""
    await run_process(box)

    assert "no database" in read_status(box.data).failure


def test_a_passphrase_that_anybody_would_guess_is_refused(box: Box, tmp_path: Path) -> None:
    """With the command that makes a good one."""
    assert passphrase_of(box) == "correct horse"
    (tmp_path / "passphrase").write_text("1234\n")
    with pytest.raises(BackupError, match="openssl rand"):
        passphrase_of(box)


def test_a_program_that_is_waited_for_ends_with_ctrl_c() -> None:
    """pg_dump does not go on alone."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PostgresPrograms(Path("/bin"), lambda: None).run("sleep", ["600"], "dbname=x", interrupt)
