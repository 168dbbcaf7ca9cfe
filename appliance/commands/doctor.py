"""`appliance doctor`: is this box well, and if not, what is the next step?

Exit codes: 0 all is well or worth a look at most; 1 something does not work; 2 it could not look.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from appliance.api.doctor import finding_json
from appliance.bootstrap.doctor.examination import examine
from appliance.bootstrap.doctor.place import Place, look_at
from appliance.bootstrap.doctor.table import CHECKS
from appliance.commands.canaries import canary_findings
from appliance.commands.client import show
from appliance.commands.doctor_pages import findings_chapter
from appliance.commands.failures import EXIT_REFUSED
from appliance.commands.options import ConfigOption, DataOption, JsonOption
from appliance.services.doctor.findings import Finding, Severity
from appliance.supervisor.data_folder import default_data_folder

EXIT_BLIND = 2
_BLIND = ("data.missing", "data.closed")
_INDENT = 23


def doctor(
    checks: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CHECK]...", help=f"Only these: {', '.join(CHECKS)}.", show_default=False),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    certificate: Annotated[
        list[Path] | None,
        typer.Option("--certificate", metavar="FILE", help="Look at this certificate too; repeatable."),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the handbook's list of findings.")
    ] = False,
    canaries: Annotated[
        bool,
        typer.Option(
            "--canaries", help="Only try whether anybody reaches what is not theirs; takes a minute."
        ),
    ] = False,
) -> None:
    """Explain this box, part by part, with the command that mends each; also when it is down.

    Exit code 1: something does not work; 2: it could not be looked at.
    """
    if markdown:
        typer.echo(findings_chapter(), nl=False)
        return
    names = list(checks or ())
    if unknown := [name for name in names if name not in CHECKS]:
        raise typer.BadParameter(f"There is no check {unknown[0]!r}. There are: {', '.join(CHECKS)}.")
    place = look_at((data or default_data_folder()).resolve(), config, certificates=tuple(certificate or ()))
    findings = _canaries(place) if canaries else examine(place, names)
    code = exit_code(findings)
    told = {"ok": code == 0, "findings": [finding_json(finding) for finding in findings]}
    show(told, as_json, "\n".join(map(_lines, findings)))
    if code:
        raise typer.Exit(code)


def _canaries(place: Place) -> Sequence[Finding]:
    if place.box is None:
        return examine(place, ["data", "settings"])
    return list(canary_findings(place.box, place.ways))


def exit_code(findings: Sequence[Finding]) -> int:
    """What the shell is told."""
    if any(finding.id in _BLIND for finding in findings):
        return EXIT_BLIND
    if any(finding.severity is Severity.ERROR for finding in findings):
        return EXIT_REFUSED
    return EXIT_BLIND if any(finding.id == "doctor.blind" for finding in findings) else 0


def _lines(finding: Finding) -> str:
    told = [f"{finding.severity.value:<7}  {finding.check:<12}  {finding.sentence}"]
    told += [f"{'':{_INDENT}}| {line}" for line in finding.lines]
    if finding.remedy:
        told.append(f"{'':{_INDENT}}→ {finding.remedy}")
    if finding.command:
        told.append(f"{'':{_INDENT}}$ {finding.command}")
    return "\n".join(told)
