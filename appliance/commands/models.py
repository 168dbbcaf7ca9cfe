"""`appliance model …`: which models fit on this machine; get, start, stop and remove them."""

from __future__ import annotations

import typer

model = typer.Typer(help="Plan, get, start and stop models.", no_args_is_help=True)


@model.callback()
def _models() -> None:
    """Plan, get, start and stop models."""
