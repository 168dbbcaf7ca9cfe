"""What operators' limits let through and when, with the time handed in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.fairness.admission import AppliedLimit, LimitKind
from appliance.fairness.limits.limits import Limits, window_of

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = int(datetime(2026, 2, 27, 12, tzinfo=UTC).timestamp() * 1000)


def applied(kind: LimitKind, most: int, scope: str = "user:ana") -> AppliedLimit:
    """A limit on Ana."""
    return AppliedLimit(scope, kind, most)


def fits(limits: Limits, now_ms: int, *wanted: AppliedLimit, tokens: int = 1) -> bool:
    """Take, and tell whether it was let through."""
    return limits.take(now_ms, wanted, tokens)[0] is None


def test_a_bucket_is_emptied_at_once_and_refilled_evenly() -> None:
    """A minute's worth may come together; after that, one each as fast as the minute brings it."""
    limits, limit = Limits(), applied("requests_per_minute", 3)

    assert [fits(limits, NOW, limit) for _ in range(4)] == [True, True, True, False]
    assert not fits(limits, NOW + 19_999, limit)
    assert fits(limits, NOW + 20_000, limit)


def test_a_refusal_says_when_the_request_fits() -> None:
    """Coming back at the told moment is enough, a millisecond earlier is not."""
    limits, limit = Limits(), applied("tokens_per_minute", 700)
    limits.take(NOW, [limit], 650)

    refused, _ = limits.take(NOW, [limit], 80)

    assert refused is not None and refused.retry_after_s is not None
    wait_ms = round(refused.retry_after_s * 1000)
    assert not fits(limits, NOW + wait_ms - 1, limit, tokens=80)
    assert fits(limits, NOW + wait_ms, limit, tokens=80)


def test_all_limits_are_taken_from_or_none() -> None:
    """What one limit refuses costs nothing of the others."""
    limits = Limits()
    roomy, tight = applied("tokens_per_minute", 100), applied("requests_per_minute", 1, "key:k")
    limits.take(NOW, [tight], 0)

    refused, states = limits.take(NOW, [roomy, tight], 50)

    assert refused is not None and refused.limit == tight
    assert [state.remaining for state in states] == [100, 0]


def test_of_several_refusals_the_longest_is_told() -> None:
    """Whoever comes back then is not refused by the next limit."""
    limits = Limits()
    minute, day = applied("tokens_per_minute", 10), applied("tokens_per_day", 10)
    limits.take(NOW, [minute, day], 10)

    refused, _ = limits.take(NOW, [minute, day], 5)

    assert refused is not None and refused.limit == day
    assert refused.retry_after_s == 12 * 3600


@pytest.mark.parametrize("kind", ["tokens_per_minute", "tokens_per_day", "tokens_per_month"])
def test_a_request_larger_than_its_limit_never_fits(kind: LimitKind) -> None:
    """It is refused at once, with no time to come back, and takes nothing."""
    limits, limit = Limits(), applied(kind, 10)

    refused, states = limits.take(NOW, [limit], 11)

    assert refused is not None and refused.retry_after_s is None
    assert states[0].remaining == 10
    assert fits(limits, NOW, limit, tokens=10)


def test_an_unused_estimate_is_given_back() -> None:
    """Only what was used counts in the end."""
    limits = Limits()
    wanted = [applied("tokens_per_minute", 100), applied("tokens_per_day", 100)]
    limits.take(NOW, wanted, 80)

    limits.settle(NOW, wanted, charged=80, actual=30, is_over=True)

    assert [state.remaining for state in limits.states(NOW, wanted)] == [70, 70]


def test_a_debt_never_lasts_longer_than_two_minutes() -> None:
    """An answer far beyond its estimate is paid for, yet locks nobody out for long."""
    limits, limit = Limits(), applied("tokens_per_minute", 10)
    limits.take(NOW, [limit], 1)

    limits.settle(NOW, [limit], charged=1, actual=1_000_000, is_over=True)

    refused, _ = limits.take(NOW, [limit], 10)
    assert refused is not None and refused.retry_after_s == 120.0
    assert fits(limits, NOW + 2 * MINUTE, limit, tokens=10)


def test_concurrent_requests_come_free_when_they_are_over() -> None:
    """A settlement on the way frees nothing, the last one does."""
    limits, limit = Limits(), applied("concurrent_requests", 1)
    assert fits(limits, NOW, limit)

    limits.settle(NOW, [limit], charged=1, actual=300, is_over=False)
    assert not fits(limits, NOW + DAY, limit)
    limits.settle(NOW, [limit], charged=300, actual=300, is_over=True)

    assert fits(limits, NOW, limit)


def test_a_clock_set_back_an_hour_locks_nobody_out() -> None:
    """What was used drains from the new time on, as if nothing had happened."""
    limits, limit = Limits(), applied("tokens_per_minute", 60)
    limits.take(NOW, [limit], 60)

    assert not fits(limits, NOW - HOUR, limit, tokens=60)

    assert fits(limits, NOW - HOUR + MINUTE, limit, tokens=60)


def test_a_clock_set_forward_an_hour_fills_a_bucket_once() -> None:
    """There is no flood of sixty minutes' worth."""
    limits, limit = Limits(), applied("requests_per_minute", 5)
    limits.take(NOW, [limit], 0)

    passed = [fits(limits, NOW + HOUR, limit) for _ in range(20)]

    assert sum(passed) == 5


def test_a_clock_that_passes_midnight_and_returns_finds_its_budget_as_it_was() -> None:
    """Tomorrow's budget is tomorrow's, even if it begins an hour early."""
    limits, limit = Limits(), applied("tokens_per_day", 100)
    late = NOW + 11 * HOUR + 30 * MINUTE
    limits.take(late, [limit], 100)

    assert fits(limits, late + HOUR, limit, tokens=60)
    assert not fits(limits, late, limit)
    assert not fits(limits, late + HOUR, limit, tokens=60)


def test_a_budget_belongs_to_the_day_on_which_the_request_began() -> None:
    """What runs past midnight is settled where it was charged."""
    limits, limit = Limits(), applied("tokens_per_day", 100)
    before, after = NOW + 12 * HOUR - 1, NOW + 12 * HOUR
    limits.take(before, [limit], 50)
    limits.take(after, [limit], 10)

    limits.settle(after, [limit], charged=50, actual=20, is_over=True, taken_ms=before)

    assert limits.states(before, [limit])[0].remaining == 80
    assert limits.states(after, [limit])[0].remaining == 90


def test_a_month_is_the_calendars() -> None:
    """A budget used up in February is whole on the first of March, in UTC."""
    limits, limit = Limits(), applied("tokens_per_month", 10)
    limits.take(NOW, [limit], 10)

    refused, _ = limits.take(NOW, [limit], 1)

    assert refused is not None and refused.retry_after_s is not None
    assert datetime.fromtimestamp(NOW / 1000 + refused.retry_after_s, UTC) == datetime(2026, 3, 1, tzinfo=UTC)


def test_what_the_ledger_knows_counts_once() -> None:
    """A budget that begins to be counted anew is completed by what was used before, the first time only."""
    limits, limit = Limits(), applied("tokens_per_day", 100)
    limits.take(NOW, [limit], 10)
    window = window_of(limit, NOW)
    assert limits.unseeded() == {window: NOW}

    limits.seed(window, 70)
    limits.seed(window, 70)

    assert limits.states(NOW, [limit])[0].remaining == 20
    assert limits.unseeded() == {}


def test_a_lowered_limit_holds_at_once_and_keeps_nobody_out_for_long() -> None:
    """What was used under the old limit counts, as a debt of at most a minute."""
    limits = Limits()
    limits.take(NOW, [applied("tokens_per_minute", 100_000)], 100_000)

    refused, _ = limits.take(NOW, [applied("tokens_per_minute", 10)], 1)

    assert refused is not None and refused.retry_after_s is not None
    assert refused.retry_after_s <= 120


@given(
    most=st.integers(1, 50),
    arrivals=st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 60)), max_size=60),
)
def test_no_minute_brings_more_than_twice_the_limit(most: int, arrivals: list[tuple[int, int]]) -> None:
    """A bucket that holds a minute's worth lets at most that and a minute's refill through in any minute."""
    limits, limit, now = Limits(), applied("tokens_per_minute", most), NOW
    passed: list[tuple[int, int]] = []

    for step_ms, tokens in arrivals:
        now += step_ms
        if fits(limits, now, limit, tokens=tokens):
            passed.append((now, tokens))

    for start, _ in passed:
        assert sum(tokens for at, tokens in passed if start <= at < start + MINUTE) <= 2 * most
