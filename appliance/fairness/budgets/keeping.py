"""Keeps this process's reservations: in Valkey with all others', and by its own share while Valkey is away.

Whatever breaks, nothing waits for ever and nothing is held for ever: a call whose reservation was sent and not answered
is told of as ended, what a process holds is given back when it dies, and what it spent while it was alone is added when
Valkey is there again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from appliance.errors import PartUnavailable
from appliance.fairness.background import end, for_ever
from appliance.fairness.budgets import shared_counting as shared
from appliance.fairness.budgets.counting import Held, NoRoom, Unseeded, Wanted, WindowState
from appliance.fairness.budgets.local_shares import LocalShares
from appliance.fairness.budgets.shared_counting import Operation, SharedCounting
from appliance.fairness.budgets.windows import Window

logger = logging.getLogger(__name__)

LEASE_S = 15.0
_RENEWALS = 6  # a lease, each with a look for dead processes
_RETRY_S = 0.5
_SEEDING_S = 2.0
_CLOSING_S = 1.0
_TRIES = 5
_AT_ONCE = 200
_MOST_UNTOLD = 100_000
_MOST_KNOWN = 10_000

OnCrossed = Callable[[Window, int, int], None]
"""window, the per cent that was reached, micros that are spent."""


class Spending(Protocol):
    """The accounts' sums; `appliance.storage.budgets` fulfils it on PostgreSQL."""

    async def spent(self, wanted: Sequence[Window]) -> Sequence[int]:
        """Micros spent by each window's scope in its span, in the same order. Raises PartUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class _Call:
    """is_local: let through by this process's own share."""

    micros: int
    windows: tuple[Window, ...]
    is_local: bool = False

    @property
    def wanted(self) -> list[Wanted]:
        return [Wanted(window.name, window.most, window.span.end_ms) for window in self.windows]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(window.name for window in self.windows)


@dataclass(frozen=True, slots=True)
class Known:
    """A window as it was last heard of, micros."""

    window: Window
    spent: int
    held: int


class BudgetKeeping:
    """One a process. open() before the first, close() after the last.

    processes: that share what is left while Valkey is away. on_crossed: told once of each level of a window.
    """

    def __init__(
        self,
        counting: SharedCounting,
        spending: Spending,
        now_ms: Callable[[], int],
        new_id: Callable[[], str],
        *,
        processes: int,
        on_crossed: OnCrossed = lambda _window, _level, _spent: None,
        lease_s: float = LEASE_S,
    ) -> None:
        self._counting = counting
        self._spending = spending
        self._now_ms = now_ms
        self._new_id = new_id
        self._processes = processes
        self._on_crossed = on_crossed
        self._renew_s = lease_s / _RENEWALS
        self._live: dict[str, _Call] = {}
        self._asking: set[str] = set()
        """Reservations that are on their way."""
        self._ended: dict[str, tuple[int, _Call]] = {}
        """Ended, with their cost, and Valkey has not yet said that it knows."""
        self._telling: set[str] = set()
        self._heard: set[str] = set()
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._seeding: dict[str, asyncio.Task[int]] = {}
        self._alone: LocalShares | None = None
        self._life = ""
        self._has_ended, self._is_lost = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin to renew, to tell what ended, and to look for Valkey's return."""
        loops = (self._renew_for_ever, self._tell_for_ever, self._return_for_ever)
        self._tasks = [asyncio.create_task(for_ever(loop)) for loop in loops]

    async def close(self) -> None:
        """What runs still has cost nothing; Valkey is told what ended, if it hears within a second."""
        for id in list(self._live):
            self.settle(id, 0)
        await end(self._tasks)
        for task in self._seeding.values():
            task.cancel()
        try:
            async with asyncio.timeout(_CLOSING_S):
                while self._ended and self.is_shared:
                    await self._ask()
        except (TimeoutError, PartUnavailable) as error:
            logger.info("What this process holds of budgets is given back when its lease ends: %s", error)

    @property
    def is_shared(self) -> bool:
        """False while Valkey is away and this process spends from its own share."""
        return self._alone is None

    def known(self) -> list[Known]:
        """Windows that are counted now, as this process last heard."""
        now_ms = self._now_ms()
        return [one for one in self._known.values() if one.window.span.end_ms > now_ms]

    def is_full(self, window: Window) -> bool:
        """Whether nothing is left of it, as far as this process knows."""
        known = self._known.get(window.name)
        return known is not None and known.spent + known.held >= window.most

    async def reserve(self, micros: int, windows: tuple[Window, ...]) -> tuple[str, Held | NoRoom]:
        """Hold so much in all windows, or in none; by the id it is settled. Raises PartUnavailable.

        That is where it cannot be known what was spent before.
        """
        call = _Call(micros, windows)
        for _ in range(_TRIES):
            id = self._new_id()
            if self._alone is not None:
                return id, await self._reserve_alone(self._alone, id, call)
            try:
                answer = await self._reserve_shared(id, call)
            except PartUnavailable:
                continue  # alone from now on
            if not isinstance(answer, Unseeded):
                return id, answer
            await self._seed([one for one in windows if one.name in answer.names])
        raise PartUnavailable("Budgets cannot be counted just now.")

    def settle(self, id: str, cost: int) -> None:
        """The call ended, and cost so many micros. Never waits, never fails."""
        call = self._live.pop(id, None)
        if call is None:
            return
        if self._alone is not None and call.is_local:
            self._alone.settle(self._now_ms(), id, cost, call.windows)
        self._end(id, cost, call)

    async def states(self, windows: Sequence[Window]) -> tuple[WindowState, ...]:
        """How these stand, with what the accounts know of them. Raises PartUnavailable."""
        for _ in range(_TRIES):
            (told,) = await self._ask(shared.renew((), [one.name for one in windows]))
            _, states = shared.read_renewed(told)
            unknown = [one for one, state in zip(windows, states, strict=True) if state is None]
            if not unknown:
                return tuple(state for state in states if state is not None)
            await self._seed(unknown)
        raise PartUnavailable("Budgets cannot be counted just now.")

    # reserving -----------------------------------------------------------------------------------------

    async def _reserve_shared(self, id: str, call: _Call) -> Held | NoRoom | Unseeded:
        self._asking.add(id)
        try:
            (told,) = await self._ask(shared.reserve(id, call.micros, call.wanted))
        except BaseException:  # it may be held there, and nobody waits for it any more
            self._end(id, 0, call)
            raise
        finally:
            self._asking.discard(id)
        answer = shared.read_reserved(told)
        if isinstance(answer, Held):
            self._live[id] = call
        if not isinstance(answer, Unseeded):
            self._take_states(call.windows, answer.states)
        return answer

    async def _reserve_alone(self, alone: LocalShares, id: str, call: _Call) -> Held | NoRoom:
        for window in alone.unknown(call.windows):
            alone.learn(window, await self._spent(window))
        answer = alone.reserve(self._now_ms(), id, call.micros, call.windows)
        if isinstance(answer, Held):
            self._live[id] = _Call(call.micros, call.windows, is_local=True)
        return answer

    async def _seed(self, windows: Sequence[Window]) -> None:
        sums = await asyncio.gather(*(self._spent(window) for window in windows))
        seeds = [
            shared.seed(window.name, spent, window.span.end_ms)
            for window, spent in zip(windows, sums, strict=True)
        ]
        await self._ask(*seeds)

    async def _spent(self, window: Window) -> int:
        """What the accounts have; asked once for all who want to know it. Raises PartUnavailable."""
        task = self._seeding.get(window.name)
        if task is None:
            task = self._seeding[window.name] = asyncio.create_task(self._look_up(window))
            task.add_done_callback(lambda _: self._seeding.pop(window.name, None))
        return await asyncio.shield(task)

    async def _look_up(self, window: Window) -> int:
        try:
            async with asyncio.timeout(_SEEDING_S):
                (spent,) = await self._spending.spent([window])
        except TimeoutError as error:
            raise PartUnavailable("PostgreSQL does not say in time what was spent.") from error
        return spent

    # telling -------------------------------------------------------------------------------------------

    def _end(self, id: str, cost: int, call: _Call) -> None:
        self._ended[id] = (cost, call)
        if len(self._ended) > _MOST_UNTOLD:
            self._ended.pop(next(iter(self._ended)))
        self._has_ended.set()

    async def _ask(self, *operations: Operation) -> list[list[str]]:
        """Tell what ended, then ask these. Raises PartUnavailable, and then this process is alone."""
        ended = list(islice((one for one in self._ended.items() if one[0] not in self._telling), _AT_ONCE))
        settles = [shared.settle(id, cost, call.wanted) for id, (cost, call) in ended]
        self._telling.update(id for id, _ in ended)
        try:
            answers = await self._counting.call(*settles, *operations)
        except PartUnavailable as error:
            self._go_alone(error)
            raise
        finally:
            self._telling.difference_update(id for id, _ in ended)
        await self._notice_life()
        for (id, (_, call)), told in zip(ended, answers, strict=False):
            self._ended.pop(id, None)
            self._heard.add(id)
            self._take_states(call.windows, shared.read_states(told))
        return answers[len(settles) :]

    async def _notice_life(self) -> None:
        """Where Valkey has lost what it knew, tell it what runs here and what was known."""
        life, self._life = self._life, self._counting.life
        if life and life != self._life:
            try:
                await self._sync(self._known)
            except PartUnavailable:
                self._life = life
                raise

    async def _sync(self, known: Mapping[str, Known]) -> None:
        live = [(id, call.micros, call.names) for id, call in self._live.items()]
        on_its_way: list[tuple[str, int, tuple[str, ...]]] = [
            (id, -1, ()) for id in (*self._asking, *self._ended)
        ]
        spent = [(name, one.spent, one.window.span.end_ms) for name, one in known.items()]
        await self._counting.call(shared.sync([*live, *on_its_way], spent))

    def _take_states(self, windows: Sequence[Window], states: Sequence[WindowState]) -> None:
        for window, state in zip(windows, states, strict=True):
            self._note(window, state)
            if state.crossed:
                self._on_crossed(window, state.crossed, state.spent)

    def _note(self, window: Window, state: WindowState) -> None:
        self._known[window.name] = Known(window, state.spent, state.held)
        self._known.move_to_end(window.name)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    # without Valkey ------------------------------------------------------------------------------------

    def _go_alone(self, error: PartUnavailable) -> None:
        if self._alone is None:
            logger.warning("Budgets are kept by this process's own share while Valkey is away: %s", error)
            known = {name: (one.spent, one.held) for name, one in self._known.items()}
            self._alone = LocalShares(known, self._now_ms(), self._processes)
            self._is_lost.set()

    async def _return_for_ever(self) -> None:
        while True:
            await self._is_lost.wait()
            self._is_lost.clear()
            while self._alone is not None:
                await asyncio.sleep(_RETRY_S)
                with suppress(PartUnavailable):
                    await self._return()
            self._has_ended.set()

    async def _return(self) -> None:
        """Valkey answers: what runs here is held there again, and then this process is not alone any more."""
        await self._counting.call()
        await self._notice_life()
        told: set[str] = set()
        while told != set(self._live):
            told = set(self._live)
            await self._sync({})
        self._alone = None
        logger.warning("Budgets are shared again.")

    # loops ---------------------------------------------------------------------------------------------

    async def _tell_for_ever(self) -> None:
        while True:
            await self._has_ended.wait()
            self._has_ended.clear()
            with suppress(PartUnavailable):  # then this process is alone, and tells it later
                while self._ended and self.is_shared:
                    await self._ask()

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._renew_s)
            if self.is_shared and (self._live or self._known or self._heard):
                with suppress(PartUnavailable):
                    await self._renew()

    async def _renew(self) -> None:
        now_ms = self._now_ms()
        for name in [name for name, one in self._known.items() if one.window.span.end_ms <= now_ms]:
            del self._known[name]
        done, live = list(islice(self._heard, _AT_ONCE)), len(self._live)
        windows = [one.window for one in islice(reversed(self._known.values()), _AT_ONCE)]
        (told,) = await self._ask(shared.renew(done, [window.name for window in windows]))
        self._heard.difference_update(done)
        kept, states = shared.read_renewed(told)
        for window, state in zip(windows, states, strict=True):
            if state is not None:
                self._note(window, state)
        if kept < live:  # this process was silent for so long that it was given up
            await self._sync({})
