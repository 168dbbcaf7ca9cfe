"""Circuits and what happens to them, as Valkey's scripts read and write them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

import orjson

from inference.breaker.circuit import Cause, Circuit, Position, Tally
from inference.breaker.operations import (
    Claimed,
    Failed,
    Freed,
    Hastened,
    Looked,
    Operation,
    PutBack,
    Served,
)
from inference.breaker.rules import BreakerRules
from inference.failover.outcomes import Outcome

PREFIX = "{gate}:breakers:1:"
"""Before every key. The number is that of the records' layout: another one begins anew."""
CHANGES = f"{PREFIX}changes"
"""Where every process hears of a circuit that opened, closed or is to be asked."""
KEPT_TRANSITIONS = 100

_NAMES: dict[type[Operation], str] = {
    Served: "served",
    Failed: "failed",
    Freed: "freed",
    Claimed: "claimed",
    Hastened: "hastened",
    PutBack: "put_back",
    Looked: "looked",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """A circuit took another position. at_ms: since 1970. count: failed probes, if that is its cause.

    wait_ms: until it may be asked; -1: no end.
    """

    at_ms: int
    model: str
    position: Position
    cause: Cause | None
    outcome: Outcome | None
    count: int
    calls: int
    wait_ms: int


def script(name: str) -> str:
    """The text of a script of this room."""
    return (resources.files("appliance.fairness.breakers") / f"{name}.lua").read_text(encoding="utf-8")


def history_key(engine: str) -> str:
    """The list of an engine's transitions, the newest first."""
    return f"{PREFIX}history:{engine}"


def packed_operation(operation: Operation) -> bytes:
    """As machine.lua reads it."""
    return orjson.dumps({"is": _NAMES[type(operation)], **asdict(operation)})


def packed_rules(rules: BreakerRules) -> bytes:
    """As machine.lua reads them."""
    return orjson.dumps(asdict(rules))


def packed_circuit(circuit: Circuit) -> bytes:
    """As machine.lua keeps it."""
    fields = {name: value for name, value in asdict(circuit).items() if value is not None}
    fields["tallies"] = [[tally.number, tally.calls, tally.failures, tally.slow] for tally in circuit.tallies]
    return orjson.dumps(fields)


def read_circuit(packed: bytes) -> Circuit:
    """What `machine.lua` or `packed_circuit` wrote. Raises ValueError for anything else."""
    try:
        fields: dict[str, Any] = orjson.loads(packed)
        fields["position"] = Position(fields["position"])
        fields["cause"] = _cause(fields.get("cause"))
        fields["outcome"] = _outcome(fields.get("outcome"))
        fields["last_probe"] = _outcome(fields.get("last_probe"))
        # Lua cannot tell an empty list from an empty object
        fields["tallies"] = tuple(Tally(*tally) for tally in fields["tallies"] or ())
        fields["claims"] = tuple(fields["claims"] or ())
        return Circuit(**fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("This is no circuit.") from error


def packed_transition(circuit: Circuit, model: str) -> bytes:
    """The transition that led to this circuit, as machine.lua keeps it."""
    wait_ms = -1 if circuit.retry_ms < 0 else max(0, circuit.retry_ms - circuit.now_ms)
    is_probe = circuit.last_probe is not None and circuit.position is Position.OPEN
    transition = Transition(
        circuit.changed_wall_ms,
        model,
        circuit.position,
        Cause.PROBE if is_probe else circuit.cause,
        circuit.last_probe if is_probe else circuit.outcome,
        circuit.failed_probes if is_probe else circuit.count,
        circuit.calls,
        wait_ms,
    )
    return orjson.dumps(asdict(transition))


def read_transition(packed: bytes) -> Transition:
    """What `machine.lua` or `packed_transition` wrote. Raises ValueError for anything else."""
    try:
        fields: dict[str, Any] = orjson.loads(packed)
        fields["position"] = Position(fields["position"])
        fields["cause"] = _cause(fields.get("cause"))
        fields["outcome"] = _outcome(fields.get("outcome"))
        return Transition(**fields)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("This is no transition.") from error


def _cause(value: str | None) -> Cause | None:
    return None if value is None else Cause(value)


def _outcome(value: str | None) -> Outcome | None:
    return None if value is None else Outcome(value)
