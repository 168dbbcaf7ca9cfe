"""What can happen to a circuit. Ages are milliseconds before it is told, so no two clocks need agree."""

from __future__ import annotations

from dataclasses import dataclass

from inference.breaker.circuit import Cause
from inference.failover.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Served:
    """Calls that were answered. slow: of those, how many began late. age_ms: since the youngest of them was sent."""

    calls: int = 1
    slow: int = 0
    age_ms: int = 0
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """One call that failed. age_ms: since it was sent. retry_after_ms: what a 429 asked for; -1: nothing.

    chance: 0 to 999, for the pause. config: a digest of the engine's settings.
    """

    outcome: Outcome
    age_ms: int = 0
    retry_after_ms: int = -1
    is_probe: bool = False
    chance: int = 0
    config: str = ""


@dataclass(frozen=True, slots=True)
class Freed:
    """A probe ended, and says nothing about the engine."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Somebody would send a probe. config: a digest of the engine's settings."""

    config: str = ""


@dataclass(frozen=True, slots=True)
class Hastened:
    """It is to be asked now, whatever its pause."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """What a process knew of it while it was not kept in common. wait_ms: of its pause that is left; -1: no end.

    left_wall_ms: when it left rotation, by that process's wall clock.
    """

    cause: Cause
    outcome: Outcome
    count: int
    calls: int
    wait_ms: int
    pause_ms: int
    left_wall_ms: int
    config: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """Nothing happened but time."""


Operation = Served | Failed | Freed | Claimed | Hastened | PutBack | Looked
