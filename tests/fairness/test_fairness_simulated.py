"""What the queue promises to people, on a modelled engine in simulated time (scripts/simulation)."""

from __future__ import annotations

import pytest

from scripts.simulation.scenarios import (
    RULES,
    STEADY,
    even,
    fair_gate,
    fixed,
    flood,
    foretold,
    jain,
    no_gate,
    peers,
    quantile,
    service,
)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_flood_of_a_thousand_spoils_nobodys_day(seed: int) -> None:
    """Victims' first tokens: 95 % within 0.7 s, all within 1 s; the engine loses 3 % at most."""
    alone, shared = flood(no_gate(RULES), seed=seed), flood(fair_gate(RULES), seed=seed)

    assert quantile(alone.victims_s, 0.95) > 100
    assert len(shared.victims_s) > 100
    assert quantile(shared.victims_s, 0.95) <= 0.7
    assert max(shared.victims_s) <= 1.0
    assert shared.tokens_per_s >= 0.97 * alone.tokens_per_s


def test_a_flood_of_long_prompts_neither() -> None:
    """300 requests of 8,000 prompt tokens."""
    shared = flood(fair_gate(RULES), fixed(8000, 1000), requests=300)

    assert quantile(shared.victims_s, 0.95) <= 0.7
    assert max(shared.victims_s) <= 1.0


def test_equal_people_get_equal_shares() -> None:
    """Jain's index over ten people who always have forty requests open, with random sizes."""
    told = list(peers(fair_gate(RULES), [even] * 10, [1.0] * 10, until_s=180).told.values())

    assert jain([service(told, f"p{index}", 40, 180) for index in range(10)]) >= 0.98


def test_weights_are_kept() -> None:
    """1 : 2 : 4 within 5 %."""
    told = list(peers(fair_gate(RULES), [even] * 3, [1, 2, 4], each=80, until_s=240).told.values())
    one, two, four = (service(told, f"p{index}", 40, 240) for index in range(3))

    assert two / one == pytest.approx(2, rel=0.05)
    assert four / one == pytest.approx(4, rel=0.05)


def test_two_floods_stay_within_the_bound() -> None:
    """Long prompts against long answers: the gap of their service is never beyond 2 max(w_p L_in, w_q M)."""
    world = peers(fair_gate(RULES), [fixed(4000, 100), fixed(200, 800)], [1, 1], each=100, until_s=200)
    told = list(world.told.values())

    bound = 2 * max(RULES.prompt_weight * 4000, RULES.completion_weight * 64 * 800)
    for end_s in range(30, 200, 5):
        assert abs(service(told, "p0", 20, end_s) - service(told, "p1", 20, end_s)) <= bound


@pytest.mark.parametrize("load", STEADY)
def test_the_first_shown_estimate_is_right_within_a_fifth(load: str) -> None:
    """Steady load, waits of two seconds and more: the median error of what is shown after a second is 20 % at most."""
    result = foretold(list(STEADY[load](fair_gate).told.values()), since_s=60.0)

    assert result.count > 500 and result.missing == 0
    assert result.median_error <= 0.2
