"""`appliance model …`: which models fit on this machine; get, start, stop and remove them."""

from __future__ import annotations

import typer

from appliance.commands import model_library, model_running
from appliance.commands.model_plan import plan

model = typer.Typer(help="Plan, get, start and stop models.", no_args_is_help=True)
model.command("plan")(plan)
model_library.register(model)
model_running.register(model)


@model.callback()
def _models() -> None:
    """Plan, get, start and stop models."""
