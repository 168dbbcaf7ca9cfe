"""How each of our processes begins: the same options, the same log, the same way to say that it cannot start."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from appliance.bootstrap.box import Box, open_box
from appliance.errors import StartupError
from appliance.telemetry import configure_logging

EXIT_CANNOT_START = 78  # sysexits(3): configuration error


def options_of(process: str) -> argparse.ArgumentParser:
    """The options every process has: --data and --config."""
    parser = argparse.ArgumentParser(prog=f"python -m appliance.bootstrap.{process}")
    parser.add_argument("--data", type=Path, required=True, help="the data folder")
    parser.add_argument("--config", type=Path, default=None, help="appliance.toml")
    return parser


def enter(
    process: str,
    run: Callable[[Box, argparse.Namespace], int],
    parser: argparse.ArgumentParser | None = None,
    arguments: Sequence[str] | None = None,
) -> int:
    """Open the box and run; a StartupError becomes its sentence on standard error and status 78."""
    options = (parser or options_of(process)).parse_args(arguments)
    try:
        box = open_box(options.data, options.config)
        configure_logging(process, box.settings.logging)
        return run(box, options)
    except StartupError as error:
        sys.stderr.write(f"{error.detail}\n")
        return EXIT_CANNOT_START
