"""`appliance backup`: everything of this box into a folder, while it runs; `backup verify`: whether one is whole."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from appliance.bootstrap.backups.contents import checked_passphrase, passphrase_of, read_passphrase
from appliance.bootstrap.backups.interruption import interrupted_by_sigterm
from appliance.bootstrap.backups.making import Made, Wishes
from appliance.bootstrap.backups.sending import back_up_to
from appliance.bootstrap.backups.status import note_failure, note_success
from appliance.bootstrap.backups.trial import try_backup
from appliance.bootstrap.box import Box, open_box
from appliance.commands.client import show
from appliance.commands.failures import CommandFailed
from appliance.commands.options import ConfigOption, DataOption, JsonOption
from appliance.commands.progress import ProgressLine
from appliance.storage.backups.errors import BackupError
from appliance.supervisor.data_folder import default_data_folder
from appliance.supervisor.secret_files import FOLDER
from appliance.supervisor.unprivileged import account_for_servers

PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="Holds the passphrase for settings and secrets; default: as in the settings, else it is asked for.",
        show_default=False,
    ),
]


backup = typer.Typer(invoke_without_command=True)


@backup.callback()
def make(
    context: typer.Context,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            help="Where backups are kept, or ssh://user@host/path; default: backup.folder.",
            show_default=False,
        ),
    ] = None,
    passphrase_file: PassphraseOption = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Restore it into a throwaway PostgreSQL and count its rows.")
    ] = False,
    keep_last: Annotated[
        int,
        typer.Option(
            min=0,
            help="Afterwards remove all but so many, unless they are younger than --keep-days; 0: none.",
        ),
    ] = 0,
    keep_days: Annotated[int, typer.Option(min=0, help="With --keep-last: younger ones stay.")] = 0,
    as_json: JsonOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Back up database, files, settings and secrets, while the appliance runs or while it stands still."""
    if context.invoked_subcommand is not None:
        return
    folder = (data or default_data_folder()).resolve()
    if not (folder / FOLDER).is_dir():
        raise CommandFailed(f"{folder} is not the data folder of an appliance. Name it with --data.")
    box = open_box(folder, config, account_for_servers())
    target = to or box.settings.backup.folder
    if not target:
        raise CommandFailed("Say where: --to FOLDER, or set backup.folder.")
    try:
        passphrase = _passphrase(box, passphrase_file)
        wishes = Wishes(Path(), passphrase, verify, keep_last, keep_days)
        with ProgressLine(sys.stderr) as progress, interrupted_by_sigterm():
            made = back_up_to(box, target, wishes, lambda step: progress.say(str(step)))
    except BackupError as error:
        note_failure(box.data, str(error))
        raise CommandFailed(str(error)) from error
    note_success(box.data, made)
    show(_told(made), as_json, "\n".join(_lines(made)))


@backup.command()
def verify(
    archive: Annotated[Path, typer.Argument(metavar="BACKUP", help="The folder of one backup.")],
    as_json: JsonOption = False,
) -> None:
    """Read all of a backup and restore its database into a throwaway PostgreSQL; a changed byte is named."""
    try:
        with ProgressLine(sys.stderr) as progress, interrupted_by_sigterm():
            manifest = try_backup(archive.absolute(), account_for_servers(), progress.say)
    except BackupError as error:
        raise CommandFailed(str(error)) from error
    text = f"{archive} is whole: every sum is right, and its database can be restored."
    show(manifest.model_dump(mode="json"), as_json, text)


def ask_passphrase(*, is_new: bool) -> str:
    """At a terminal. Raises CommandFailed where there is none."""
    if not sys.stdin.isatty():
        raise CommandFailed("Name the file that holds the passphrase: --passphrase-file FILE.")
    asked: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=is_new, err=True)
    return checked_passphrase(asked, "as typed") if is_new else asked


def _passphrase(box: Box, file: Path | None) -> str:
    if file is not None:
        return read_passphrase(file)
    settings = box.settings.backup
    if settings.passphrase_file or settings.passphrase.get_secret_value():
        return passphrase_of(box)
    return ask_passphrase(is_new=True)


def _told(made: Made) -> dict[str, object]:
    told = {name: value for name, value in asdict(made).items() if name != "manifest"}
    manifest = made.manifest.model_dump(mode="json")
    return told | {"folder": made.where, "size_bytes": made.size_bytes, "manifest": manifest}


def _lines(made: Made) -> list[str]:
    manifest = made.manifest
    rows = sum(manifest.rows.values())
    lines = [
        made.where,
        f"  {len(manifest.rows)} tables with {rows} rows ({manifest.dump_bytes / 1e6:.1f} MB), "
        f"{manifest.files} files ({manifest.files_bytes / 1e6:.1f} MB), in {made.seconds:.1f} s.",
        "  A trial restore had every row."
        if made.is_verified
        else "  Not tried: add --verify for a trial restore.",
    ]
    if manifest.missing:
        lines.append(
            f"  {len(manifest.missing)} files are lost or damaged on this box itself, and so not in it: "
            f"{', '.join(manifest.missing[:3])} …"
        )
    lines += [f"  removed {name}" for name in made.removed]
    lines.append("  Restore it with `appliance restore FOLDER --data DIR`, and with the passphrase.")
    return lines
