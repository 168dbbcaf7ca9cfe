"""The ladder's rules: the order of its rungs, what a request needs, and what its handbook says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.fairness.kept_engines import Loading, NothingKept
from appliance.fairness.ladder.expected import back_in_s
from appliance.fairness.ladder.needs import can_stand_in, needs_of
from appliance.fairness.ladder.order import LADDER, steps_of
from appliance.fairness.rungs import FURTHEST
from inference.breaker.circuit import CircuitState, Position
from inference.types import EngineRequest

HANDBOOK = Path(__file__).parents[2] / "docs" / "failover.md"
NAMES = st.sampled_from(["m", "a", "b", "c"])


@given(is_here=st.booleans(), smaller=st.lists(NAMES), has_cloud=st.booleans())
def test_what_stays_comes_before_what_leaves_and_nothing_twice(
    is_here: bool, smaller: list[str], has_cloud: bool
) -> None:
    """The model itself first, then those of the box, then a cloud; in the end the model once more."""
    steps = steps_of("m", is_here=is_here, smaller=smaller, has_cloud=has_cloud)

    kinds = [step.kind for step in steps]
    assert kinds == sorted(kinds, key=["same", "smaller", "cloud", "again"].index)
    assert len(set(steps)) == len(steps)
    assert ("same" in kinds) == is_here and ("cloud" in kinds) == has_cloud
    assert [step.model for step in steps if step.kind == "smaller"] == [
        one for one in dict.fromkeys(smaller) if one != "m"
    ]
    assert ("again" in kinds) == (is_here and len(kinds) > 2)


@pytest.mark.parametrize(
    ("payload", "needs"),
    [
        ({}, set()),
        ({"response_format": {"type": "text"}, "tools": []}, set()),
        ({"tools": [{"type": "function"}]}, {"tools"}),
        ({"messages": [{"role": "tool", "content": "4"}]}, {"tools"}),
        ({"response_format": {"type": "json_schema"}}, {"json_schema"}),
        ({"guided_json": {}}, {"json_schema"}),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, {"images"}),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}, set()),
    ],
)
def test_a_request_tells_what_it_needs(payload: dict[str, Any], needs: set[str]) -> None:
    """Beyond plain text."""
    assert needs_of(payload) == needs


def asking(**payload: Any) -> EngineRequest:
    """A chat."""
    return EngineRequest("chat/completions", {"messages": [], **payload})


@pytest.mark.parametrize(
    ("request_", "abilities", "context_tokens", "asked_context_tokens", "can"),
    [
        (asking(), [], 1000, 8000, True),
        (asking(max_tokens=901), [], 1000, 8000, False),
        (asking(), [], None, None, True),
        (asking(), [], None, 8000, False),
        (asking(tools=[{}]), [], 8000, 8000, False),
        (asking(tools=[{}]), ["tools"], 8000, 8000, True),
        (EngineRequest("embeddings", {"input": "x"}), ["tools"], 8000, 8000, False),
    ],
    ids=["fits", "answer-too-long", "nobody-knows", "unknown", "no-tools", "tools", "vectors"],
)
def test_a_smaller_model_stands_in_where_it_can(
    request_: EngineRequest,
    abilities: list[str],
    context_tokens: int | None,
    asked_context_tokens: int | None,
    can: bool,
) -> None:
    """It reads the prompt and its answer, and can do what is asked of it; vectors are never exchanged."""
    found = can_stand_in(
        request_,
        100,
        abilities=abilities,
        context_tokens=context_tokens,
        asked_context_tokens=asked_context_tokens,
    )
    assert found is can


class OneLoads(NothingKept):
    """`own` answers in 12 s."""

    def loading(self, engine: str) -> Loading | None:
        return Loading("m", 12.0) if engine == "own" else None


def test_the_time_is_that_of_the_first_who_answers() -> None:
    """An engine in preparation, or one that is asked again then; nobody knows where neither is."""
    circuits = [
        CircuitState("far", "m", Position.OPEN, 0.0, retry_in_s=4.0),
        CircuitState("other", "m", Position.OPEN, 0.0, retry_in_s=1.0),
        CircuitState("shut", "m", Position.OPEN, 0.0, retry_in_s=None),
    ]

    assert back_in_s(["own"], OneLoads(), circuits) == 12.0
    assert back_in_s(["own", "far"], OneLoads(), circuits) == 4.0
    assert back_in_s(["shut", "up"], OneLoads(), circuits) is None


def test_the_handbook_has_the_ladder_as_it_is_climbed() -> None:
    """Rung by rung, in this order, in these words."""
    rows = [
        f"| {f'`{rule.name}`' if rule.name else '–'} | {rule.answers} | {rule.when} | {rule.asks} |"
        for rule in LADDER
    ]

    table = re.findall(r"^\| .* \|$", HANDBOOK.read_text(encoding="utf-8").split("## The ladder")[1], re.M)

    assert [row for row in table if row in rows] == rows
    assert len(table) >= len(rows) + 1
    assert {rule.name for rule in LADDER} == set(FURTHEST)
