"""The ways to answer one request, tried in their order until one works: the ladder of degradation.

A rung is one of them: which model, on which engines, and the request as it goes there. The gate climbs; which rungs
there are and who may use them is the ladder's decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from appliance.domain.answers import AnswerRung
from appliance.domain.people import Caller
from appliance.fairness.purpose import Purpose
from appliance.fairness.routing import Routes
from inference.errors import EngineUnavailable
from inference.types import EngineRequest

RungKind = Literal["same", "smaller", "cloud"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to answer. model: as the roster knows it. request: as it goes there, redacted where it leaves the box.

    most_wait_s: in its queue; after that `next` is asked with a WaitedTooLong. None: as long as anybody waits.
    """

    kind: RungKind
    model: str
    routes: Routes
    request: EngineRequest
    most_wait_s: float | None = None

    def reached(self, *, has_moved: bool) -> AnswerRung:
        """What an answer by this way is called. has_moved: the first engine that was asked failed."""
        return "elsewhere" if has_moved and self.kind == "same" else self.kind


class Climb(Protocol):
    """The rungs of one request."""

    async def next(self, failure: EngineUnavailable | None) -> Rung:
        """The first, then the one after a failure. Raises the failure, or a better sentence, where there is none."""
        ...


class Ladder(Protocol):
    """Which ways there are."""

    def begin(self, caller: Caller, model: str, request: EngineRequest, purpose: Purpose) -> Climb:
        """For one request. Raises ModelNotFound."""
        ...


class OneRung:
    """A ladder without a second rung: the model that was asked for, where it is served."""

    def __init__(self, routes: Callable[[str], Routes]) -> None:
        self._routes = routes

    def begin(self, _caller: Caller, model: str, request: EngineRequest, _purpose: Purpose) -> Climb:
        """One way."""
        return _OneClimb(Rung("same", model, self._routes(model), request))


class _OneClimb:
    def __init__(self, rung: Rung) -> None:
        self._rung = rung

    async def next(self, failure: EngineUnavailable | None) -> Rung:
        if failure is not None:
            raise failure
        return self._rung
