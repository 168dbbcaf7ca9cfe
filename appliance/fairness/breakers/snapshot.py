"""What one process knows of the circuits: looked at for every request, brought up to date by messages and by polling.

Ages what it knows by its own clock, so a circuit whose pause is over is found without asking anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from appliance.fairness.breakers.shadow import Key
from inference.breaker.circuit import NEVER, Circuit, CircuitState, Position
from inference.breaker.machine import may_be_asked


@dataclass(frozen=True, slots=True)
class Seen:
    """A circuit, and when by the process's own clock it was so."""

    circuit: Circuit
    at_s: float


class Snapshot:
    """clock: seconds that only go forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[Key, Seen] = {}
        self._not_closed: set[Key] = set()
        self._opened: dict[Key, asyncio.Event] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._seen

    def take(self, key: Key, circuit: Circuit) -> bool:
        """Returns whether its position is another one, or it may be asked at another time."""
        before = self._seen.get(key)
        self._seen[key] = Seen(circuit, self._clock())
        self._tell(key, circuit.position)
        if before is None or before.circuit.position != circuit.position:
            return True
        return before.circuit.retry_ms != circuit.retry_ms

    def is_closed(self, key: Key) -> bool:
        """Also what nothing is known of."""
        return key not in self._not_closed

    def opened(self, key: Key) -> asyncio.Event:
        """Set while it is not closed."""
        event = self._opened.get(key)
        if event is None:
            event = self._opened[key] = asyncio.Event()
            if key in self._not_closed:
                event.set()
        return event

    def aged(self, key: Key) -> Circuit | None:
        """As it is now, if nothing but time has happened to it."""
        seen = self._seen.get(key)
        if seen is None:
            return None
        passed_ms = int((self._clock() - seen.at_s) * 1000)
        return replace(
            seen.circuit, now_ms=seen.circuit.now_ms + passed_ms, wall_ms=seen.circuit.wall_ms + passed_ms
        )

    def keys(self) -> list[Key]:
        """Every circuit that is known."""
        return list(self._seen)

    def not_closed(self) -> Iterator[tuple[Key, Circuit]]:
        """Those that are not, as they are now."""
        for key in list(self._not_closed):
            circuit = self.aged(key)
            if circuit is not None:
                yield key, circuit

    def due_in_s(self, key: Key, config: str) -> float | None:
        """Seconds until it may be asked; None: it is closed, or waits for another configuration."""
        circuit = self.aged(key)
        if circuit is None or circuit.position == Position.CLOSED:
            return None
        if circuit.position == Position.HALF_OPEN or may_be_asked(circuit, config):
            return 0.0
        return None if circuit.retry_ms == NEVER else (circuit.retry_ms - circuit.now_ms) / 1000

    def _tell(self, key: Key, position: Position) -> None:
        event = self._opened.get(key)
        if position == Position.CLOSED:
            self._not_closed.discard(key)
            if event is not None and event.is_set():
                del self._opened[key]
        else:
            self._not_closed.add(key)
            if event is not None:
                event.set()


def state_of(key: Key, circuit: Circuit, config: str, *, is_asked: bool) -> CircuitState:
    """As people see it."""
    engine, model = key
    retry_in_s: float | None = None
    if circuit.position != Position.CLOSED:
        if circuit.position == Position.HALF_OPEN or may_be_asked(circuit, config):
            retry_in_s = 0.0
        elif circuit.retry_ms != NEVER:
            retry_in_s = (circuit.retry_ms - circuit.now_ms) / 1000
    return CircuitState(
        engine,
        model,
        circuit.position,
        circuit.left_wall_ms / 1000,
        circuit.cause,
        circuit.outcome,
        circuit.count,
        circuit.calls,
        retry_in_s,
        is_asked,
        circuit.failed_probes,
        circuit.last_probe,
    )
