"""One request on the ladder: each rung is looked at when its turn comes, because only then is it known who answers.

The order is `order.py`'s, what may leave `leaving`'s, whether an engine is in rotation the gate's. Knows nothing of
queues but how long somebody has waited.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from appliance.domain.people import Caller
from appliance.errors import QueueFull, StaysOnBox
from appliance.fairness.breakers.port import Breakers
from appliance.fairness.budgets.port import Budgets
from appliance.fairness.kept_engines import KeptEngines, loading_of
from appliance.fairness.ladder.expected import back_in_s
from appliance.fairness.ladder.order import Step
from appliance.fairness.leaving.port import Leave, Leaving, Reason, Stay
from appliance.fairness.routing import Routes
from appliance.fairness.rungs import Rung
from inference.errors import (
    EngineBackSoon,
    EngineUnavailable,
    ModelLoadFailed,
    ModelNotFound,
    ModelNotLoaded,
)
from inference.types import EngineRequest

logger = logging.getLogger(__name__)

_A_MOMENT_S = 5.0
"""An engine that is back so soon is waited for before anybody else is asked."""


class FindsRoutes(Protocol):
    """By a model's name; `routing.Routing` fulfils it. Raises ModelNotFound."""

    def routes(self, model: str) -> Routes: ...

    def cloud_routes(self, model: str) -> Routes: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a ladder asks."""

    routing: FindsRoutes
    kept: KeptEngines
    breakers: Breakers
    leaving: Leaving
    budgets: Budgets


class PlannedClimb:
    """Fulfils rungs.Climb. steps: what may be tried, in order. is_asked_for: a cloud's model by its own name.

    may_cross: whether a long line is a reason to think of a cloud.
    """

    def __init__(
        self,
        around: Surroundings,
        caller: Caller,
        model: str,
        request: EngineRequest,
        steps: Sequence[Step],
        *,
        is_asked_for: bool = False,
        may_cross: bool = False,
    ) -> None:
        self._around = around
        self._caller = caller
        self._model = model
        self._request = request
        self._steps = list(steps)
        self._is_asked_for = is_asked_for
        self._may_cross = may_cross
        self._failure: Exception | None = None
        self._stay: Stay | None = None
        self._is_slow = False
        """It was the line that was too long, not an engine that failed."""

    async def next(self, failure: Exception | None, failed: Rung | None = None) -> Rung:
        """See rungs.Climb. Raises EngineBackSoon, StaysOnBox, or what the model that was asked for failed with."""
        if failure is not None:
            self._note(failure, failed)
        while self._steps:
            step = self._steps.pop(0)
            try:
                rung = await self._rung(step)
            except ModelNotFound:
                continue  # its last engine has just gone
            if rung is not None:
                return rung
        raise self._last_word()

    async def instead(self, wait_s: float) -> Rung | None:
        """A cloud, if this request may leave for that and there is one in rotation."""
        self._may_cross = False  # it is asked once
        routes = self._cloud()
        if routes is None or not self._is_in_rotation(routes):
            return None
        return await self._permitted(routes, "queue", wait_s)

    def _note(self, failure: Exception, failed: Rung | None) -> None:
        if failed is not None and failed.kind == "cloud" and not self._is_asked_for:
            logger.warning("a cloud did not answer: %s", failure)
            if self._failure is None:  # it had left the line, where there is one still
                self._steps.insert(0, Step("same", self._model))
                return
        self._failure = self._failure or failure
        self._is_slow = isinstance(self._failure, QueueFull)

    # rungs --------------------------------------------------------------------------------------------

    async def _rung(self, step: Step) -> Rung | None:
        if step.kind == "cloud":
            routes = self._cloud()
            return None if routes is None else await self._permitted(routes, self._reason, self._waited_s)
        routes = self._around.routing.routes(step.model)
        if step.kind == "smaller":
            return Rung("smaller", step.model, routes, self._request, is_last=not self._steps)
        if self._steps and (restart := self._restart(routes)) is not None:
            self._failure = self._failure or restart
            return None  # it is waited for at the end, where nobody else answers
        patience_s = None
        if self._may_cross:
            patience_s = self._around.leaving.patience_s(self._caller, self._model)
        return Rung(
            "same", step.model, routes, self._request, most_wait_s=patience_s, is_last=not self._steps
        )

    def _restart(self, routes: Routes) -> EngineUnavailable | None:
        """All engines of the model died and will not be back in a moment."""
        loading = loading_of(self._around.kept, [one.engine for one in routes.candidates])
        if loading is None or not loading.is_after_failure:
            return None
        if loading.eta_s is None:
            return EngineUnavailable()
        return EngineBackSoon(loading.eta_s) if loading.eta_s > _A_MOMENT_S else None

    def _cloud(self) -> Routes | None:
        # Whoever names a cloud's model is told by the reservation which budget is used up.
        if not (self._is_asked_for or self._around.budgets.may_spend(self._caller, is_cloud=True)):
            return None
        try:
            return self._around.routing.cloud_routes(self._model)
        except ModelNotFound:
            return None

    async def _permitted(self, routes: Routes, reason: Reason, waited_s: float) -> Rung | None:
        answer = await self._around.leaving.decide(self._caller, self._model, self._request, reason, waited_s)
        if isinstance(answer, Leave):
            return Rung("cloud", self._model, routes, answer.request)
        self._stay = answer
        return None

    def _is_in_rotation(self, routes: Routes) -> bool:
        return any(
            self._around.breakers.is_closed(one.engine, routes.engines[one.engine][1])
            for one in routes.candidates
        )

    @property
    def _reason(self) -> Reason:
        if self._is_asked_for:
            return "asked_for"
        return "queue" if self._is_slow else "local_down"

    @property
    def _waited_s(self) -> float:
        return getattr(self._failure, "retry_after_s", None) or 0.0 if self._is_slow else 0.0

    # the end ------------------------------------------------------------------------------------------

    def _last_word(self) -> Exception:
        failure = self._failure
        if failure is None:
            why = "" if self._stay is None else self._stay.why
            return StaysOnBox(why) if self._is_asked_for else EngineUnavailable()
        if not isinstance(failure, EngineUnavailable):
            return failure
        if isinstance(failure, EngineBackSoon | ModelLoadFailed | ModelNotLoaded):
            return failure  # they know better
        expected_s = self._expected_s()
        if expected_s is None:
            return failure
        soon = EngineBackSoon(expected_s)
        soon.__cause__ = failure
        return soon

    def _expected_s(self) -> float | None:
        try:
            routing = self._around.routing
            find = routing.cloud_routes if self._is_asked_for else routing.routes
            engines = [one.engine for one in find(self._model).candidates]
        except ModelNotFound:
            return None
        return back_in_s(engines, self._around.kept, self._around.breakers.states())
