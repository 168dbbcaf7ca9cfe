"""What the gate asks of the circuit breakers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from inference.breaker.circuit import CircuitState
from inference.failover.outcomes import Report


class Breakers(Protocol):
    """Which engines are in rotation, judged by how the calls to them end."""

    def is_closed(self, engine: str, model: str) -> bool:
        """Whether requests may go there. A look at this process's own snapshot: no waiting.

        model: the engine's own name for it.
        """
        ...

    async def claim(self, engine: str, model: str) -> bool:
        """Whether one request may go to an engine that is out of rotation, to see how it is.

        True for as many requests at once, of all processes, as the circuit allows probes; never for an engine that is
        asked by the appliance itself. Whoever has claimed reports with `is_probe`, however the call ended.
        """
        ...

    def report(self, report: Report) -> None:
        """How a call ended. Does not wait: failures are told at once, successes together a little later."""
        ...

    def opened(self, engine: str, model: str) -> asyncio.Event:
        """Set as long as the circuit is not closed: whoever waits there for a first byte need not wait any longer.

        After it has closed again a new event counts; the old one stays set.
        """
        ...

    def states(self) -> Sequence[CircuitState]:
        """Every circuit that this process knows, by engine and model."""
        ...


class NoBreakers:
    """Every engine is always in rotation."""

    def is_closed(self, _engine: str, _model: str) -> bool:
        """Always."""
        return True

    async def claim(self, _engine: str, _model: str) -> bool:
        """Nothing to find out."""
        return False

    def report(self, _report: Report) -> None:
        """Nobody counts."""

    def opened(self, _engine: str, _model: str) -> asyncio.Event:
        """Never set."""
        return asyncio.Event()

    def states(self) -> Sequence[CircuitState]:
        """None."""
        return ()


NO_BREAKERS = NoBreakers()
