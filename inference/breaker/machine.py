"""A circuit breaker as a state machine: a circuit and what happened to it become the next circuit. Pure.

Opens on failures in a row, on a share of failures or of late answers, on streams that break off; then only probes pass,
after pauses that grow. `machine.lua` of the appliance says the same for all processes; a test holds the two together.
After M. Nygard, Release It! (2007), with the error share and the slow calls of resilience4j.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from inference.breaker.circuit import NEVER, Cause, Circuit, Position, Tally
from inference.breaker.operations import (
    Claimed,
    Failed,
    Freed,
    Hastened,
    Operation,
    PutBack,
    Served,
)
from inference.breaker.rules import BUCKETS, BreakerRules
from inference.failover.outcomes import Outcome

_TORN = (Outcome.BROKEN, Outcome.MALFORMED)


@dataclass(frozen=True, slots=True)
class Step:
    """What came of it. is_change: its position is another one. is_granted: the probe that was claimed may go."""

    circuit: Circuit
    is_change: bool = False
    is_granted: bool = False


def after(circuit: Circuit, operation: Operation, wall_ms: int, rules: BreakerRules) -> Step:
    """wall_ms: a wall clock's milliseconds, which may jump: back counts as no time at all."""
    ticked = _ticked(circuit, wall_ms)
    is_granted = False
    match operation:
        case Served(is_probe=True):
            now = _probe_served(ticked, rules)
        case Served():
            now = _served(ticked, operation, rules)
        case Failed(is_probe=True):
            now = _probe_failed(ticked, operation, rules)
        case Failed():
            now = _failed(ticked, operation, rules)
        case Freed():
            now = replace(ticked, claims=ticked.claims[1:])
        case Claimed():
            now, is_granted = _claimed(ticked, operation, rules)
        case Hastened():
            now = replace(ticked, retry_ms=ticked.now_ms) if ticked.position == Position.OPEN else ticked
        case PutBack():
            now = _put_back(ticked, operation)
        case _:
            now = ticked
    return Step(now, now.changed_ms != circuit.changed_ms or now.position != circuit.position, is_granted)


def may_be_asked(circuit: Circuit, config: str) -> bool:
    """Whether an open circuit's pause is over, by its own clock."""
    if circuit.cause == Cause.REJECTED and circuit.config != config:
        return True
    return circuit.retry_ms != NEVER and circuit.now_ms >= circuit.retry_ms


def _ticked(circuit: Circuit, wall_ms: int) -> Circuit:
    passed = max(0, wall_ms - circuit.wall_ms)
    return replace(circuit, wall_ms=wall_ms, now_ms=circuit.now_ms + passed)


def _served(circuit: Circuit, told: Served, rules: BreakerRules) -> Circuit:
    began_ms = circuit.now_ms - told.age_ms
    if circuit.position != Position.CLOSED or began_ms < circuit.changed_ms:
        return circuit
    circuit = replace(circuit, told_ms=circuit.now_ms)
    if (
        began_ms >= circuit.failing_ms
    ):  # an answer that was asked for before the failures says nothing about now
        circuit = replace(circuit, failures=0, torn=0, silent=0, failing_ms=0, is_on_trial=False)
    circuit = _counted(circuit, rules, told.calls, 0, told.slow)
    calls, _, slow = _sums(circuit)
    if told.slow and calls >= rules.least_calls and slow * 100 >= rules.share_percent * calls:
        pause_ms = _next_pause(circuit, rules)
        return _opened(circuit, Cause.SLOW, Outcome.SERVED, slow, calls, pause_ms, pause_ms)
    return circuit


def _failed(circuit: Circuit, told: Failed, rules: BreakerRules) -> Circuit:
    """What was sent before the circuit changed says nothing about the engine as it is now."""
    if circuit.position != Position.CLOSED or circuit.now_ms - told.age_ms < circuit.changed_ms:
        return circuit
    circuit = replace(circuit, told_ms=circuit.now_ms)
    if told.outcome == Outcome.REJECTED:
        return _rejected(circuit, told)
    if told.outcome == Outcome.RATE_LIMITED:
        return _limited(circuit, told, rules)
    if circuit.is_on_trial:
        return _paused(circuit, Cause.RELAPSE, told, 1, 1, rules)
    circuit = replace(
        circuit,
        failures=circuit.failures + 1,
        torn=circuit.torn + (told.outcome in _TORN),
        silent=circuit.silent + (told.outcome == Outcome.SILENT),
        failing_ms=circuit.now_ms if circuit.failures == 0 else circuit.failing_ms,
    )
    circuit = _counted(circuit, rules, 1, 1, 0)
    for count, most in (
        (circuit.silent, rules.silent),
        (circuit.torn, rules.torn),
        (circuit.failures, rules.in_a_row),
    ):
        if count >= most:
            return _paused(circuit, Cause.IN_A_ROW, told, count, count, rules)
    calls, failures, _ = _sums(circuit)
    if calls >= rules.least_calls and failures * 100 >= rules.share_percent * calls:
        return _paused(circuit, Cause.SHARE, told, failures, calls, rules)
    return circuit


def _probe_served(circuit: Circuit, rules: BreakerRules) -> Circuit:
    circuit = replace(circuit, claims=circuit.claims[1:])
    if circuit.position != Position.HALF_OPEN:
        return circuit
    if circuit.served + 1 < rules.probes:
        return replace(circuit, served=circuit.served + 1)
    closed = _at(circuit, Position.CLOSED)
    return replace(
        closed,
        left_wall_ms=closed.wall_ms,
        is_on_trial=True,
        cause=None,
        outcome=None,
        count=0,
        calls=0,
        retry_ms=0,
        config="",
        failed_probes=0,
        last_probe=None,
    )


def _probe_failed(circuit: Circuit, told: Failed, rules: BreakerRules) -> Circuit:
    circuit = replace(circuit, claims=circuit.claims[1:])
    if circuit.position != Position.HALF_OPEN:
        return circuit
    if told.outcome == Outcome.REJECTED:
        return _rejected(circuit, told)
    if told.outcome == Outcome.RATE_LIMITED:
        return _limited(circuit, told, rules)
    if circuit.cause == Cause.REJECTED:  # that reason is gone, and no configuration ends this pause
        return _paused(circuit, Cause.IN_A_ROW, told, 1, 1, rules)
    pause_ms = _next_pause(circuit, rules)
    return replace(
        _at(circuit, Position.OPEN),
        retry_ms=circuit.now_ms + pause_ms + _chance(pause_ms, told, rules),
        pause_ms=pause_ms,
        failed_probes=circuit.failed_probes + 1,
        last_probe=told.outcome,
    )


def _claimed(circuit: Circuit, told: Claimed, rules: BreakerRules) -> tuple[Circuit, bool]:
    if circuit.position == Position.OPEN and may_be_asked(circuit, told.config):
        circuit = _at(circuit, Position.HALF_OPEN)
    if circuit.position != Position.HALF_OPEN:
        return circuit, False
    claims = tuple(until_ms for until_ms in circuit.claims if until_ms > circuit.now_ms)
    if len(claims) + circuit.served >= rules.probes:
        return replace(circuit, claims=claims), False
    return replace(circuit, claims=(*claims, circuit.now_ms + rules.claim_ms)), True


def _put_back(circuit: Circuit, told: PutBack) -> Circuit:
    if circuit.position != Position.CLOSED:
        return circuit
    opened = _opened(
        circuit, told.cause, told.outcome, told.count, told.calls, max(0, told.wait_ms), told.pause_ms
    )
    return replace(
        opened,
        told_ms=circuit.now_ms,
        left_wall_ms=told.left_wall_ms,
        config=told.config,
        retry_ms=NEVER if told.wait_ms < 0 else opened.retry_ms,
    )


# opening --------------------------------------------------------------------------------------------------


def _rejected(circuit: Circuit, told: Failed) -> Circuit:
    opened = _opened(circuit, Cause.REJECTED, told.outcome, 1, 1, 0, circuit.pause_ms)
    return replace(opened, retry_ms=NEVER, config=told.config)


def _limited(circuit: Circuit, told: Failed, rules: BreakerRules) -> Circuit:
    """Never earlier than it asked for, within bounds; where it asked for nothing, as after any failure."""
    if told.retry_after_ms < 0:
        return _paused(circuit, Cause.LIMITED, told, 1, 1, rules)
    wait_ms = min(max(told.retry_after_ms, rules.least_limited_ms), rules.most_limited_ms)
    wait_ms += _chance(wait_ms, told, rules)
    return _opened(circuit, Cause.LIMITED, told.outcome, 1, 1, wait_ms, circuit.pause_ms)


def _paused(
    circuit: Circuit, cause: Cause, told: Failed, count: int, calls: int, rules: BreakerRules
) -> Circuit:
    pause_ms = _next_pause(circuit, rules)
    wait_ms = pause_ms + _chance(pause_ms, told, rules)
    return _opened(circuit, cause, told.outcome, count, calls, wait_ms, pause_ms)


def _next_pause(circuit: Circuit, rules: BreakerRules) -> int:
    is_settled = circuit.position == Position.CLOSED and (
        circuit.now_ms - circuit.changed_ms >= rules.settled_ms
    )
    if is_settled or circuit.pause_ms == 0:
        return rules.first_pause_ms
    return min(rules.longest_pause_ms, circuit.pause_ms * rules.growth_percent // 100)


def _chance(wait_ms: int, told: Failed, rules: BreakerRules) -> int:
    return wait_ms * rules.spread_percent * told.chance // 100_000


def _opened(
    circuit: Circuit, cause: Cause, outcome: Outcome, count: int, calls: int, wait_ms: int, pause_ms: int
) -> Circuit:
    return replace(
        _at(circuit, Position.OPEN),
        left_wall_ms=circuit.wall_ms if circuit.position == Position.CLOSED else circuit.left_wall_ms,
        cause=cause,
        outcome=outcome,
        count=count,
        calls=calls,
        retry_ms=circuit.now_ms + wait_ms,
        pause_ms=pause_ms,
        config="",
        failed_probes=0,
        last_probe=None,
    )


def _at(circuit: Circuit, position: Position) -> Circuit:
    """In another position, with nothing counted yet."""
    return replace(
        circuit,
        position=position,
        changed_ms=circuit.now_ms,
        changed_wall_ms=circuit.wall_ms,
        tallies=(),
        failures=0,
        torn=0,
        silent=0,
        failing_ms=0,
        is_on_trial=False,
        claims=(),
        served=0,
    )


# the window -----------------------------------------------------------------------------------------------


def _counted(circuit: Circuit, rules: BreakerRules, calls: int, failures: int, slow: int) -> Circuit:
    number = circuit.now_ms // (rules.window_ms // BUCKETS)
    kept = [tally for tally in circuit.tallies if tally.number > number - BUCKETS]
    last = kept.pop() if kept and kept[-1].number == number else Tally(number)
    tally = Tally(number, last.calls + calls, last.failures + failures, last.slow + slow)
    return replace(circuit, tallies=(*kept, tally))


def _sums(circuit: Circuit) -> tuple[int, int, int]:
    """(calls, failures, slow) in the window."""
    tallies = circuit.tallies
    return (
        sum(tally.calls for tally in tallies),
        sum(tally.failures for tally in tallies),
        sum(tally.slow for tally in tallies),
    )
