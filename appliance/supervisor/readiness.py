"""How a child shows that it can be used: it says so on a pipe, it accepts a connection, or a function knows.

The pipe is for our own processes: its number stands in the environment, and one byte written to it means "ready".
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

READY_FD = "APPLIANCE_READY_FD"

Probe = Callable[[], bool]


def announce_ready() -> None:
    """Tell the supervisor, if there is one, that this process can be used now. Called once."""
    number = os.environ.pop(READY_FD, "")
    if number:
        descriptor = int(number)
        os.write(descriptor, b"1")
        os.close(descriptor)


def accepts_on(path: Path) -> Probe:
    """True once somebody accepts connections on that unix socket."""

    def probe() -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(0.5)
            try:
                client.connect(str(path))
            except OSError:
                return False
        return True

    return probe
