"""`appliance settings`: what is in force, and the pages that are made from the models."""

from __future__ import annotations

from typing import Annotated

import typer

from appliance.commands.client import show
from appliance.commands.options import ConfigOption, DataOption, JsonOption
from appliance.commands.settings_change import change
from appliance.commands.settings_pages import (
    Section,
    current_toml,
    example_toml,
    handbook_page,
    hide_secrets,
    sections,
)
from appliance.settings import Settings, load_settings
from appliance.supervisor.data_folder import default_data_folder
from inference.engines import ENGINES, load_engine_class


def described() -> list[Section]:
    """Every section there is, the engine table's rows included."""
    return sections(Settings, {kind: load_engine_class(kind).settings_type for kind in ENGINES})


def settings(
    toml: Annotated[bool, typer.Option("--toml", help="Print an appliance.toml with every default.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the handbook's page.")] = False,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change one in appliance.toml, such as server.workers=2; repeatable.",
        ),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the settings in force, secrets hidden; print them all with what they do; or change some."""
    path = config or (data or default_data_folder()) / "appliance.toml"
    if toml:
        typer.echo(example_toml(described()), nl=False)
    elif markdown:
        typer.echo(handbook_page(described()), nl=False)
    elif assignments:
        change(path, assignments)
        sentence = f"{path} is changed. It counts from the next start of the appliance."
        show({"path": str(path), "set": assignments}, as_json, sentence)
    else:
        values = hide_secrets(load_settings(path).model_dump(mode="json"))
        show(values, as_json, current_toml(values))
