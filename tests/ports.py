"""Ports for servers that must be told theirs before they start."""

from __future__ import annotations

import os
import random
import socket

_NEVER_GIVEN_OUT = range(20_000, 32_000)  # Linux gives 32768 and up to whoever connects or binds port 0


def free_port() -> int:
    """A loopback TCP port nobody listens on, and that nobody is given by chance before it is bound."""
    chosen = random.Random(os.urandom(8))
    while True:
        port = chosen.choice(_NEVER_GIVEN_OUT)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
