"""The queue of one process alone: its share of slots and limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.fairness.admission import (
    AppliedLimit,
    Ask,
    Candidate,
    FairRules,
    Held,
    Leaving,
    Place,
    Refused,
    Share,
    Slot,
    Spent,
)
from appliance.fairness.queue.local_queue import LocalQueue, QueueClock, own_limits, own_share


def queue(
    *, slots_share: float = 0.5, limits_share: float = 0.5, rules: FairRules | None = None
) -> LocalQueue:
    """With a clock that stands still."""
    clock = QueueClock(lambda: 1000.0, lambda: 1000.0)
    rules = rules or FairRules(reserved=0)
    return LocalQueue(rules, "w", clock, slots_share=slots_share, limits_share=limits_share)


def ask(name: str, slots: int = 8, *, user: str = "ana", limits: tuple[AppliedLimit, ...] = ()) -> Ask:
    """A small request."""
    return Ask(name, "pool", "m", (Share(user),), (Candidate("e", slots),), 0, 10, limits=limits)


@given(slots=st.lists(st.integers(1, 99), min_size=1, max_size=4), share=st.floats(0.01, 1))
def test_a_share_is_at_least_one_slot_and_never_more_than_all(slots: list[int], share: float) -> None:
    """While Valkey is away every process can answer, and none more than its share."""
    candidates = tuple(Candidate(str(index), count) for index, count in enumerate(slots))

    for own, part in zip(candidates, own_share(candidates, share), strict=True):
        assert 1 <= part.slots <= own.slots
        assert part.slots == 1 or part.slots <= own.slots * share


@given(most=st.integers(1, 10**6), share=st.floats(0.01, 1), tokens=st.integers(1, 10**6))
def test_what_fits_a_whole_limit_fits_its_share_once(most: int, share: float, tokens: int) -> None:
    """Otherwise a large request would be refused for as long as Valkey is away."""
    limit = AppliedLimit("user:ana", "tokens_per_minute", most)

    (own,) = own_limits([limit], share, tokens)

    assert own.most <= most
    assert own.most >= min(tokens, most)


def test_what_runs_counts_also_beyond_the_share() -> None:
    """Six run of eight slots; four are our share: the third that ends lets the next one in."""
    alone = queue()
    alone.restore([Held(ask(str(n)), n + 1, "e") for n in range(6)])

    assert isinstance(alone.enter(ask("new")), Place)
    for n in range(2):
        alone.leave(Leaving(str(n)))
    assert alone.grants() == []
    alone.leave(Leaving("2"))

    assert [grant.id for grant in alone.grants()] == ["new"]


def test_people_take_turns_alone_too() -> None:
    """The same rules: the one who was served less goes first."""
    alone = queue()
    for n in range(4):
        assert isinstance(alone.enter(ask(f"a{n}")), Slot)
    alone.enter(ask("a4"))
    alone.enter(ask("b", user="bea"))

    alone.leave(Leaving("a0", Spent(0, 0, 10)))

    assert [grant.id for grant in alone.grants()] == ["b"]


def test_budgets_are_not_enforced_and_limits_per_minute_by_share() -> None:
    """States name the limits that the operator set."""
    alone = queue()
    day = AppliedLimit("user:ana", "tokens_per_day", 1)
    minute = AppliedLimit("user:ana", "requests_per_minute", 2)

    first = alone.enter(ask("1", limits=(day, minute)))
    second = alone.enter(ask("2", limits=(day, minute)))

    assert isinstance(first, Slot) and [state.limit for state in first.limits] == [minute]
    assert isinstance(second, Refused)
    assert second.limit == minute and second.retry_after_s is not None and second.retry_after_s > 0


def test_tickets_follow_valkey_s_clock() -> None:
    """Those who came while Valkey was away stand behind those who came before, whatever our own clock says."""
    clock = QueueClock(lambda: 10.0, lambda: 5000.0)
    assert clock.now_us() == 5_000_000_000

    clock.heard(7_000_000_000)

    assert clock.now_us() == 7_000_000_000
