"""One request on the ladder: what an engine that is being restarted, and a line that was left, change of its way."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from appliance.domain.people import Caller
from appliance.errors import QueueFull
from appliance.fairness.admission import Candidate
from appliance.fairness.breakers.port import NO_BREAKERS
from appliance.fairness.budgets.port import NO_BUDGETS
from appliance.fairness.kept_engines import Loading, NothingKept
from appliance.fairness.ladder.climbing import PlannedClimb, Surroundings
from appliance.fairness.ladder.order import Step
from appliance.fairness.leaving.port import Leave, Leaving, Reason, Stay
from appliance.fairness.routing import Routes
from inference.errors import CloudRefused, EngineBackSoon, EngineUnavailable, ModelNotFound
from inference.types import EngineRequest, LeavePermit

ANA = Caller(UUID(int=1), "ana@example.com")
REQUEST = EngineRequest("chat/completions", {"messages": []})
STEPS = (Step("same", "big"), Step("smaller", "small"), Step("cloud", "big"), Step("again", "big"))


class Routing:
    """Every model has an engine of its own; `far` is the cloud."""

    def routes(self, model: str) -> Routes:
        if model == "gone":
            raise ModelNotFound(model, [])
        return self._to(model)

    def cloud_routes(self, model: str) -> Routes:
        return self._to("far")

    def _to(self, engine: str) -> Routes:
        return Routes(engine, {engine: (None, engine)}, (Candidate(engine, 1),))  # type: ignore[dict-item]


class Restarted(NothingKept):
    """`big` died and is back in so many seconds."""

    def __init__(self, eta_s: float | None, *, is_after_failure: bool = True) -> None:
        self._loading = Loading("big", eta_s, is_after_failure)

    def loading(self, engine: str) -> Loading | None:
        return self._loading if engine == "big" else None


class Asked:
    """A policy that says the same to everybody, and remembers why it was asked."""

    def __init__(self, *, leaves: bool) -> None:
        self._leaves = leaves
        self.reasons: list[tuple[Reason, float]] = []

    async def decide(
        self, caller: Caller, model: str, request: EngineRequest, reason: Reason, waited_s: float = 0
    ) -> Leave | Stay:
        self.reasons.append((reason, waited_s))
        permit = LeavePermit("decision", caller.email, reason)
        return Leave(permit, request) if self._leaves else Stay("never", "No.")

    def patience_s(self, caller: Caller, model: str) -> float | None:
        return 30.0

    def could_leave(self, caller: Caller, model: str, reason: Reason = "asked_for") -> bool:
        return True


def climb(leaving: Leaving, kept: NothingKept | None = None, **more: Any) -> PlannedClimb:
    """Of a chat of ana's with `big`."""
    around = Surroundings(Routing(), kept or NothingKept(), NO_BREAKERS, leaving, NO_BUDGETS)
    return PlannedClimb(around, ANA, "big", REQUEST, more.pop("steps", STEPS), **more)


async def test_each_failure_leads_one_rung_further_and_the_first_one_is_told() -> None:
    """In the end the model itself is waited for; what it failed with at first is the answer."""
    policy = Asked(leaves=True)
    way = climb(policy)
    failure = EngineUnavailable("big is away")

    rungs = [await way.next(None)]
    for error in (failure, EngineUnavailable("small is away"), CloudRefused("full")):
        rungs.append(await way.next(error, rungs[-1]))
    with pytest.raises(EngineUnavailable, match="big is away"):
        await way.next(EngineUnavailable("again"), rungs[-1])

    assert [rung.kind for rung in rungs] == ["same", "smaller", "cloud", "same"]
    assert [rung.is_last for rung in rungs] == [False, False, True, True]
    assert policy.reasons == [("local_down", 0.0)]


@pytest.mark.parametrize(
    ("kept", "first"),
    [
        (Restarted(60.0), "smaller"),
        (Restarted(None), "smaller"),
        (Restarted(3.0), "same"),
        (Restarted(60.0, is_after_failure=False), "same"),
    ],
    ids=["a-minute", "nobody-knows", "a-moment", "only-asleep"],
)
async def test_an_engine_that_is_being_restarted_is_waited_for_last(kept: Restarted, first: str) -> None:
    """Unless it is back in a moment; one that only sleeps is woken, for nothing is wrong with it."""
    assert (await climb(Asked(leaves=False), kept).next(None)).kind == first


async def test_where_nobody_else_answers_the_restart_is_waited_for() -> None:
    """The model itself, at the end of the way, for as long as it takes."""
    way = climb(
        Asked(leaves=False), Restarted(60.0), steps=(Step("same", "big"), Step("cloud", "big"), STEPS[3])
    )

    rung = await way.next(None)

    assert (rung.kind, rung.model, rung.is_last) == ("same", "big", True)
    with pytest.raises(EngineBackSoon) as told:
        await way.next(EngineUnavailable(), rung)
    assert told.value.retry_after_s == 60.0


async def test_a_cloud_that_failed_somebody_who_left_the_line_leads_back_to_it() -> None:
    """Nothing here had failed: the model is asked again before any other rung, and nobody crosses twice."""
    way = climb(Asked(leaves=True), may_cross=True)
    here = await way.next(None)
    there = await way.instead(40.0)
    assert there is not None

    back = await way.next(CloudRefused("no"), there)

    assert (here.most_wait_s, there.kind) == (30.0, "cloud")
    assert (back.kind, back.model, back.most_wait_s) == ("same", "big", None)


async def test_a_full_line_asks_for_a_cloud_as_a_queue_does() -> None:
    """With the time that it would have taken."""
    policy = Asked(leaves=True)
    way = climb(policy, steps=(Step("same", "big"), Step("cloud", "big")))

    rung = await way.next(QueueFull(retry_after_s=90), await way.next(None))

    assert rung.kind == "cloud"
    assert policy.reasons == [("queue", 90)]


async def test_a_model_whose_last_engine_has_gone_is_passed_over() -> None:
    """It is no reason to stop."""
    way = climb(Asked(leaves=False), steps=(Step("smaller", "gone"), Step("smaller", "small")))

    assert (await way.next(None)).model == "small"
