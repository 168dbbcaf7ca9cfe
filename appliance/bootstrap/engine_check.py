"""Whether the [engines.*] sections can be used, asked before anything is started.

A process of its own, and only where there is such a section: the supervisor stays without the engines' imports.
"""

from __future__ import annotations

import argparse
import sys

from appliance.bootstrap.box import Box
from appliance.bootstrap.entry import enter, options_of
from appliance.bootstrap.neighbours import require_neighbours


def _run(box: Box, _options: argparse.Namespace) -> int:
    require_neighbours(box)
    return 0


def main() -> int:
    """The command line."""
    return enter("engine_check", _run, options_of("engine_check"))


if __name__ == "__main__":
    sys.exit(main())
