"""What is written down of a request that leaves, and the port that writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Happened = Literal["began", "ended", "refused", "stopped", "resumed"]
"""The last two are the stop switch, thrown and taken back: so the ledger tells why there is a gap in it."""


@dataclass(frozen=True, slots=True)
class Departure:
    """A line of the ledger: one request that leaves, has ended, or was not let out.

    id: of the request; what began and what ended share it. purpose: what for, such as `models` or `cloud`. actor: who
    wanted it, an e-mail or a part of the box. path: without the query, which may hold a signature. sent_bytes,
    received_bytes: of bodies; at the beginning what is about to be sent. body_sha256: of the body, hexadecimal; empty
    where there is none. status: None until it answered. address: the one it was connected to, as far as it came.
    reason: why it was refused or how it failed. decision, why, redactions: of the permit, see LeavePermit. engine: the
    name of the cloud engine it was sent by; empty for anything else.
    """

    happened: Happened
    at: datetime
    purpose: str
    actor: str
    method: str
    host: str
    path: str
    sent_bytes: int = 0
    received_bytes: int = 0
    status: int | None = None
    seconds: float = 0.0
    reason: str = ""
    id: str = ""
    decision: str = ""
    why: str = ""
    redactions: int = 0
    engine: str = ""
    body_sha256: str = ""
    address: str = ""


Ledger = Callable[[Departure], None]
"""Writes a departure down before it returns; what began is on the disk by then. Raises OSError. May block: the door
calls it in a thread for what is about to begin."""
