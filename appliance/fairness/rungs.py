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
from appliance.errors import PromptTooLong, QueueFull, QuotaExceeded, RateLimited
from appliance.fairness.purpose import Purpose
from appliance.fairness.routing import Routes
from inference.errors import EngineUnavailable, InferenceError
from inference.failover.judging import may_move, outcome_of
from inference.types import EngineRequest

RungKind = Literal["same", "smaller", "cloud"]
FURTHEST: tuple[AnswerRung, ...] = ("", "same", "elsewhere", "smaller", "quoted", "cloud")
"""From what was asked for to what somebody has to be told first."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to answer. model: as the roster knows it. request: as it goes there, redacted where it leaves the box.

    most_wait_s: in its line; after that `instead` is asked, and the place kept until there is a slot elsewhere. None:
    as long as anybody waits.
    is_last: no other rung is sure to follow. Then an engine that is alone on it is waited for however long it takes;
    else it has as long for its first token as one that another can stand in for.
    """

    kind: RungKind
    model: str
    routes: Routes
    request: EngineRequest
    most_wait_s: float | None = None
    is_last: bool = True

    def bears(self, error: Exception) -> bool:
        """Whether the next rung is tried after this. What is wrong with the request itself is wrong everywhere, but a
        cloud is another house: whatever it, or its price, objects to is no reason to stop."""
        if self.kind == "cloud" and isinstance(error, InferenceError | QuotaExceeded | RateLimited):
            return True
        if self.kind != "same" and isinstance(error, PromptTooLong):
            return True
        return isinstance(error, EngineUnavailable | QueueFull) or may_move(outcome_of(error))

    def reached(self, *, has_moved: bool) -> AnswerRung:
        """What an answer by this way is called. has_moved: the first engine that was asked failed."""
        return "elsewhere" if has_moved and self.kind == "same" else self.kind


def answered_as(rung: Rung, engine: str) -> str:
    """Who answers, where that is not the model that was asked for: `OpenAI (gpt-4o-mini)`, or a smaller model. Pure."""
    if rung.kind == "cloud":
        cloud, theirs = rung.routes.engines[engine]
        return f"{getattr(cloud, 'title', engine)} ({theirs})"
    return rung.model if rung.kind == "smaller" else ""


class Climb(Protocol):
    """The rungs of one request."""

    async def next(self, failure: Exception | None, failed: Rung | None = None) -> Rung:
        """The first, then the one after a failure. Raises the failure, or a better sentence, where there is none."""
        ...

    async def instead(self, wait_s: float) -> Rung | None:
        """Where to go from a line in which it waits so long, or will; None: nowhere."""
        ...


class Ladder(Protocol):
    """Which ways there are."""

    def begin(self, caller: Caller, model: str, request: EngineRequest, purpose: Purpose) -> Climb:
        """For one request. Raises ModelNotFound."""
        ...

    def may_answer(self, caller: Caller | None, model: str) -> bool:
        """Whether another rung may answer where all engines of a model are down. None: nobody in particular."""
        ...


class OneRung:
    """A ladder without a second rung: the model that was asked for, where it is served."""

    def __init__(self, routes: Callable[[str], Routes]) -> None:
        self._routes = routes

    def begin(self, _caller: Caller, model: str, request: EngineRequest, _purpose: Purpose) -> Climb:
        """One way."""
        return _OneClimb(Rung("same", model, self._routes(model), request))

    def may_answer(self, _caller: Caller | None, _model: str) -> bool:
        """There is no other."""
        return False


class _OneClimb:
    def __init__(self, rung: Rung) -> None:
        self._rung = rung

    async def next(self, failure: Exception | None, failed: Rung | None = None) -> Rung:
        if failure is not None:
            raise failure
        return self._rung

    async def instead(self, _wait_s: float) -> Rung | None:
        return None
