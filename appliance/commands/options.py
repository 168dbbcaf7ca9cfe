"""Options that several commands share, so that they are spelled and explained the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        envvar="APPLIANCE_DATA",
        help="The data folder; default: ./data of the checkout, as root /var/lib/appliance.",
        show_default=False,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="APPLIANCE_CONFIG",
        help="appliance.toml; default: the one in the data folder, if it is there.",
        show_default=False,
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="APPLIANCE_URL",
        help="Address of the appliance; default: from DATA/credentials.json.",
        show_default=False,
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="APPLIANCE_API_KEY",
        help="API key; default: from DATA/credentials.json.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
