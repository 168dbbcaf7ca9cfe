"""How one call to an engine ended, as far as the engine is to be judged by it. Values only.

Whoever sends a call reports it; a circuit breaker, a balance or a metric draws its own conclusions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What a call says about the engine that had it."""

    SERVED = "served"
    """A whole answer."""
    UNREACHABLE = "unreachable"
    """No connection, or one that broke off before its first byte."""
    SILENT = "silent"
    """No first token within the deadline."""
    FAILED = "failed"
    """Its own 5xx."""
    RATE_LIMITED = "rate_limited"
    """429: it has had enough for now."""
    REJECTED = "rejected"
    """401 or 403: our key is not good there."""
    BROKEN = "broken"
    """It died or fell silent in the middle of an answer, or sent an error event."""
    MALFORMED = "malformed"
    """What it sent is no answer."""
    NOT_COUNTED = "not_counted"
    """It says nothing about the engine: the client's own error, or a client that left."""

    @property
    def is_failure(self) -> bool:
        """Whether the engine did not do what it is there for."""
        return self not in (Outcome.SERVED, Outcome.NOT_COUNTED)


@dataclass(frozen=True, slots=True)
class Report:
    """One call's end. engine: its name on the roster. model: the engine's own name for it.

    ttft_s: from sending to the first token; None: there was none, or the answer came whole. retry_after_s: what a 429
    asked for. is_probe: it was let through to see whether the engine has recovered. took_s: from sending to its end.
    """

    engine: str
    model: str
    outcome: Outcome
    ttft_s: float | None = None
    retry_after_s: float | None = None
    is_probe: bool = False
    took_s: float | None = None
