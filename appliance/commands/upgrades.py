"""`appliance upgrade --check` and `appliance rollback`: at the machine itself, while the appliance stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from appliance.bootstrap.backups.interruption import interrupted_by_sigterm
from appliance.bootstrap.backups.servers import running
from appliance.bootstrap.box import Box, open_box
from appliance.bootstrap.upgrading import Rehearsed, bring_up_to_date, go_back, rehearse, upgrading_of
from appliance.commands.client import show
from appliance.commands.failures import CommandFailed
from appliance.commands.options import ConfigOption, DataOption, JsonOption
from appliance.storage.backups.errors import BackupError
from appliance.storage.restore_points import RestorePoint
from appliance.supervisor.data_folder import check_version, default_data_folder, locked
from appliance.supervisor.secret_files import FOLDER
from appliance.supervisor.unprivileged import account_for_servers


def upgrade(
    check: Annotated[
        bool, typer.Option("--check", help="Only try it on a copy of the database, and remove the copy.")
    ] = False,
    questions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Questions that have to find the same before and after, one a line; `ana@example.com: question` asks "
            "as Ana. Default: database.upgrade_questions.",
            show_default=False,
        ),
    ] = None,
    accept_differences: Annotated[
        bool,
        typer.Option(
            "--accept-differences", help="Upgrade although questions find something else afterwards."
        ),
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Bring the database up to this version, as `appliance up` does by itself; --check only tries it."""
    box = _box(data, config)
    check_version(box.data)
    asked = None if questions is None else questions.absolute()

    async def work() -> Rehearsed:
        if check:
            return await _try(box, asked)
        return await bring_up_to_date(box, questions=asked, accepts_differences=accept_differences)

    done: Rehearsed = _standing_still(box, work)
    told = {
        "migrations": done.applied,
        "checked_only": check,
        "questions": done.asked,
        "compared": done.compared,
        "differences": done.differences,
    }
    show(told, as_json, "\n".join(_lines(done, is_check=check)))
    if check and done.differences and not accept_differences:
        raise CommandFailed("Questions find something else after the upgrade: it would be refused.")


def _lines(done: Rehearsed, *, is_check: bool) -> Iterator[str]:
    count = len(done.applied)
    if not count:
        yield "The database is up to date."
        return
    if is_check:
        yield f"{count} migrations ran on a copy, nothing was lost, and its passages are found."
    else:
        yield f"{count} migrations have run. `appliance rollback` goes back."
    if done.asked and not done.compared:
        yield f"  {done.asked} questions were asked; the data from before cannot be asked by this version."
    elif done.asked:
        yield f"  {done.asked} questions were asked before and after: {len(done.differences)} find something else."
    for paragraph in done.differences:
        yield f"  {paragraph}"


def rollback(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S%z"],
            help="Only if that upgrade was not before this moment, e.g. 2026-11-21T02:00:00+00:00.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Go back to the database as it was before the last upgrade; then start the version from before."""
    box = _box(data, config)
    point: RestorePoint = _standing_still(box, lambda: go_back(box, since))
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
    postgres = box.postgres
    if postgres is not None and not (postgres.cluster / "PG_VERSION").exists():
        raise CommandFailed(f"There is no database in {box.data} yet. Name the data folder with --data.")
    try:
        with (
            locked(box.data, "(appliance upgrade)"),
            interrupted_by_sigterm(),
            nullcontext() if postgres is None else running(postgres),
        ):
            return asyncio.run(work())
    except psycopg.Error as error:
        raise CommandFailed(f"PostgreSQL: {str(error).strip()}") from error
    except BackupError as error:
        raise CommandFailed(str(error)) from error


async def _try(box: Box, questions: Path | None) -> Rehearsed:
    upgrading = upgrading_of(box)
    await upgrading.reopen()
    if not await upgrading.pending():
        return Rehearsed([], [])
    try:
        return await rehearse(box, upgrading, questions)
    finally:
        await upgrading.discard()
