"""`appliance upgrade --check` and `appliance rollback`: at the machine itself, while the appliance stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from appliance.bootstrap.backups.interruption import interrupted_by_sigterm
from appliance.bootstrap.backups.servers import running
from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.upgrading import bring_up_to_date, go_back, rehearse
from appliance.commands.client import show
from appliance.commands.failures import CommandFailed
from appliance.commands.options import ConfigOption, DataOption, JsonOption
from appliance.storage.backups.errors import BackupError
from appliance.storage.restore_points import RestorePoint, Upgrading
from appliance.supervisor.data_folder import check_version, default_data_folder, locked
from appliance.supervisor.secret_files import FOLDER
from appliance.supervisor.unprivileged import account_for_servers


def upgrade(
    check: Annotated[
        bool, typer.Option("--check", help="Only try it on a copy of the database, and remove the copy.")
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Bring the database up to this version, as `appliance up` does by itself; --check only tries it."""
    box = _box(data, config)
    check_version(box.data)
    applied = _standing_still(box, lambda: _try(box) if check else bring_up_to_date(box))
    if not applied:
        text = "The database is up to date."
    elif check:
        text = f"{len(applied)} migrations ran on a copy, nothing was lost, and its passages are found: it will work."
    else:
        text = f"{len(applied)} migrations have run. `appliance rollback` goes back."
    show({"migrations": applied, "checked_only": check}, as_json, text)


def rollback(as_json: JsonOption = False, data: DataOption = None, config: ConfigOption = None) -> None:
    """Go back to the database as it was before the last upgrade; then start the version from before."""
    box = _box(data, config)
    point: RestorePoint = _standing_still(box, lambda: go_back(box))
    version = point.version or "from before"
    text = (
        f"The database is as it was on {point.made_at[:16].replace('T', ' ')} UTC. What was written since is set aside "
        f"until the next rollback; what was deleted since is deleted again at the start. Start version {version} now."
    )
    show({"made_at": point.made_at, "version": point.version}, as_json, text)


def _box(data: Path | None, config: Path | None) -> Box:
    folder = (data or default_data_folder()).resolve()
    if not (folder / FOLDER).is_dir():
        raise CommandFailed(f"{folder} is not the data folder of an appliance. Name it with --data.")
    return open_box(folder, config, account_for_servers())


def _standing_still(box: Box, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401 - what work returns
    """With PostgreSQL alone. Raises CommandFailed; StartupError while the appliance runs."""
    if box.postgres is None:
        raise CommandFailed("The database is an external one: use its own means (database.url).")
    if not (box.postgres.cluster / "PG_VERSION").exists():
        raise CommandFailed(f"There is no database in {box.data} yet. Name the data folder with --data.")
    try:
        with (
            locked(box.data, "(appliance upgrade)"),
            interrupted_by_sigterm(),
            running(box.postgres),
        ):
            return asyncio.run(work())
    except psycopg.Error as error:
        raise CommandFailed(f"PostgreSQL: {str(error).strip()}") from error
    except BackupError as error:
        raise CommandFailed(str(error)) from error


async def _try(box: Box) -> list[str]:
    upgrading = Upgrading(box.owner_url, box.role_secret)
    if not await upgrading.pending():
        return []
    applied = await rehearse(box, upgrading)
    await upgrading.discard()
    return applied
