"""The circuits of one process alone, while Valkey is away: the same rules, and what is to be put back afterwards."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from appliance.fairness.breakers.wire import KEPT_TRANSITIONS, packed_transition
from inference.breaker.circuit import NEVER, Circuit, Position, new_circuit
from inference.breaker.machine import Step, after
from inference.breaker.operations import Operation, PutBack
from inference.breaker.rules import BreakerRules

Key = tuple[str, str]
"""An engine, and its own name for one of its models."""


class Shadow:
    """wall_ms: milliseconds since 1970. It holds nothing as long as Valkey is there."""

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._circuits: dict[Key, Circuit] = {}
        self._transitions: dict[str, deque[bytes]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._circuits

    def __bool__(self) -> bool:
        return bool(self._circuits or self._transitions)

    @property
    def circuits(self) -> Mapping[Key, Circuit]:
        """What it holds."""
        return self._circuits

    def step(self, key: Key, operation: Operation, rules: BreakerRules, seen: Circuit | None) -> Step:
        """seen: what was known of it in common, aged to now; its clock goes on here."""
        wall_ms = self._wall_ms()
        circuit = self._circuits.get(key)
        if circuit is None:
            circuit = new_circuit(wall_ms) if seen is None else replace(seen, wall_ms=wall_ms)
        step = after(circuit, operation, wall_ms, rules)
        self._circuits[key] = step.circuit
        if step.is_change:
            engine, model = key
            kept = self._transitions.setdefault(engine, deque(maxlen=KEPT_TRANSITIONS))
            kept.append(packed_transition(step.circuit, model))
        return step

    def transitions(self) -> dict[str, list[bytes]]:
        """Engine -> what happened meanwhile, packed, the oldest first."""
        return {engine: list(rows) for engine, rows in self._transitions.items()}

    def forget_transitions(self, engine: str) -> None:
        """They are kept in common now."""
        self._transitions.pop(engine, None)

    def forget(self, key: Key) -> None:
        """It is kept in common again."""
        self._circuits.pop(key, None)


def put_back(circuit: Circuit) -> PutBack | None:
    """What of a circuit must not be lost; None: it is closed."""
    if circuit.position == Position.CLOSED or circuit.cause is None or circuit.outcome is None:
        return None
    return PutBack(
        circuit.cause,
        circuit.outcome,
        circuit.count,
        circuit.calls,
        NEVER if circuit.retry_ms == NEVER else max(0, circuit.retry_ms - circuit.now_ms),
        circuit.pause_ms,
        circuit.left_wall_ms,
        circuit.config,
    )
