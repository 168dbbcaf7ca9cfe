"""The ledger of what left the box: a line of JSON each, appended before the first byte leaves. Mode 0600."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from inference.egress import Departure


def egress_ledger(path: Path) -> Callable[[Departure], None]:
    """What inference.egress.Egress is handed. One write a line, so several processes may share the file.

    What cannot be written down does not leave: the callable raises OSError.
    """

    def record(departure: Departure) -> None:
        told = {**asdict(departure), "at": departure.at.isoformat(timespec="milliseconds")}
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, json.dumps(told, ensure_ascii=False).encode() + b"\n")
            if departure.happened == "began":
                os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    return record
