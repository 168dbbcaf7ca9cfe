"""`appliance up`: everything in the foreground."""

from __future__ import annotations

import json
import os
from typing import Annotated

import typer

from appliance.bootstrap.running import Started, run_box
from appliance.commands.options import ConfigOption, DataOption
from appliance.supervisor.data_folder import default_data_folder


def up(
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on; default: server.host, 127.0.0.1.", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port; 0 chooses a free one; default: server.port, 8080.",
            show_default=False,
        ),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    no_sample: Annotated[
        bool, typer.Option("--no-sample", help="Do not load the sample documents at the first start.")
    ] = False,
) -> None:
    """Start everything and keep it running; Ctrl-C stops all of it."""
    # In the environment, because the children read the same settings.
    if host is not None:
        os.environ["APPLIANCE_SERVER__HOST"] = json.dumps(host)
    if port is not None:
        os.environ["APPLIANCE_SERVER__PORT"] = str(port)
    if no_sample:
        os.environ["APPLIANCE_KNOWLEDGE__SAMPLE"] = "false"
    run_box(data or default_data_folder(), config, _announce)


def _announce(started: Started) -> None:
    credentials = started.data / "credentials.json"
    lines = ["", f"  The appliance is ready: {started.url}"]
    if started.is_first_start and credentials.exists():
        values = json.loads(credentials.read_text(encoding="utf-8"))
        lines += [f"  First login:  {values['email']}", f"  Password:     {values['password']}"]
    if credentials.exists():
        lines.append(f"  API key:      in {credentials} (api_key)")
    lines += [f"  Log:          {started.log_file}", "  Ctrl-C stops everything.", ""]
    typer.echo("\n".join(lines))
