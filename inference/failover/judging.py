"""What a failure says about the engine, and whether the request may go to another one. Pure."""

from __future__ import annotations

from inference.errors import (
    CloudCannot,
    CloudNotPermitted,
    CloudRefused,
    EngineRefused,
    EngineStreamBroken,
    EngineUnavailable,
)
from inference.failover.outcomes import Outcome


def outcome_of(failure: BaseException) -> Outcome:
    """failure: of a call to an engine, before its first token: EngineUnavailable and its kin, EngineRefused,
    EngineStreamBroken; anything else is not the engine's.
    """
    if isinstance(failure, EngineRefused | CloudRefused):
        return outcome_of_status(failure.status)
    if isinstance(failure, CloudNotPermitted | CloudCannot):
        return Outcome.NOT_COUNTED
    if isinstance(failure, EngineStreamBroken):
        return Outcome.MALFORMED if failure.is_malformed else Outcome.BROKEN
    if isinstance(failure, EngineUnavailable):
        return Outcome.UNREACHABLE
    return Outcome.NOT_COUNTED


def outcome_of_status(status: int) -> Outcome:
    """Of an HTTP status that is no success: 4xx is the client's own, but for what the engine thinks of us."""
    if status >= 500:
        return Outcome.FAILED
    if status == 429:
        return Outcome.RATE_LIMITED
    if status in (401, 403):  # the client's key never reaches an engine: it is ours that is not good
        return Outcome.REJECTED
    return Outcome.NOT_COUNTED


def may_move(outcome: Outcome) -> bool:
    """Whether another engine may do better, while nothing of the answer has been passed on."""
    return outcome.is_failure
