"""Tokens are spread over the time in which an answer was written, and none is lost or made up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.fairness.queue.history import KEPT_S, STEP_S, spread

START_S = 1_785_000_000.0


@given(tokens=st.integers(1, 2_000_000), start=st.floats(0, 60), took=st.floats(0, KEPT_S - STEP_S, width=32))
def test_all_tokens_are_counted_once(tokens: int, start: float, took: float) -> None:
    """In whole parts, each within the time of the answer."""
    from_s = START_S + start
    parts = spread(tokens, from_s, from_s + took)

    assert sum(parts.values()) == tokens * 1000
    assert all(part > 0 for part in parts.values())
    assert int(from_s // STEP_S) <= min(parts) <= max(parts) <= int((from_s + took) // STEP_S)


def test_an_answer_s_tokens_lie_evenly() -> None:
    """Half a step gets half of what a whole one gets."""
    parts = spread(100, START_S, START_S + 12.5)

    assert list(parts.values()) == [40_000, 40_000, 20_000]


def test_what_is_older_than_what_is_kept_is_left_out() -> None:
    """However long an answer took, its parts are bounded."""
    parts = spread(1000, START_S - 10 * KEPT_S, START_S)

    assert len(parts) <= KEPT_S // STEP_S and sum(parts.values()) < 110_000
