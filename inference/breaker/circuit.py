"""What is known of one circuit: of one engine and one of its models. Values only; times are a caller's milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inference.failover.outcomes import Outcome


class Position(StrEnum):
    """Whether requests go to the engine."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """None does."""
    HALF_OPEN = "half_open"
    """A few probes do."""


class Cause(StrEnum):
    """By which rule it opened."""

    IN_A_ROW = "in_a_row"
    """So many failures without an answer between them."""
    SHARE = "share"
    """So many of its calls failed."""
    SLOW = "slow"
    """So many of its answers began late."""
    LIMITED = "limited"
    """It asked for a pause (429)."""
    REJECTED = "rejected"
    """It refuses us (401, 403): only another configuration helps."""
    PROBE = "probe"
    """It was asked again, and failed again."""
    RELAPSE = "relapse"
    """It had come back, and failed at once."""


@dataclass(frozen=True, slots=True)
class CircuitState:
    """One circuit as people and the gate see it.

    outcome: of the call that opened it; None while it is closed. count: failures of that rule, of so many calls.
    since_s: seconds since 1970, by the wall clock of who keeps it. retry_in_s: until it may be asked again; 0: now;
    None: not before its configuration changes, or it is closed. is_asked: this appliance asks it by itself; False: the
    next request for it is the probe.
    """

    engine: str
    model: str
    position: Position
    since_s: float
    cause: Cause | None = None
    outcome: Outcome | None = None
    count: int = 0
    calls: int = 0
    retry_in_s: float | None = None
    is_asked: bool = True
