"""Jain's index over what people who wait got of what was due to them."""

from __future__ import annotations

import pytest

from appliance.fairness.queue.fairness_index import FairnessWatch, fairness_index
from appliance.fairness.queue.survey import NodeState, PoolState


def person(name: str, tokens: float, weight: float = 1.0, waiting: int = 3) -> NodeState:
    """Somebody who has been served so many weighted tokens."""
    return NodeState(name, False, weight, tokens / weight, 1, waiting)


def pool(*nodes: NodeState) -> PoolState:
    """One of four slots, in which these have been served."""
    return PoolState("local", 4, 4, 10, 0, None, None, nodes)


def test_equal_tokens_are_even() -> None:
    """Whatever they had before."""
    before = pool(person("ana", 0), person("bea", 9000))

    index = fairness_index([before, pool(person("ana", 500), person("bea", 9500))])

    assert index == pytest.approx(1.0)


def test_one_who_gets_all_of_three_is_a_third() -> None:
    """As Jain's index has it."""
    before = pool(person("ana", 0), person("bea", 0), person("eva", 0))

    index = fairness_index([before, pool(person("ana", 900), person("bea", 0), person("eva", 0))])

    assert index == pytest.approx(1 / 3)


def test_more_for_who_weighs_more_is_even() -> None:
    """One to two to four."""
    before = pool(person("ana", 0), person("bea", 0, 2.0), person("eva", 0, 4.0))

    index = fairness_index(
        [before, pool(person("ana", 100), person("bea", 200, 2.0), person("eva", 400, 4.0))]
    )

    assert index == pytest.approx(1.0)


def test_a_group_s_people_share_what_is_due_to_the_group() -> None:
    """Two groups of equal weight: the one person of the first gets as much as both of the second."""
    groups = (person("g/", 0), person("h/", 0))
    before = pool(*groups, person("g/ana", 0), person("h/bea", 0), person("h/eva", 0))
    after = pool(*groups, person("g/ana", 400), person("h/bea", 200), person("h/eva", 200))

    assert fairness_index([before, after]) == pytest.approx(1.0)


def test_only_who_waited_all_the_time_counts() -> None:
    """Somebody who had nothing in line in between was not kept waiting by anybody."""
    first = pool(person("ana", 0), person("bea", 0), person("eva", 0))
    between = pool(person("ana", 50), person("bea", 50), person("eva", 0, waiting=0))
    last = pool(person("ana", 100), person("bea", 100), person("eva", 0))

    assert fairness_index([first, between, last]) == pytest.approx(1.0)
    assert fairness_index([pool(person("ana", 0)), pool(person("ana", 100))]) is None


def test_the_watch_tells_nothing_of_a_few_seconds() -> None:
    """Ten seconds must have been seen; what is older than two minutes is forgotten."""
    watch = FairnessWatch()
    even = [pool(person("ana", tokens), person("bea", tokens)) for tokens in (0.0, 300.0)]

    assert watch.look([even[0]], 100.0) == {}
    assert watch.look([even[1]], 105.0) == {}
    assert watch.look([even[1]], 115.0) == {"local": pytest.approx(1.0)}
    assert watch.look([even[1]], 300.0) == {}
