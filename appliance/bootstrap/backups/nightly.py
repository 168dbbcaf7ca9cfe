"""Backups by themselves: one a night in a process of its own, and every few minutes what was deleted meanwhile.

One that an administrator has asked for is made in the same way, and both end when one is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.bootstrap.backups.running import BackupFiles
from appliance.bootstrap.backups.sending import send_deletions
from appliance.bootstrap.backups.status import BackupStatus, read_status
from appliance.bootstrap.box import Box
from appliance.storage.backups.deletions import LOG, deletions_since, merge_log
from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.shelf import Shelf
from appliance.storage.backups.ssh_shelf import SCHEME
from appliance.storage.roles import DatabaseRole
from appliance.supervisor.parting import ends_with_us

logger = logging.getLogger(__name__)

_LOG_EVERY_S = 300.0
_FIRST_AFTER = timedelta(minutes=5)  # a box that has none, or was off at night
_RECENT = timedelta(hours=1)
_AGAIN_AFTER = timedelta(hours=1)
_LOOK_S = 0.5
_MISSED_AFTER = timedelta(hours=26)


async def back_up_nightly(
    box: Box,
    *,
    run: Callable[[Box], Awaitable[None]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Until cancelled; nothing without backup.folder."""
    if not box.settings.backup.folder:
        return
    began = datetime.now().astimezone()
    while True:
        now = datetime.now().astimezone()
        await sleep(seconds_until_next(now, box.settings.backup.hour, read_status(box.data), began))
        if not _is_made(box):
            await (run or run_process)(box)


def _is_made(box: Box) -> bool:
    """Somebody has asked for one meanwhile: it has just been made, or is being made."""
    age_s = read_status(box.data).age_s(datetime.now(UTC))
    is_recent = age_s is not None and age_s < _RECENT.total_seconds()
    return is_recent or BackupFiles(box.data).progress() is not None


def seconds_until_next(now: datetime, hour: int, status: BackupStatus, began: datetime) -> float:
    """At that hour of the machine's clock; soon, where there is no good one of the last night; again after a failure.

    began: of this process. All with a time zone.
    """
    failed = datetime.fromisoformat(status.failed_at) if status.failed_at else None
    succeeded = datetime.fromisoformat(status.succeeded_at) if status.succeeded_at else None
    nightly = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    while nightly - now < timedelta(minutes=1):
        nightly += timedelta(days=1)
    due = nightly
    if failed is not None and (succeeded is None or failed > succeeded):
        due = min(nightly, max(failed + _AGAIN_AFTER, began + _FIRST_AFTER))
    elif succeeded is None or now - succeeded > _MISSED_AFTER:
        due = min(nightly, began + _FIRST_AFTER)
    return max(60.0, (due - now).total_seconds())


async def back_up_when_asked(
    box: Box,
    *,
    run: Callable[[Box], Awaitable[None]] | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Until cancelled. One that was broken off with us is taken up again."""
    files = BackupFiles(box.data)
    while True:
        if files.is_asked and files.progress() is None:
            await (run or run_process)(box)
            files.end()
        await sleep(_LOOK_S)


async def run_process(box: Box) -> None:
    """One backup. When it is cancelled, or we are, it is told to end, and clears away what it had begun."""
    files = BackupFiles(box.data)
    files.begin()
    words = [sys.executable, "-P", "-m", "appliance.bootstrap.backups.process", "--data", str(box.data)]
    if box.config is not None:
        words += ["--config", str(box.config)]
    process = await asyncio.create_subprocess_exec(
        *words, env=dict(os.environ), preexec_fn=ends_with_us(signal.SIGTERM)
    )
    ended = asyncio.create_task(process.wait())
    try:
        while not ended.done():
            await asyncio.wait([ended], timeout=_LOOK_S)
            if files.is_cancelled and not ended.done():
                logger.info("the backup was cancelled")
                process.terminate()
                await ended
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.terminate()
        raise


async def log_deletions_forever(box: Box) -> None:
    """Beside the backups, so that it is at hand when the box is not; nothing without backup.folder."""
    if not box.settings.backup.folder:
        return
    while True:
        try:
            await asyncio.to_thread(_log_deletions_at, box, box.settings.backup.folder)
        except (BackupError, OSError) as error:
            logger.warning("the log of deletions could not be written: %s", error)
        await asyncio.sleep(_LOG_EVERY_S)


def _log_deletions_at(box: Box, address: str) -> None:
    if address.startswith(SCHEME):
        send_deletions(box, address)
    else:
        log_deletions(box, Path(address))


def log_deletions(box: Box, folder: Path) -> int:
    """All since the oldest backup; returns how many. Without a backup there is nothing to log."""
    kept = Shelf(folder).kept()
    if not kept:
        return 0
    oldest = kept[0].manifest.created_at.astimezone(UTC)
    known = deletions_since(box.database_url(DatabaseRole.MAINTENANCE), oldest)
    return len(merge_log(folder / LOG, known, oldest))
