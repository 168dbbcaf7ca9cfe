"""An upgrade of the database: on a copy first, searched with the new code, and then in one moment.

An external one as well, where its owner may make databases; whoever else is connected is turned away meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.bootstrap.box import Box
from appliance.errors import StartupError
from appliance.storage.backups.deletions import deletions_since, merge_log, read_log
from appliance.storage.migrating import migrate
from appliance.storage.restore_points import RestorePoint, Upgrading
from appliance.storage.roles import DatabaseRole
from appliance.supervisor.data_folder import LEAST_FREE_BYTES, stamp_before, stamp_of

if TYPE_CHECKING:
    from appliance.bootstrap.golden_questions import Asking

logger = logging.getLogger(__name__)

_PENDING_DELETIONS = "deletions-pending.jsonl"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """applied: migrations that ran on the copy, which is there. differences: a paragraph for each question.

    asked: how many questions were asked; compared: whether this version could ask them before as well.
    """

    applied: list[str]
    differences: list[str]
    asked: int = 0
    compared: bool = True


async def bring_up_to_date(
    box: Box, *, questions: Path | None = None, accepts_differences: bool = False
) -> Rehearsed:
    """Raises StartupError; the data is as it was then. questions: instead of those of the settings.

    accepts_differences: of what questions find before and after; else they stop an upgrade.
    """
    upgrading = upgrading_of(box)
    await upgrading.reopen()
    days = box.settings.database.restore_point_days
    pending = await upgrading.pending() if days else []
    if not pending:
        if days and box.postgres is not None:
            await _forget_old(upgrading, timedelta(days=days))
        return Rehearsed(await migrate(box.owner_url, box.role_secret), [])
    logger.info("an upgrade to %s: %d migrations, on a copy first", pending[-1], len(pending))
    rehearsed = await rehearse(box, upgrading, questions)
    if rehearsed.differences and not accepts_differences:
        await upgrading.discard()
        raise StartupError(
            "\n  ".join(["After the upgrade people would find something else:", *rehearsed.differences])
            + "\nNothing was changed. If that is right: `appliance upgrade --accept-differences`; if not, start the "
            "version from before, and report this."
        )
    version = stamp_of(box.data).get("before", {}).get("written_by", "")
    await upgrading.switch(RestorePoint(datetime.now(UTC).isoformat(), version, len(pending)))
    logger.info("upgraded; `appliance rollback` goes back for %d days", days)
    return rehearsed


def upgrading_of(box: Box) -> Upgrading:
    """An external server has other visitors."""
    return Upgrading(box.owner_url, box.role_secret, is_shared=box.postgres is None)


async def rehearse(box: Box, upgrading: Upgrading, questions: Path | None = None) -> Rehearsed:
    """On a copy, which is there afterwards. Raises StartupError."""
    if box.postgres is None:
        await upgrading.require_rights()
    else:
        await _require_room(box, upgrading)
    # Numpy and the index: only when needed.
    from appliance.bootstrap.golden_questions import (
        Findings,
        Golden,
        asking,
        differences,
        golden_questions,
    )
    from appliance.bootstrap.upgrade_samples import search_samples

    named = box.settings.database.upgrade_questions
    file = questions or (Path(named) if named else None)
    asked: list[Golden] = []
    found: list[Findings] = []
    async with AsyncExitStack() as stack:

        async def ask_before(copy_url: str) -> None:
            asked.extend(await golden_questions(copy_url, box, file))
            if asked:
                found.append(await (await asker()).findings_before(copy_url, asked))

        async def look(copy_url: str) -> None:
            await search_samples(copy_url, box.role_secret)
            if asked:
                found.append(await (await asker()).findings(copy_url, asked))

        opened: list[Asking] = []

        async def asker() -> Asking:
            if not opened:
                opened.append(await stack.enter_async_context(asking(box)))
            return opened[0]

        applied = await upgrading.rehearse(look, before=ask_before)
    if not asked:
        return Rehearsed(applied, [])
    before, after = found
    return Rehearsed(applied, differences(before, after), len(asked), compared=bool(before))


async def _require_room(box: Box, upgrading: Upgrading) -> None:
    size, free = await upgrading.size_bytes(), shutil.disk_usage(box.data).free
    if free < size + LEAST_FREE_BYTES:
        raise StartupError(
            f"An upgrade is tried on a copy of the database first, for which {(size + LEAST_FREE_BYTES) / 1e9:.1f} GB "
            f"are needed; {free / 1e9:.1f} GB are free. Make room, or upgrade without a copy after a backup: "
            "database.restore_point_days = 0."
        )


async def go_back(box: Box, since: datetime | None = None) -> RestorePoint:
    """To the database before the last upgrade; PostgreSQL runs, nothing else should. Raises StartupError.

    since: refuse a restore point that was made before that moment, which has a time zone. What was deleted since the
    restore point is noted in the data folder, and deleted again by the next start, before anybody is let in.
    """
    upgrading = upgrading_of(box)
    await upgrading.reopen()
    point = await upgrading.restore_point()
    if point is None:
        raise StartupError("There is no restore point. Restore a backup instead: `appliance restore`.")
    moment = datetime.fromisoformat(point.made_at)
    if since is not None and moment < since:
        raise StartupError(
            f"The last upgrade of the database was on {point.made_at[:19]}, before {since.isoformat()}: nothing was "
            "taken back. Without `--since` it goes back that far."
        )
    deletions = await asyncio.to_thread(deletions_since, box.database_url(DatabaseRole.MAINTENANCE), moment)
    merge_log(_pending(box), deletions, moment)
    await upgrading.go_back()
    stamp_before(box.data)
    return point


async def delete_what_was_deleted(box: Box) -> None:
    """What a rollback has noted. Again and again until it is done: a crash in between costs nothing."""
    path = _pending(box)
    if not path.exists():
        return
    from appliance.bootstrap.backups.reapplying import reapplying  # the use cases: only when needed

    async with reapplying(box) as again:
        done = await again.delete(read_log(path))
    path.unlink()
    logger.info("deleted again after going back: %s", dict(done))


async def _forget_old(upgrading: Upgrading, age: timedelta) -> None:
    point = await upgrading.restore_point()
    if point is not None and datetime.now(UTC) - datetime.fromisoformat(point.made_at) > age:
        await upgrading.forget()
        logger.info("the restore point of %s was removed", point.made_at)


def _pending(box: Box) -> Path:
    return box.data / _PENDING_DELETIONS
