"""`appliance restore`: a backup onto an empty machine of the same or a newer version."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from appliance.bootstrap.backups.contents import read_passphrase
from appliance.bootstrap.backups.fetching import restore_from
from appliance.bootstrap.backups.interruption import interrupted_by_sigterm
from appliance.bootstrap.backups.restoring import Restored
from appliance.commands.backup import PassphraseOption, ask_passphrase, verify
from appliance.commands.client import show
from appliance.commands.failures import CommandFailed
from appliance.commands.options import ConfigOption, DataOption, JsonOption
from appliance.commands.progress import ProgressLine
from appliance.storage.backups.errors import BackupError
from appliance.storage.backups.ssh_shelf import SCHEME
from appliance.supervisor.data_folder import default_data_folder


def restore(
    archive: Annotated[
        str,
        typer.Argument(
            metavar="BACKUP",
            help="The folder of one backup, ssh://user@host/path/NAME, or ssh://user@host/path for the newest there.",
        ),
    ],
    passphrase_file: PassphraseOption = None,
    deletions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The log of deletions; default: the one beside BACKUP.", show_default=False
        ),
    ] = None,
    without_deletions: Annotated[
        bool, typer.Option("--without-deletions", help="Bring back also what was deleted since.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only read all of it and try its database; write nothing.")
    ] = False,
    ssh_options: Annotated[
        str, typer.Option(metavar="TEXT", help="More words for ssh, such as -i KEY.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Restore a backup into an empty data folder; then start the appliance as ever."""
    if check:
        _check(archive, as_json=as_json)
        return
    try:
        with ProgressLine(sys.stderr) as progress, interrupted_by_sigterm():
            passphrase = (
                ask_passphrase(is_new=False) if passphrase_file is None else read_passphrase(passphrase_file)
            )
            done = restore_from(
                archive,
                data or default_data_folder(),
                passphrase,
                ssh_options=ssh_options,
                config=config,
                log=deletions,
                with_deletions=not without_deletions,
                progress=progress.say,
            )
    except BackupError as error:
        raise CommandFailed(str(error)) from error
    show(_told(done), as_json, "\n".join(_lines(done, without_deletions=without_deletions)))


def _check(archive: str, *, as_json: bool) -> None:
    if archive.startswith(SCHEME):
        raise CommandFailed(
            "--check reads a backup on this machine. Its sums were checked there when it was sent; fetch it first to "
            "try its database."
        )
    verify(Path(archive), as_json=as_json)


def _told(done: Restored) -> dict[str, object]:
    return {
        "data": str(done.data),
        "created_at": done.manifest.created_at.isoformat(),
        "rows": dict(done.manifest.rows),
        "files": done.manifest.files,
        "missing": list(done.manifest.missing),
        "migrated": list(done.migrated),
        "deleted_again": dict(done.deleted),
        "deletion_log": None if done.log is None else str(done.log),
        "seconds": round(done.seconds, 1),
    }


def _lines(done: Restored, *, without_deletions: bool) -> list[str]:
    manifest = done.manifest
    lines = [
        f"{done.data} is as it was on {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC: "
        f"{sum(manifest.rows.values())} rows in {len(manifest.rows)} tables and {manifest.files} files, "
        f"all counted and checked, in {done.seconds:.1f} s."
    ]
    if done.migrated:
        lines.append(f"  {len(done.migrated)} migrations brought it up to this version.")
    if manifest.missing:
        lines.append(f"  {len(manifest.missing)} files were lost already when the backup was made.")
    if done.log is not None:
        again = ", ".join(f"{count} {kind}" for kind, count in done.deleted.items() if count) or "nothing"
        lines.append(f"  Deleted again by {done.log}: {again}. What was deleted after its last line is back.")
    elif without_deletions:
        lines.append("  What was deleted since is back, as asked.")
    else:
        lines.append("  No log of deletions was at hand: what was deleted since the backup is back.")
    lines.append(f"  Start it: appliance up --data {done.data}")
    return lines
