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
    """It was asked again, and failed again; of a change only, for a circuit keeps the cause it opened by."""
    RELAPSE = "relapse"
    """It had come back, and failed at once."""


@dataclass(frozen=True, slots=True)
class CircuitState:
    """One circuit as people and the gate see it.

    outcome: of the call that opened it; None while it is closed. count: failures of that rule, of so many calls.
    since_s: when it left rotation, or came back; seconds since 1970, by the wall clock of who keeps it.
    failed_probes: since then, last_probe: how the last of them ended. retry_in_s: until it may be asked again; 0: now;
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
    failed_probes: int = 0
    last_probe: Outcome | None = None

    @property
    def is_torn(self) -> bool:
        """Whether its last answers began well and then went wrong."""
        return (self.last_probe or self.outcome) in (Outcome.BROKEN, Outcome.MALFORMED)


@dataclass(frozen=True, slots=True)
class Tally:
    """Calls that ended in one tenth of the window. number: which tenth since the clock began."""

    number: int
    calls: int = 0
    failures: int = 0
    slow: int = 0


@dataclass(frozen=True, slots=True)
class Circuit:
    """All that is kept of one circuit. Times by its own clock `now_ms`, which never goes back; wall_ms: as told last.

    changed_ms, changed_wall_ms: when it took its position. left_wall_ms: when it was closed last, or closed.
    failed_probes: since then; last_probe: how the last one ended. tallies: oldest first. failures, torn, silent: in a
    row, since failing_ms. is_on_trial: closed by probes, and no request has been answered since. retry_ms: when it may
    be asked again; NEVER: not with this configuration. pause_ms: the last pause, before chance. claims: when probes
    that run count no more. served: good probes. config: the engine's settings as they were when it refused us.
    """

    wall_ms: int
    now_ms: int
    told_ms: int
    position: Position = Position.CLOSED
    changed_ms: int = 0
    changed_wall_ms: int = 0
    left_wall_ms: int = 0
    tallies: tuple[Tally, ...] = ()
    failures: int = 0
    torn: int = 0
    silent: int = 0
    failing_ms: int = 0
    is_on_trial: bool = False
    cause: Cause | None = None
    outcome: Outcome | None = None
    count: int = 0
    calls: int = 0
    retry_ms: int = 0
    pause_ms: int = 0
    claims: tuple[int, ...] = ()
    served: int = 0
    config: str = ""
    failed_probes: int = 0
    last_probe: Outcome | None = None


NEVER = -1


def new_circuit(wall_ms: int) -> Circuit:
    """One that has heard of no call yet."""
    return Circuit(wall_ms, wall_ms, wall_ms, changed_wall_ms=wall_ms, left_wall_ms=wall_ms)
