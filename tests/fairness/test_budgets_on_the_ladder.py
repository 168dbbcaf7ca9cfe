"""A budget for clouds that is used up closes that rung, and tells who asked for it by name."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from appliance.domain.people import Caller
from appliance.errors import CloudRefusedByBudget, QuotaExceeded
from appliance.fairness.admission import Candidate
from appliance.fairness.breakers.port import NO_BREAKERS
from appliance.fairness.budgets.port import NOTHING_RESERVED, Reservation
from appliance.fairness.kept_engines import NOTHING_KEPT
from appliance.fairness.ladder.climbing import PlannedClimb, Surroundings
from appliance.fairness.ladder.order import Step
from appliance.fairness.leaving.port import Leave, Reason
from appliance.fairness.routing import Routes
from inference.errors import EngineUnavailable
from inference.types import EngineRequest, LeavePermit

ANA = Caller(UUID(int=1), "ana@box.example")
REQUEST = EngineRequest("chat/completions", {})
FAR = Routes("far", {}, (Candidate("far", 1),))


class Clouds:
    """A cloud has every model."""

    def routes(self, _model: str) -> Routes:
        return FAR

    def cloud_routes(self, _model: str) -> Routes:
        return FAR


class Leaves:
    """Everything may leave."""

    async def decide(
        self, _caller: Caller, _model: str, request: EngineRequest, _reason: Reason, waited_s: float = 0.0
    ) -> Leave:
        return Leave(LeavePermit("1", "ana", f"after {waited_s}"), request)

    def patience_s(self, _caller: Caller, _model: str) -> float | None:
        return None


class UsedUp:
    """Nothing is left for clouds."""

    async def reserve(
        self,
        _caller: Caller,
        _model: str,
        _engine: str,
        _is_cloud: bool,
        _prompt_tokens: int,
        _most_tokens: int | None,
        *,
        others: Sequence[str] = (),
        context_tokens: int | None = None,
        audio_seconds: float = 0.0,
    ) -> Reservation:
        return NOTHING_RESERVED

    def settle(self, _reservation: Reservation, _cost: object) -> None:
        return None

    def may_spend(self, _caller: Caller, *, is_cloud: bool) -> bool:
        return not is_cloud


def climb(*, is_asked_for: bool) -> PlannedClimb:
    """Whose only way is a cloud."""
    around = Surroundings(Clouds(), NOTHING_KEPT, NO_BREAKERS, Leaves(), UsedUp())  # type: ignore[arg-type]
    return PlannedClimb(around, ANA, "m", REQUEST, [Step("cloud", "m")], is_asked_for=is_asked_for)


async def test_a_cloud_is_not_even_asked_for_where_its_budget_is_used_up() -> None:
    """The engine's own failure is what is told."""
    down = EngineUnavailable("all engines are down")

    with pytest.raises(EngineUnavailable, match="all engines are down"):
        await climb(is_asked_for=False).next(down)


async def test_who_names_a_clouds_model_is_told_which_budget_is_used_up() -> None:
    """The rung is climbed, its reservation refused, and that refusal is the answer: a 429."""
    ladder = climb(is_asked_for=True)
    rung = await ladder.next(None)
    refusal = CloudRefusedByBudget(QuotaExceeded("The budget of this account is 1.00 EUR a day."))

    assert rung.kind == "cloud" and rung.bears(refusal)
    with pytest.raises(CloudRefusedByBudget, match=r"1\.00 EUR a day") as told:
        await ladder.next(refusal, rung)
    assert told.value.code == "insufficient_quota"
