"""The throwaway box's own process: databases and gateway, as `appliance up` runs them, until SIGTERM.

    python -m appliance.demo.box_process --data /tmp/appliance-demo-x/data

The data folder goes with the process, also where whoever started it was killed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from appliance.bootstrap.running import run_box
from appliance.errors import StartupError

EXIT_CANNOT_START = 78


def main() -> int:
    """Run until SIGTERM; 78 and a sentence on stderr when it cannot start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data: Path = parser.parse_args().data
    try:
        run_box(data, None, lambda started: None, gate_only=True)
    except StartupError as error:
        sys.stderr.write(f"error: {error.detail}\n")
        return EXIT_CANNOT_START
    finally:
        shutil.rmtree(data, ignore_errors=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
