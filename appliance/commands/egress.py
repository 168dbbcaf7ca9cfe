"""`appliance egress`: what left the box, and the switch that stops it. Works on the files alone: nothing need run."""

from __future__ import annotations

import csv
import json
import os
import pwd
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from appliance.api.csv_exports import harmless
from appliance.api.egress import COLUMNS
from appliance.bootstrap.egress import WayOut, way_out_at
from appliance.commands.client import show
from appliance.commands.failures import CommandFailed
from appliance.commands.options import ConfigOption, DataOption, JsonOption
from appliance.commands.plain_table import plain_table
from appliance.domain.egress import EgressHappened, EgressQuery
from appliance.errors import StartupError
from appliance.services.egress import note_switch
from appliance.settings import load_settings
from appliance.storage.egress_reading import EgressReader
from appliance.supervisor.data_folder import default_data_folder
from appliance.supervisor.secret_files import FOLDER
from inference.egress.settings import EgressSettings

egress = typer.Typer(no_args_is_help=True, help="What left the box, and the switch that stops it.")

_DAYS = 30
_SHOWN = ("when", "what", "purpose", "who", "host", "sent>", "received>", "status>", "why")


@egress.command("stop")
def stop(
    reason: Annotated[str, typer.Option("--reason", help="For those who find it stopped.")] = "",
    as_json: JsonOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Let nothing leave any more, and cut off what runs: within a second, whatever else is down."""
    out = _way_out(data, config)
    try:
        is_new = out.switch.throw(_operator(), reason)
    except OSError as error:
        raise CommandFailed(f"The switch cannot be thrown: {error}.") from error
    if is_new:
        note_switch(out.ledger, "stopped", _operator(), reason)
    told = "Stopped: nothing leaves. `appliance egress start` lets it go on."
    show({"stopped": True, "changed": is_new}, as_json, told if is_new else f"It was stopped already. {told}")


@egress.command("start")
def start(as_json: JsonOption = False, data: DataOption = None, config: ConfigOption = None) -> None:
    """Let leave again what the settings and the rules allow."""
    out = _way_out(data, config)
    try:
        was_stopped = out.switch.release()
    except OSError as error:
        raise CommandFailed(f"The switch cannot be taken back: {error}.") from error
    if was_stopped:
        note_switch(out.ledger, "resumed", _operator())
    if out.settings.stopped:
        raise CommandFailed(
            "egress.stopped is true in appliance.toml: nothing leaves until it is taken out there."
        )
    show(
        {"stopped": False, "changed": was_stopped},
        as_json,
        "What is allowed may leave again." if was_stopped else "It was not stopped.",
    )


@egress.command("list")
def listed(
    days: Annotated[int, typer.Option(min=1, help="How far back.")] = _DAYS,
    purpose: Annotated[str, typer.Option(help="Only this one, such as cloud, models, sign-in.")] = "",
    actor: Annotated[str, typer.Option(help="Part of an address.")] = "",
    host: Annotated[str, typer.Option(help="Part of a host's name.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Beginnings too, one line more each.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Newest lines.")] = 100,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table for spreadsheets.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Show what left, newest first, with the sums by host and purpose."""
    out = _way_out(data, config)
    happened: tuple[EgressHappened, ...] = () if everything else ("ended", "refused", "stopped", "resumed")
    since = datetime.now(UTC) - timedelta(days=days)
    query = EgressQuery(since, None, purpose, actor, host, happened)
    reader = EgressReader(out.folder)
    if as_csv:
        _print_csv(reader.lines(query))
        return
    page, stop = reader.page(query, limit), out.switch.read()
    if as_json:
        answer = {
            "stopped": stop is not None,
            "data": list(page.lines),
            "totals": [asdict(one) for one in reader.totals(query)],
            "has_more": page.has_more,
        }
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    if stop is not None:
        by = "the settings" if stop.by_settings else stop.actor or "a file put there by hand"
        typer.echo(f"STOPPED by {by}: nothing leaves.\n")
    if not page.lines:
        typer.echo(f"Nothing left this box in {days} days.")
        return
    table = plain_table(*_SHOWN)
    for told in page.lines:
        table.add_row(*(escape(cell) for cell in _shown(told)))
    Console().print(table)


@egress.command("verify")
def verify(as_json: JsonOption = False, data: DataOption = None, config: ConfigOption = None) -> None:
    """Walk the whole ledger: every number and every hash. Keep the head elsewhere to compare it later."""
    report = EgressReader(_way_out(data, config).folder).verified()
    told = {
        "lines": report.lines,
        "first": report.first,
        "last": report.last,
        "head": report.head,
        "torn": report.torn,
        "problems": list(report.problems),
    }
    span = f"{report.lines} lines, {report.first} to {report.last}" if report.lines else "No line yet"
    show(told, as_json, f"{span}; head {report.head or '-'}; {report.torn} unfinished.")
    if report.problems:
        raise CommandFailed("The ledger is not whole: " + " ".join(report.problems))


def _way_out(data: Path | None, config: Path | None) -> WayOut:
    """Also where the settings cannot be read: stopping has to work then more than ever. Opens and makes nothing."""
    folder = (data or default_data_folder()).resolve()
    if not (folder / FOLDER).is_dir():
        raise CommandFailed(f"{folder} is not the data folder of an appliance. Name it with --data.")
    named = config or folder / "appliance.toml"
    try:
        settings = load_settings(named if named.is_file() else None).egress
    except StartupError as error:
        typer.echo(f"the settings cannot be read ({error.detail}); going on without them", err=True)
        settings = EgressSettings()
    return way_out_at(folder, settings)


def _operator() -> str:
    """Who runs the command, as the machine knows them; sudo's caller where there is one."""
    name = os.environ.get("SUDO_USER", "")
    try:
        return f"operator {name or pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return "operator"


def _shown(told: Mapping[str, Any]) -> Sequence[str]:
    moment = datetime.fromisoformat(_cell(told, "at")).astimezone()
    middle = ("happened", "purpose", "actor", "host", "sent_bytes", "received_bytes", "status")
    why = ". ".join(filter(None, (_cell(told, "why").rstrip("."), _cell(told, "reason"))))
    return [f"{moment:%Y-%m-%d %H:%M:%S}", *(_cell(told, name) for name in middle), why]


def _print_csv(lines: Iterable[Mapping[str, Any]]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(COLUMNS)
    for told in lines:
        writer.writerow([harmless(_cell(told, name)) for name in COLUMNS])


def _cell(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return "" if value is None else str(value)
