"""Which of a rung's engines may be asked just now: those whose circuit is closed, or one as a probe."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.fairness.admission import Candidate
from appliance.fairness.breakers.port import Breakers
from appliance.fairness.routing import Routes
from inference.errors import EngineUnavailable
from inference.failover.outcomes import Outcome, Report


@dataclass(frozen=True, slots=True)
class Ways:
    """Where a request may go. probe: the claim that came with the only one of them, to be reported however it ends."""

    candidates: tuple[Candidate, ...]
    probe: Probe | None = None


class Probe:
    """A claim to ask an engine that is out of rotation. It is given back unless somebody reports what came of it."""

    __slots__ = ("_breakers", "engine", "is_open", "model")

    def __init__(self, breakers: Breakers, engine: str, model: str) -> None:
        self._breakers = breakers
        self.engine = engine
        self.model = model
        self.is_open = True

    def give_back(self) -> None:
        """It never came to anything."""
        if self.is_open:
            self.is_open = False
            self._breakers.report(Report(self.engine, self.model, Outcome.NOT_COUNTED, is_probe=True))


class Rotation:
    """breakers: who is in it."""

    def __init__(self, breakers: Breakers) -> None:
        self._breakers = breakers

    async def ways(self, routes: Routes) -> Ways:
        """Raises EngineUnavailable where every engine is out of rotation."""
        closed = self.closed(routes)
        if len(closed) == len(routes.candidates):
            return Ways(closed)
        for candidate in routes.candidates:
            if candidate not in closed:
                model = routes.engines[candidate.engine][1]
                if await self._breakers.claim(candidate.engine, model):
                    return Ways((candidate,), Probe(self._breakers, candidate.engine, model))
        if not closed:
            raise out_of_rotation()
        return Ways(closed)

    def closed(self, routes: Routes, but: str = "") -> tuple[Candidate, ...]:
        """Those in rotation. but: an engine that is not meant."""
        is_closed, engines = self._breakers.is_closed, routes.engines
        return tuple(
            candidate
            for candidate in routes.candidates
            if candidate.engine != but and is_closed(candidate.engine, engines[candidate.engine][1])
        )

    def is_closed(self, routes: Routes, engine: str) -> bool:
        return self._breakers.is_closed(engine, routes.engines[engine][1])


def out_of_rotation() -> EngineUnavailable:
    """What a person is told then."""
    return EngineUnavailable("Every server that has this model failed too often and is given a pause.")
