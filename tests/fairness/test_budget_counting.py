"""Money held and spent: what no history of calls, deaths and clocks can break."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.fairness.accounting.pricing import ModelPrice
from appliance.fairness.budgets.caps import AppliedCap
from appliance.fairness.budgets.counting import LEVELS, Counting, Held, NoRoom, Wanted, threshold
from appliance.fairness.budgets.local_shares import LocalShares
from appliance.fairness.budgets.money import answer_bound, micros_of, most_micros
from appliance.fairness.budgets.windows import Span, Window
from inference.types import Usage

NOON_MS = 1_772_366_400_000
LEASE_MS = 15_000
WORKERS = ("one", "two", "three")
CAP = 1000


@dataclass
class Box:
    """One cap, several workers, and what really became of the money."""

    counting: Counting = field(default_factory=lambda: Counting(LEASE_MS))
    now_ms: int = NOON_MS
    running: dict[str, tuple[str, int]] = field(default_factory=dict)
    spent: int = 0
    beyond: int = 0
    """What calls cost beyond what was held for them when they ended."""
    told: list[int] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self.counting.seed("w", 0)

    def reserve(self, worker: str, micros: int) -> None:
        self._count += 1
        answer = self.counting.reserve(worker, self.now_ms, str(self._count), micros, [Wanted("w", CAP)])
        assert isinstance(answer, Held | NoRoom)
        self.told += [state.crossed for state in answer.states if state.crossed]
        if isinstance(answer, Held):
            self.running[str(self._count)] = (worker, micros)

    def settle(self, which: int, share: float) -> None:
        if not self.running:
            return
        id = sorted(self.running)[which % len(self.running)]
        worker, micros = self.running.pop(id)
        cost = round(micros * share)
        is_held = id in self.counting._holds.get(worker, {})
        self.beyond += max(0, cost - (micros if is_held else 0))
        self.spent += cost
        (state,) = self.counting.settle(worker, self.now_ms, id, cost, [Wanted("w", CAP)])
        self.told += [state.crossed] if state.crossed else []

    def die(self, worker: str) -> None:
        """As `kill -9`: what it ran is not billed, and nobody settles it."""
        self.running = {id: one for id, one in self.running.items() if one[0] != worker}

    def renew(self, worker: str) -> None:
        self.counting.renew(worker, self.now_ms, [], ["w"])

    def jump(self, ms: int) -> None:
        self.now_ms += ms

    @property
    def held(self) -> int:
        return self.counting._windows["w"].held


workers = st.sampled_from(WORKERS)
honest = st.floats(0, 1)
steps = st.one_of(
    st.tuples(st.just("reserve"), workers, st.integers(0, 400)),
    st.tuples(st.just("reserve"), workers, st.integers(0, 400)),
    st.tuples(st.just("settle"), st.integers(0, 9), honest),
    st.tuples(st.just("renew"), workers),
    st.tuples(st.just("die"), workers),
    st.tuples(st.just("jump"), st.sampled_from([40, 3000, 6000, 20_000, 3_600_000, -3_600_000])),
)


@settings(max_examples=300, deadline=None)
@given(history=st.lists(steps, max_size=60), share_beyond=st.sampled_from([1.0, 1.0, 2.5]))
def test_a_cap_is_passed_by_nothing_but_what_calls_cost_beyond_what_was_held(
    history: list[tuple[Any, ...]],
    share_beyond: float,
) -> None:
    """spent <= cap + beyond after every step; while no call costs more than was held, spent + held <= cap."""
    box = Box()
    for name, *values in history:
        if name == "settle":
            values[1] *= share_beyond
        getattr(box, name)(*values)
        assert box.spent <= CAP + box.beyond
        assert box.spent + box.held <= CAP + box.beyond
        assert box.counting._windows["w"].spent == box.spent
    assert box.told == sorted(set(box.told))


def test_what_a_killed_process_held_is_free_after_its_lease() -> None:
    """Others who look a sixth of a lease apart find it dead within the lease, and not before a third of it."""
    counting = Counting(LEASE_MS)
    counting.seed("w", 0)
    counting.reserve("dead", NOON_MS, "1", CAP, [Wanted("w", CAP)])

    free_ms = None
    for ms in range(0, LEASE_MS + 1, LEASE_MS // 6):
        counting.renew("alive", NOON_MS + ms, [], [])
        answer = counting.reserve("alive", NOON_MS + ms, f"probe {ms}", CAP, [Wanted("w", CAP)])
        if isinstance(answer, Held):
            free_ms = ms
            break

    assert free_ms is not None and LEASE_MS // 3 < free_ms <= LEASE_MS


def test_a_clock_that_jumps_takes_nothing_from_who_lives() -> None:
    """An hour forth and back between two signs of life: what is held stays held."""
    counting = Counting(LEASE_MS)
    counting.seed("w", 0)
    counting.reserve("a", NOON_MS, "1", 700, [Wanted("w", CAP)])
    for now_ms in (NOON_MS + 3_600_000, NOON_MS + 3_602_500, NOON_MS + 2500, NOON_MS + 5000):
        counting.renew("b", now_ms, [], [])
        counting.renew("a", now_ms, [], [])

    answer = counting.reserve("b", NOON_MS + 5000, "2", 301, [Wanted("w", CAP)])

    assert isinstance(answer, NoRoom) and answer.states[0].held == 700


def test_each_level_is_told_once_and_another_cap_begins_from_where_it_stands() -> None:
    """50, 80, 100; after the cap was raised nothing that is passed is told again, and what comes is."""
    counting = Counting(LEASE_MS)
    counting.seed("w", 0)

    def spend(micros: int, most: int) -> list[int]:
        id = f"{micros} {most} {len(ids)}"
        ids.append(id)
        first = counting.reserve("a", NOON_MS, id, micros, [Wanted("w", most)])
        assert isinstance(first, Held | NoRoom)
        levels = [first.states[0].crossed]
        if isinstance(first, Held):
            levels.append(counting.settle("a", NOON_MS, id, micros, [Wanted("w", most)])[0].crossed)
        return [level for level in levels if level]

    ids: list[str] = []
    assert [spend(400, 1000), spend(100, 1000), spend(100, 1000)] == [[], [50], []]
    assert [spend(300, 1000), spend(101, 1000), spend(101, 1000)] == [[80], [100], []]
    assert [spend(50, 2000), spend(700, 2000)] == [[], [80]]


@settings(max_examples=200)
@given(most=st.integers(1, 10**15), level=st.sampled_from(LEVELS))
def test_a_level_is_reached_at_its_share_rounded_up(most: int, level: int) -> None:
    """Whole numbers only: no cap is so large that its share is wrong by a millionth."""
    micros = threshold(most, level)

    assert micros * 100 >= most * level > (micros - 1) * 100


@settings(max_examples=150, deadline=None)
@given(
    spent=st.integers(0, 1200),
    held=st.integers(0, 300),
    processes=st.integers(1, 5),
    asked=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 200)), max_size=60),
)
def test_processes_without_valkey_spend_what_was_left_and_no_more(
    spent: int, held: int, processes: int, asked: list[tuple[int, int]]
) -> None:
    """All that knew the same spend together at most cap - spent - held, whatever each of them is asked for."""
    window = Window(AppliedCap("user:ana", "day", "all", CAP), Span(NOON_MS, NOON_MS + 1000))
    shares = [LocalShares({window.name: (spent, held)}, NOON_MS + 5, processes) for _ in range(processes)]
    taken = 0
    for number, (who, micros) in enumerate(asked):
        answer = shares[who % processes].reserve(NOON_MS + 6, str(number), micros, [window])
        taken += micros if isinstance(answer, Held) else 0

    assert taken <= max(0, CAP - spent - held)


def test_without_valkey_a_new_day_is_empty_and_an_old_one_is_asked_for() -> None:
    """A window that began before Valkey went away may have been spent by others; one that begins now was not."""
    cap = AppliedCap("user:ana", "day", "all", CAP)
    old, new = Window(cap, Span(NOON_MS - 10, NOON_MS)), Window(cap, Span(NOON_MS, NOON_MS + 10))
    shares = LocalShares({}, NOON_MS - 5, 2)

    assert shares.unknown([old, new]) == [old]
    shares.learn(old, 900)
    assert isinstance(shares.reserve(NOON_MS, "1", 51, [old]), NoRoom)
    assert isinstance(shares.reserve(NOON_MS, "2", 50, [old]), Held)
    assert isinstance(shares.reserve(NOON_MS, "3", 500, [new]), Held)
    assert isinstance(shares.reserve(NOON_MS, "4", 1, [new]), NoRoom)


prices = st.floats(0, 500).map(lambda price: round(price, 4))


@settings(max_examples=200)
@given(
    input=prices,
    output=prices,
    kept=st.one_of(st.none(), prices),
    prompt=st.integers(0, 2_000_000),
    answer=st.integers(0, 100_000),
    cached=st.integers(0, 2_000_000),
)
def test_no_call_within_its_bounds_costs_more_than_is_held_for_it(
    input: float, output: float, kept: float | None, prompt: int, answer: int, cached: int
) -> None:
    """Whatever the engine had kept of the prompt, to the millionth."""
    price = ModelPrice(input=input, output=output, cached_input=kept)

    assert micros_of(price.amount(Usage(prompt, answer, cached))) <= most_micros(price, prompt, answer)


def test_amounts_are_whole_millionths_rounded_up() -> None:
    """What a float cannot say exactly is no money; a millionth begun is one."""
    assert micros_of(0.1 + 0.2) == 300_000
    assert micros_of(3e-06) == 3
    assert micros_of(3.0000001e-06) == 4
    assert micros_of(0.0) == 0


def test_an_answer_nobody_bounded_is_held_for_as_long_as_it_may_become() -> None:
    """By max_tokens, else by what is assumed, and never more than the context has room for."""
    assert answer_bound(100, 50, 8192, 4096) == 50
    assert answer_bound(100, None, 8192, 4096) == 4096
    assert answer_bound(8000, None, 8192, 4096) == 192
    assert answer_bound(8000, 500, 8192, 4096) == 192
    assert answer_bound(9000, None, 8192, 4096) == 0
    assert answer_bound(100, None, None, 4096) == 4096
