"""Engines that share a model share a queue; the routes follow what the engines say."""

from __future__ import annotations

import pytest

from appliance.fairness.routing import Routing, pools_of
from inference.engines.openai_compatible import OpenAiCompatibleEngine
from inference.errors import ModelNotFound
from inference.ports import ChatEngine
from inference.types import EngineLoad, EngineState, ModelInfo


def engine_state(name: str, *models: str, is_healthy: bool = True, slots: int | None = None) -> EngineState:
    """An engine as the roster sees it."""
    infos = tuple(map(ModelInfo, models))
    return EngineState(name, "vllm", is_healthy, infos, load=EngineLoad(slots=slots))


class NamedEngine(OpenAiCompatibleEngine):
    """An engine that is never asked anything."""

    def __init__(self, name: str) -> None:
        self.name = name


class Engines:
    """A roster with states set by hand."""

    def __init__(self, *states: EngineState) -> None:
        self.version = 1
        self.current = list(states)

    def resolve(self, model: str) -> list[tuple[ChatEngine, str]]:
        found = [state for state in self.current if any(known.id == model for known in state.models)]
        if not found:
            raise ModelNotFound(model, [])
        return [(NamedEngine(state.name), model) for state in found]

    def resolve_cloud(self, model: str) -> list[tuple[ChatEngine, str]]:
        raise ModelNotFound(model, [])

    def doubt(self, engine: str) -> None:
        """Nobody looks."""

    def models(self) -> list[ModelInfo]:
        return [model for state in self.current for model in state.models]

    def states(self) -> list[EngineState]:
        return self.current


def test_engines_without_a_common_model_have_their_own_queues() -> None:
    """A flood for one model leaves the other's queue alone."""
    pools = pools_of([engine_state("a", "small"), engine_state("b", "large")])

    assert pools == {"a": "a", "b": "b"}


def test_engines_linked_by_models_are_one_pool_whatever_the_order() -> None:
    """a and c have no common model, but b competes with both."""
    states = [engine_state("c", "large"), engine_state("b", "small", "large"), engine_state("a", "small")]

    assert pools_of(states) == pools_of(states[::-1]) == {"a": "a", "b": "a", "c": "a"}


def test_an_engine_that_is_down_stays_in_its_pool() -> None:
    """Who waits is not moved to another queue because an engine had to be restarted."""
    up = [engine_state("a", "small"), engine_state("b", "small")]
    down = [engine_state("a", "small", is_healthy=False), engine_state("b", "small")]

    assert pools_of(up) == pools_of(down)


def test_engines_that_are_down_are_candidates_only_when_all_are() -> None:
    """A request goes to an engine that answers; with none, the first try is left to the engine itself."""
    engines = Engines(engine_state("a", "m", is_healthy=False), engine_state("b", "m"))
    routing = Routing(engines, lambda name: None, default_slots=8)

    assert [candidate.engine for candidate in routing.routes("m").candidates] == ["b"]

    engines.current[1] = engine_state("b", "m", is_healthy=False)
    engines.version += 1
    assert [candidate.engine for candidate in routing.routes("m").candidates] == ["a", "b"]


def test_slots_come_from_the_controller_then_the_engine_then_the_default() -> None:
    """Each source counts only where the better one is silent."""
    engines = Engines(
        engine_state("a", "m", slots=16), engine_state("b", "m", slots=16), engine_state("c", "m")
    )
    routing = Routing(engines, {"a": 4}.get, default_slots=8)

    slots = {candidate.engine: candidate.slots for candidate in routing.routes("m").candidates}

    assert slots == {"a": 4, "b": 16, "c": 8}


def test_a_model_nobody_serves_is_not_remembered() -> None:
    """It may be served a second later."""
    engines = Engines(engine_state("a", "m"))
    routing = Routing(engines, lambda name: None, default_slots=8)

    with pytest.raises(ModelNotFound):
        routing.routes("new")

    engines.current.append(engine_state("b", "new"))
    engines.version += 1
    assert routing.routes("new").own_name == "new"
