"""Score fusion keeps what both lists say, whatever order they come in."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.fusion import fuse

Lists = list[tuple[float, list[tuple[int, float]]]]

rankings = st.lists(
    st.tuples(
        st.floats(0.01, 1),
        st.dictionaries(st.integers(0, 30), st.floats(-100, 100), max_size=20).map(lambda d: list(d.items())),
    ),
    max_size=4,
)


@settings(deadline=None)
@given(rankings, st.randoms())
def test_the_order_of_lists_and_entries_does_not_matter(lists: Lists, random: Random) -> None:
    """Bit for bit the same scores."""
    shuffled = [(weight, random.sample(ranking, len(ranking))) for weight, ranking in lists]
    random.shuffle(shuffled)

    assert fuse(shuffled) == fuse(lists)


@settings(deadline=None)
@given(rankings)
def test_every_passage_comes_once_with_a_score_within_the_weights(lists: Lists) -> None:
    """Best first, equal scores by id, nothing lost and nothing new."""
    fused = fuse(lists)

    assert {passage for passage, _ in fused} == {passage for _, ranking in lists for passage, _ in ranking}
    assert len({passage for passage, _ in fused}) == len(fused)
    assert fused == sorted(fused, key=lambda item: (-item[1], item[0]))
    assert all(-1e-9 <= score <= sum(weight for weight, _ in lists) + 1e-9 for _, score in fused)


@settings(deadline=None)
@given(rankings, st.integers(0, 30))
def test_a_passage_that_is_ahead_in_every_list_stays_ahead(lists: Lists, loser: int) -> None:
    """Monotone: fusing never turns round what all lists agree on."""
    winner = 99
    with_both = [
        (weight, [*((p, s) for p, s in ranking if p != loser), (winner, 60.0), (loser, 50.0)])
        for weight, ranking in lists
    ]

    order = [passage for passage, _ in fuse(with_both)]

    assert not lists or order.index(winner) < order.index(loser)


def test_a_single_list_keeps_its_order() -> None:
    """With the embedder away the words decide, as they stand."""
    assert [p for p, _ in fuse([(0.3, []), (0.7, [(7, 2.0), (3, 9.0), (5, 4.0)])])] == [3, 5, 7]


def test_scores_are_stretched_between_the_lists_ends() -> None:
    """0 for the last, the weight for the first, in proportion between; one entry alone counts fully."""
    assert dict(fuse([(1.0, [(1, 10.0), (2, 6.0), (3, 2.0)])])) == pytest.approx({1: 1.0, 2: 0.5, 3: 0.0})
    assert fuse([(0.7, [(1, 4.2)])]) == [(1, 0.7)]
    assert fuse([]) == []
