"""Runs the parts that are asked for and prints their table; what fails is told in its line, and the rest goes on."""

from __future__ import annotations

import os
import sys

from scripts.gpu_check.options import Options, parse
from scripts.gpu_check.wheels import install


def main() -> int:
    """1 when a part failed."""
    options = parse()
    if options.wheels is not None and (folder := install(options.wheels)) is not None:
        # what is imported from here on, and by every process started, comes from there
        known = os.environ.get("PYTHONPATH", "")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), known]))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    return _run(options)


def _run(options: Options) -> int:
    from scripts.gpu_check.running import run  # needs the appliance's packages, which may just have come

    return run(options)


if __name__ == "__main__":
    raise SystemExit(main())
