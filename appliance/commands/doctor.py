"""`appliance doctor`: is this box well, and if not, what is the next step?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from appliance.bootstrap.box import open_box
from appliance.commands.canaries import canary_findings
from appliance.commands.checkup import box_findings, folder_findings
from appliance.commands.client import show
from appliance.commands.failures import EXIT_REFUSED
from appliance.commands.findings import Finding, Verdict
from appliance.commands.options import ConfigOption, DataOption, JsonOption
from appliance.errors import StartupError
from appliance.supervisor.data_folder import default_data_folder


def doctor(
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    canaries: Annotated[
        bool,
        typer.Option(
            "--canaries", help="Only try whether anybody reaches what is not theirs; takes a minute."
        ),
    ] = False,
) -> None:
    """Check the appliance on this machine, part by part; exit code 1 when something does not work."""
    folder = (data or default_data_folder()).resolve()
    findings = _with_canaries(folder, config) if canaries else _examine(folder, config)
    has_failed = any(finding.verdict is Verdict.FAIL for finding in findings)
    show(
        {"ok": not has_failed, "findings": [asdict(finding) for finding in findings]},
        as_json,
        "\n".join(map(_line, findings)),
    )
    if has_failed:
        raise typer.Exit(EXIT_REFUSED)


def _examine(data: Path, config: Path | None) -> list[Finding]:
    findings = list(folder_findings(data))
    if any(finding.check == "data" and finding.verdict is Verdict.FAIL for finding in findings):
        return findings
    try:
        box = open_box(data, config)
    except StartupError as error:
        return [
            *findings,
            Finding("settings", Verdict.FAIL, error.detail, "Correct that, then run it again."),
        ]
    except PermissionError as error:
        return [*findings, Finding("data", Verdict.FAIL, str(error), "Run the doctor as the folder's owner.")]
    return [*findings, Finding("settings", Verdict.OK, "Every setting is valid."), *box_findings(box)]


def _with_canaries(data: Path, config: Path | None) -> list[Finding]:
    try:
        box = open_box(data, config)
    except (StartupError, PermissionError) as error:
        return [Finding("settings", Verdict.FAIL, str(error), "Run `appliance doctor` first.")]
    return list(canary_findings(box))


def _line(finding: Finding) -> str:
    line = f"{finding.verdict.value:<4}  {finding.check:<11}  {finding.sentence}"
    return f"{line}\n{'':19}→ {finding.remedy}" if finding.remedy else line
