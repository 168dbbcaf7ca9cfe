"""When a Valkey that was away is trusted again."""

from __future__ import annotations

from appliance.fairness.valkey.return_of_valkey import ReturnOfValkey


def _well_after(returning: ReturnOfValkey, start_s: float, took_s: float = 0.001) -> float:
    """Seconds of good answers, ten a second, until it is back."""
    for step in range(1000):
        if returning.asked(start_s + step / 10, took_s):
            return step / 10
    return float("inf")


def test_it_must_be_well_for_a_while() -> None:
    """One good answer does not bring everybody back."""
    returning = ReturnOfValkey()
    returning.lost(100.0)

    assert not returning.asked(101.0, 0.001)
    assert returning.asked(101.6, 0.001)


def test_a_slow_or_missing_answer_starts_the_while_anew() -> None:
    """Only quick answers in a row count."""
    for bad in (0.4, None):
        returning = ReturnOfValkey()
        returning.lost(100.0)
        returning.asked(101.0, 0.001)
        assert not returning.asked(101.4, bad)
        assert not returning.asked(101.6, 0.001)
        assert returning.asked(102.2, 0.001)


def test_one_that_goes_away_again_soon_is_trusted_later() -> None:
    """Each relapse doubles the while, up to eight seconds; a long good time forgives."""
    returning = ReturnOfValkey()
    now_s, whiles = 100.0, []
    for _ in range(7):
        returning.lost(now_s)
        whiles.append(_well_after(returning, now_s))
        now_s += whiles[-1] + 1.0
    returning.lost(now_s + 3600)

    assert whiles == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert _well_after(returning, now_s + 3600) == 0.5
