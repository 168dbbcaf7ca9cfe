"""Reservations of several gateway processes, with a real Valkey that is emptied, killed and started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count

import pytest
from redis.asyncio import Redis

from appliance.errors import PartUnavailable
from appliance.fairness.budgets.caps import AppliedCap
from appliance.fairness.budgets.counting import Held, NoRoom
from appliance.fairness.budgets.keeping import BudgetKeeping
from appliance.fairness.budgets.shared_counting import SharedCounting
from appliance.fairness.budgets.windows import Span, Window
from appliance.fairness.valkey.valkey_link import ValkeyLink
from tests.conftest import Servers
from tests.own_valkey import own_valkey
from tests.waiting import until

NOON_MS = 1_772_366_400_000
DAY = Span(NOON_MS - 43_200_000, NOON_MS + 43_200_000)
LEASE_S = 0.6
"""Loops look ten times a second here; the clock of the rules is the test's own."""
CAP = 1000


@dataclass
class Accounts:
    """What the ledger would say, and how often it was asked."""

    micros: int = 0
    asked: int = 0
    is_away: bool = False

    async def spent(self, wanted: Sequence[Window]) -> Sequence[int]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise PartUnavailable
        return [self.micros for _ in wanted]


@dataclass
class Clock:
    """Of the wall, by hand."""

    now_ms: int = NOON_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Box:
    """Gateway processes that share one Valkey, as far as money is concerned."""

    url: str
    stack: AsyncExitStack
    accounts: Accounts = field(default_factory=Accounts)
    clock: Clock = field(default_factory=Clock)
    crossed: list[tuple[str, int]] = field(default_factory=list)
    names: Callable[[], int] = field(default_factory=lambda: count().__next__)

    async def process(self, processes: int = 2, lease_s: float = LEASE_S) -> BudgetKeeping:
        name = f"p{self.names()}"
        link = ValkeyLink(self.url, name, answer_s=30, connect_s=30)
        numbers = count()
        keeping = BudgetKeeping(
            SharedCounting(link, "{gate}:", name, lease_s, self.clock),
            self.accounts,
            self.clock,
            lambda: f"{name}-{next(numbers)}",
            processes=processes,
            on_crossed=lambda window, level, _spent: self.crossed.append((window.name, level)),
            lease_s=lease_s,
        )
        await link.open()
        self.stack.push_async_callback(link.close)
        await keeping.open()
        self.stack.push_async_callback(keeping.close)
        return keeping


@pytest.fixture
async def box(servers: Servers, valkey: Redis) -> AsyncIterator[Box]:
    """On an empty Valkey."""
    async with AsyncExitStack() as stack:
        yield Box(servers.valkey.url, stack)


def day(scope: str = "user:ana", most: int = CAP) -> tuple[Window, ...]:
    """The window in which all is counted here."""
    return (Window(AppliedCap(scope, "day", "all", most), DAY),)


async def settled(keeping: BudgetKeeping) -> None:
    """Valkey has heard of every end."""
    await until(lambda: not keeping._ended)


async def test_many_calls_at_once_over_two_processes_hold_no_more_than_the_cap(box: Box) -> None:
    """60 calls of 50 at the same moment, and a cap of 1000: twenty are let through; few ask the accounts."""
    processes = [await box.process(), await box.process()]

    answers = await asyncio.gather(*(processes[n % 2].reserve(50, day()) for n in range(60)))

    held = [id for id, answer in answers if isinstance(answer, Held)]
    assert len(held) == 20
    assert box.accounts.asked < 20
    for process in processes:
        for id in held:
            process.settle(id, 10)
        await settled(process)
    (state,) = await processes[0].states(day())
    assert (state.spent, state.held) == (200, 0)


async def test_what_was_spent_before_counts_at_once(box: Box) -> None:
    """An emptied Valkey lets nobody spend a second time: the accounts are asked before a call is let through."""
    box.accounts.micros = 990
    process = await box.process()

    _, answer = await process.reserve(50, day())

    assert isinstance(answer, NoRoom) and answer.states[0].spent == 990


async def test_nothing_is_let_through_while_nobody_knows_what_was_spent(box: Box) -> None:
    """With PostgreSQL away and an empty Valkey; when it is there again, all goes on."""
    box.accounts.is_away = True
    process = await box.process()
    with pytest.raises(PartUnavailable):
        await process.reserve(50, day())

    box.accounts.is_away = False
    _, answer = await process.reserve(50, day())

    assert isinstance(answer, Held)


async def test_valkey_emptied_while_calls_run_forgets_neither_them_nor_what_was_spent(
    box: Box, valkey: Redis
) -> None:
    """What runs is held again, and what a process last knew counts where the accounts lag behind."""
    one, two = await box.process(), await box.process()
    first, _ = await one.reserve(300, day())
    one.settle(first, 300)
    await settled(one)
    running, _ = await one.reserve(400, day())

    await valkey.flushall()
    await until(lambda: _stands(one, 300, 400))

    _, refused = await two.reserve(301, day())
    assert isinstance(refused, NoRoom)
    one.settle(running, 350)
    await settled(one)
    (state,) = await two.states(day())
    assert (state.spent, state.held) == (650, 0)


async def _stands(keeping: BudgetKeeping, spent: int, held: int) -> bool:
    (state,) = await keeping.states(day())
    return (state.spent, state.held) == (spent, held)


async def test_a_client_that_leaves_while_it_is_asked_for_leaves_nothing_held(box: Box) -> None:
    """The reservation may have reached Valkey: it is given back."""
    process = await box.process()
    await process.reserve(0, day())
    asked = [asyncio.create_task(process.reserve(100, day())) for _ in range(5)]
    await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await settled(process)

    (state,) = await process.states(day())

    assert (state.spent, state.held) == (0, 0)


async def test_a_killed_process_loses_what_it_held(box: Box) -> None:
    """Nobody settles for it; those who live give it back within its lease."""
    dead, alive = await box.process(), await box.process()
    await dead.reserve(CAP, day())
    for task in dead._tasks:  # as `kill -9`
        task.cancel()

    async def is_free() -> bool:
        box.clock.now_ms += 100
        _, answer = await alive.reserve(CAP, day())
        return isinstance(answer, Held)

    await until(is_free)


async def test_each_level_is_told_once_by_whoever_finds_it(box: Box) -> None:
    """Over all processes."""
    one, two = await box.process(), await box.process()
    for process, micros in ((one, 500), (two, 10), (one, 300), (two, 190), (one, 1), (two, 1)):
        id, answer = await process.reserve(micros, day())
        if isinstance(answer, Held):
            process.settle(id, micros)
            await settled(process)

    assert [level for _, level in box.crossed] == [50, 80, 100]


async def test_without_valkey_a_process_spends_its_share_and_tells_of_it_later() -> None:
    """Half of what was left is one process's of two; when Valkey is there again, all that was spent is counted."""
    async with own_valkey() as own, AsyncExitStack() as stack:
        box = Box(own.url, stack)
        process = await box.process(processes=2)
        running, _ = await process.reserve(200, day())

        await own.kill()
        answers = [await process.reserve(100, day()) for _ in range(6)]

        assert not process.is_shared
        held = [id for id, answer in answers if isinstance(answer, Held)]
        assert len(held) == 4  # (1000 - 200) / 2
        process.settle(running, 150)
        for id in held:
            process.settle(id, 100)
        box.accounts.micros = 0
        await own.start()
        await until(lambda: process.is_shared)
        await settled(process)
        (state,) = await process.states(day())
        assert (state.spent, state.held) == (550, 0)


async def test_a_clock_that_jumps_opens_no_window_twice(box: Box) -> None:
    """A day ahead and back again: what was spent of today is still spent."""
    process = await box.process(lease_s=15.0)
    id, _ = await process.reserve(900, day())
    process.settle(id, 900)
    await settled(process)
    box.clock.now_ms += 86_400_000
    tomorrow = (Window(day()[0].cap, Span(DAY.end_ms, DAY.end_ms + 86_400_000)),)
    assert isinstance((await process.reserve(900, tomorrow))[1], Held)
    box.clock.now_ms -= 86_400_000

    _, answer = await process.reserve(200, day())

    assert isinstance(answer, NoRoom) and answer.states[0].spent == 900
