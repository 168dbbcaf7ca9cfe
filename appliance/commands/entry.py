"""All commands as one command line, and what their endings mean to the shell.

0 done · 1 refused or failed · 2 wrong words on the command line · 3 the appliance cannot be reached ·
78 it cannot start.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from appliance import __version__
from appliance.commands.failures import EXIT_REFUSED, CommandFailed
from appliance.commands.table import COMMANDS, load
from appliance.errors import ApplianceError, StartupError

EXIT_CANNOT_START = 78


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        _application(arguments)(list(arguments), prog_name="appliance")
    except SystemExit as ending:  # typer's way to return
        return ending.code if isinstance(ending.code, int) else EXIT_REFUSED
    except CommandFailed as failed:
        return _fail(str(failed), failed.exit_code)
    except StartupError as error:
        return _fail(error.detail, EXIT_CANNOT_START)
    except ApplianceError as error:
        return _fail(str(error), EXIT_REFUSED)
    except KeyboardInterrupt:
        return 130
    return 0


def _application(arguments: Sequence[str]) -> typer.Typer:
    """Only the row that is asked for, where that is clear; all of them for help and for mistakes."""
    app = typer.Typer(
        help="Chat, cited answers from your documents, and a fair share of the GPU for everybody.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_appliance)
    asked = arguments[0] if arguments else ""
    for name in [asked] if asked in COMMANDS else COMMANDS:
        found = load(name)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


def _appliance(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", is_eager=True, callback=_print_version
    ),
) -> None:
    """Holds the options that stand before a command."""


def _fail(sentence: str, code: int) -> int:
    sys.stderr.write(f"error: {sentence}\n")
    return code
