"""machine.lua in a real Valkey takes every step as machine.py does, whatever the history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from redis import Redis

from appliance.fairness.breakers.wire import (
    PREFIX,
    history_key,
    packed_circuit,
    packed_operation,
    packed_rules,
    packed_transition,
    read_circuit,
    script,
)
from inference.breaker.circuit import new_circuit
from inference.breaker.machine import Step, after
from inference.breaker.operations import Operation
from inference.breaker.rules import BreakerRules
from tests.breaker_histories import NOON_MS, histories, rules
from tests.conftest import Servers


@pytest.fixture(scope="module")
def client(servers: Servers) -> Iterator[Redis]:
    """A plain client of the run's Valkey."""
    with Redis.from_url(servers.valkey.url) as opened:
        yield opened


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rules=rules, history=histories)
def test_lua_and_python_take_the_same_steps(
    client: Redis, rules: BreakerRules, history: Sequence[tuple[int, Operation]]
) -> None:
    """Every field of the circuit, every grant, every line of the history."""
    client.delete(f"{PREFIX}circuits", history_key("gpu"))
    step_in_valkey = client.register_script(script("machine"))
    written: list[dict[str, object]] = []
    wall_ms = NOON_MS
    circuit = new_circuit(wall_ms + (history[0][0] if history else 0))

    for step_ms, operation in history:
        wall_ms += step_ms
        expected = after(circuit, operation, wall_ms, rules)
        packed, is_change, is_granted = step_in_valkey(
            [PREFIX], ["gpu", "llama", packed_operation(operation), packed_rules(rules), wall_ms]
        )
        assert Step(read_circuit(packed), bool(is_change), bool(is_granted)) == expected, operation
        circuit = read_circuit(packed_circuit(expected.circuit))
        assert circuit == expected.circuit
        if expected.is_change:
            written.insert(0, orjson.loads(packed_transition(circuit, "llama")))

    kept = [orjson.loads(row) for row in client.lrange(history_key("gpu"), 0, -1)]
    assert kept == [{name: value for name, value in row.items() if value is not None} for row in written]
