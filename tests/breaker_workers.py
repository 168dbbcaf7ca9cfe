"""Gateway processes' circuit breakers on one Valkey, as they would be in as many processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from appliance.fairness.breakers.circuit_breakers import CircuitBreakers, Terms
from appliance.fairness.breakers.shared_circuits import SharedCircuits
from appliance.fairness.valkey.valkey_link import ValkeyLink
from inference.breaker.circuit import CircuitState
from inference.breaker.rules import CLOUD, LOCAL
from inference.failover.outcomes import Outcome, Report

HOUR_MS = 3_600_000
SLOW_TO_RETURN = replace(LOCAL, first_pause_ms=HOUR_MS, longest_pause_ms=HOUR_MS)
QUICK_TO_RETURN = replace(LOCAL, first_pause_ms=1, longest_pause_ms=1)
CLOUD_AT_ONCE = replace(CLOUD, first_pause_ms=1, longest_pause_ms=1)


@dataclass
class Company:
    """Fulfils circuit_breakers.Judged; a test may change it while it runs."""

    default: Terms = field(default_factory=lambda: Terms(SLOW_TO_RETURN))
    coming: set[str] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)

    def terms(self, _engine: str, _model: str) -> Terms:
        """The same for all."""
        return self.default

    def is_coming(self, engine: str) -> bool:
        """As the test says."""
        return engine in self.coming

    def is_alone(self, engine: str, _model: str) -> bool:
        """As the test says."""
        return engine in self.alone


@dataclass
class Worker:
    """One process. told: the changes that its own reports made."""

    breakers: CircuitBreakers
    told: list[CircuitState]

    def fails(self, outcome: Outcome, times: int = 1, **more: object) -> None:
        """Reports that the engine called gpu failed."""
        for _ in range(times):
            self.breakers.report(Report("gpu", "llama", outcome, **more))  # type: ignore[arg-type]

    def is_closed(self) -> bool:
        """As this process sees it."""
        return self.breakers.is_closed("gpu", "llama")

    def state(self) -> CircuitState | None:
        """What this process knows."""
        return next(iter(self.breakers.states()), None)


@asynccontextmanager
async def workers(url: str, count: int, company: Company | None = None) -> AsyncIterator[list[Worker]]:
    """So many processes on one Valkey."""
    judged = company or Company()
    async with AsyncExitStack() as stack:
        made = []
        for number in range(count):
            link = ValkeyLink(url, f"breakers-{number}")
            told: list[CircuitState] = []
            breakers = CircuitBreakers(
                SharedCircuits(link), judged, on_change=told.append, poll_s=0.05, chance=lambda: 0.0
            )
            await link.open()
            stack.push_async_callback(link.close)
            await breakers.open()
            stack.push_async_callback(breakers.close)
            made.append(Worker(breakers, told))
        yield made
