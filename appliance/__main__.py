"""`appliance`: the command line's one entry, which turns every refusal into a sentence and an exit code."""

from __future__ import annotations

import sys

from appliance.commands.entry import run


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
