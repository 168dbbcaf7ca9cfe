"""An upgrade of the embedded database: on a copy first, searched with the new code, and then in one moment.

An external database is migrated in place: its owner may not be allowed to make others, and has backups of their own.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.bootstrap.box import Box
from appliance.errors import StartupError
from appliance.storage.backups.deletions import deletions_since, merge_log, read_log
from appliance.storage.migrating import migrate
from appliance.storage.restore_points import RestorePoint, Upgrading
from appliance.storage.roles import DatabaseRole
from appliance.supervisor.data_folder import LEAST_FREE_BYTES, stamp_before, stamp_of

logger = logging.getLogger(__name__)

_PENDING_DELETIONS = "deletions-pending.jsonl"


async def bring_up_to_date(box: Box) -> list[str]:
    """Returns the migrations that ran. Raises StartupError; the data is as it was then."""
    upgrading = Upgrading(box.owner_url, box.role_secret)
    days = box.settings.database.restore_point_days
    if box.postgres is None or not days:
        return await migrate(box.owner_url, box.role_secret)
    pending = await upgrading.pending()
    if not pending:
        await _forget_old(upgrading, timedelta(days=days))
        return await migrate(box.owner_url, box.role_secret)
    logger.info("an upgrade to %s: %d migrations, on a copy first", pending[-1], len(pending))
    applied = await rehearse(box, upgrading)
    version = stamp_of(box.data).get("before", {}).get("written_by", "")
    await upgrading.switch(RestorePoint(datetime.now(UTC).isoformat(), version, len(pending)))
    logger.info("upgraded; `appliance rollback` goes back for %d days", days)
    return applied


async def rehearse(box: Box, upgrading: Upgrading) -> list[str]:
    """On a copy, which is there afterwards. Raises StartupError."""
    size, free = await upgrading.size_bytes(), shutil.disk_usage(box.data).free
    if free < size + LEAST_FREE_BYTES:
        raise StartupError(
            f"An upgrade is tried on a copy of the database first, for which {(size + LEAST_FREE_BYTES) / 1e9:.1f} GB "
            f"are needed; {free / 1e9:.1f} GB are free. Make room, or upgrade without a copy after a backup: "
            "database.restore_point_days = 0."
        )

    async def look(copy_url: str) -> None:
        # Numpy and the index: only when needed.
        from appliance.bootstrap.upgrade_samples import search_samples

        await search_samples(copy_url, box.role_secret)

    return await upgrading.rehearse(look)


async def go_back(box: Box) -> RestorePoint:
    """To the database before the last upgrade; PostgreSQL runs, nothing else does. Raises StartupError.

    What was deleted since then is noted in the data folder, and deleted again by the next start, before anybody is
    let in.
    """
    upgrading = Upgrading(box.owner_url, box.role_secret)
    point = await upgrading.restore_point()
    if point is None:
        raise StartupError("There is no restore point. Restore a backup instead: `appliance restore`.")
    moment = datetime.fromisoformat(point.made_at)
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
