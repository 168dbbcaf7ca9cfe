"""The ladder of a box: what its operator allows beside the model that was asked for. Fulfils rungs.Ladder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from appliance.domain.people import Caller
from appliance.fairness.answer_scan import estimated_prompt_tokens
from appliance.fairness.ladder.climbing import PlannedClimb, Surroundings
from appliance.fairness.ladder.needs import can_stand_in
from appliance.fairness.ladder.order import steps_of
from appliance.fairness.purpose import Purpose
from appliance.fairness.routing import Routes
from inference.errors import ModelNotFound
from inference.types import EngineRequest


class PlannedLadder:
    """smaller: a model, or an alias -> who may stand in for it, best first. abilities: what these can do beyond plain
    text. aliases: other names of models.
    """

    def __init__(
        self,
        around: Surroundings,
        smaller: Mapping[str, Sequence[str]],
        abilities: Mapping[str, Sequence[str]],
        aliases: Mapping[str, str],
    ) -> None:
        self._around = around
        self._smaller = smaller
        self._abilities = abilities
        self._aliases = aliases

    def begin(self, caller: Caller, model: str, request: EngineRequest, purpose: Purpose) -> PlannedClimb:
        """Raises ModelNotFound, also for a cloud's own model that this caller could never be answered by."""
        around, routing = self._around, self._around.routing
        routes, cloud = _found(routing.routes, model), _found(routing.cloud_routes, model)
        is_asked_for = routes is None and cloud is not None and cloud.own_name == self._own(model)
        if routes is None and (
            cloud is None or (is_asked_for and not around.leaving.could_leave(caller, model, "asked_for"))
        ):
            routing.routes(model)  # which raises it
        is_chat = request.route in ("chat/completions", "completions")
        may_cross = cloud is not None and is_chat and around.leaving.could_leave(caller, model, "queue")
        may_leave = is_asked_for or may_cross or around.leaving.could_leave(caller, model, "local_down")
        steps = steps_of(
            model,
            is_here=routes is not None,
            smaller=self._stand_ins(caller, model, request, routes),
            has_cloud=cloud is not None and is_chat and may_leave,
        )
        return PlannedClimb(
            around,
            caller,
            model,
            request,
            steps,
            is_asked_for=is_asked_for,
            may_cross=may_cross and not purpose.is_batch,
        )

    def may_answer(self, caller: Caller | None, model: str) -> bool:
        """A cloud, as far as that is known before there is a request. Smaller models are chosen by who is up."""
        if caller is None or _found(self._around.routing.cloud_routes, model) is None:
            return False
        return self._around.leaving.could_leave(caller, model, "local_down")

    def _stand_ins(
        self, caller: Caller, model: str, request: EngineRequest, routes: Routes | None
    ) -> list[str]:
        wanted = self._smaller.get(model) or self._smaller.get(self._own(model)) or ()
        if not wanted or not caller.allows_smaller:
            return []
        asked = routes.context_tokens if routes is not None else None
        prompt_tokens = estimated_prompt_tokens(request.payload)
        found = []
        for one in wanted:
            there = _found(self._around.routing.routes, one)
            if there is not None and can_stand_in(
                request,
                prompt_tokens,
                abilities=self._abilities.get(one, ()),
                context_tokens=there.context_tokens,
                asked_context_tokens=asked,
            ):
                found.append(one)
        return found

    def _own(self, model: str) -> str:
        return self._aliases.get(model, model)


def _found(find: Callable[[str], Routes], model: str) -> Routes | None:
    try:
        return find(model)
    except ModelNotFound:
        return None
