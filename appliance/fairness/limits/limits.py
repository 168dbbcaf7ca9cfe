"""Limits that an operator set: what a request takes of them, and what it gives back. Pure; time is handed in, in ms.

Limits per minute are token buckets: they hold a minute's worth, are refilled continuously and may be emptied at once.
Limits per day and month count in calendar windows of UTC. A request takes from all of its limits or from none.

Decided here:
- A request that is larger than a whole limit never fits; it is refused at once and told so (`retry_after_s` None).
- What a request used beyond its estimate is charged at its end, as a debt of at most one minute's worth, so that nobody
  is kept out for more than two minutes by a limit per minute.
- A clock that jumps forward refills a bucket at most once; one that jumps back takes nothing away and starts anew.
- A budget belongs to the window in which its request began, however long that runs.

Valkey runs the same rules (`limits.lua`) for all gateway processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.fairness.admission import AppliedLimit, LimitKind, LimitState, Refused

MINUTE_MS = 60_000
COUNTS_REQUESTS: frozenset[LimitKind] = frozenset({"requests_per_minute", "concurrent_requests"})
BUDGETS: frozenset[LimitKind] = frozenset({"tokens_per_day", "tokens_per_month"})
BUCKETS: frozenset[LimitKind] = frozenset({"requests_per_minute", "tokens_per_minute"})
CONCURRENT_RETRY_MS = 1000
"""When to look again for a request of one's own to have ended; nobody knows when that will be."""

_MOST_BUCKETS = 10_000
_NEVER = -1


@dataclass(frozen=True, slots=True)
class BudgetWindow:
    """What is counted against a budget: a scope's tokens in one calendar window. Times in ms of UTC, end excluded."""

    scope: str
    kind: LimitKind
    start_ms: int
    end_ms: int


@dataclass(slots=True)
class _Bucket:
    """used: in 1/60000 of a token or request, so that a refill of whole ms times the limit stays a whole number."""

    used: int
    at_ms: int


@dataclass(slots=True)
class _Budget:
    """used: tokens since since_ms; before: those the ledger knows from earlier, None until it was asked."""

    used: int
    since_ms: int
    before: int | None = None

    @property
    def total(self) -> int:
        return max(0, self.used + (self.before or 0))


@dataclass(frozen=True, slots=True)
class _Look:
    """A limit as a request finds it. wait_ms: 0 when it fits, -1 when it never will."""

    remaining: int
    reset_ms: int
    wait_ms: int


class Limits:
    """All counters of one process, in memory."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[LimitKind, str], _Bucket] = {}
        self._budgets: dict[BudgetWindow, _Budget] = {}
        self._running: dict[str, int] = {}

    def take(
        self, now_ms: int, limits: Sequence[AppliedLimit], tokens: int
    ) -> tuple[Refused | None, tuple[LimitState, ...]]:
        """Take one request of so many tokens from all limits, or from none when one of them has not enough.

        Returns how each limit stands afterwards. Of several that refuse, the one that lasts longest is told.
        """
        looks = [self._look(limit, _size(limit, tokens), now_ms) for limit in limits]
        worst = max(range(len(looks)), key=lambda i: _order(looks[i].wait_ms), default=None)
        if worst is not None and looks[worst].wait_ms != 0:
            states = tuple(map(_state, limits, looks))
            wait_ms = looks[worst].wait_ms
            retry_after_s = None if wait_ms == _NEVER else wait_ms / 1000
            return Refused(limits[worst], retry_after_s, states), states
        self._prune(now_ms)
        for limit in limits:
            self._add(limit, _size(limit, tokens), now_ms)
        after = [self._look(limit, 0, now_ms) for limit in limits]
        return None, tuple(map(_state, limits, after))

    def settle(
        self,
        now_ms: int,
        limits: Sequence[AppliedLimit],
        charged: int,
        actual: int,
        *,
        is_over: bool,
        taken_ms: int | None = None,
    ) -> None:
        """Correct what was charged for a request to what it used so far; is_over: it does not run any more.

        taken_ms: when it took from the limits; a budget of that window is corrected, not today's.
        """
        for limit in limits:
            if limit.kind in BUDGETS:
                self._correct_budget(
                    limit, charged, actual, is_over, now_ms if taken_ms is None else taken_ms
                )
            elif limit.kind == "tokens_per_minute":
                self._fill(limit, actual - charged, now_ms)
            elif limit.kind == "concurrent_requests" and is_over:
                self._running[limit.scope] = self._running.get(limit.scope, 0) - 1
                if self._running[limit.scope] <= 0:
                    del self._running[limit.scope]

    def restore(self, limits: Sequence[AppliedLimit]) -> None:
        """A request that runs already, after its counters were lost: it counts among the concurrent ones again."""
        for limit in limits:
            if limit.kind == "concurrent_requests":
                self._running[limit.scope] = self._running.get(limit.scope, 0) + 1

    def states(self, now_ms: int, limits: Sequence[AppliedLimit]) -> tuple[LimitState, ...]:
        """How each of them stands; takes nothing."""
        return tuple(_state(limit, self._look(limit, 0, now_ms)) for limit in limits)

    def unseeded(self) -> dict[BudgetWindow, int]:
        """Budgets that do not know what was used before they were first counted, with that moment in ms."""
        return {window: budget.since_ms for window, budget in self._budgets.items() if budget.before is None}

    def seed(self, window: BudgetWindow, tokens: int) -> None:
        """What the ledger knows of a budget from before it was counted here. Only the first time counts."""
        budget = self._budgets.get(window)
        if budget is not None and budget.before is None:
            budget.before = tokens

    # one limit ----------------------------------------------------------------------------------------

    def _look(self, limit: AppliedLimit, size: int, now_ms: int) -> _Look:
        if limit.kind in BUCKETS:
            used = self._used(limit, now_ms)
            over = used + size * MINUTE_MS - limit.most * MINUTE_MS
            remaining = (limit.most * MINUTE_MS - used) // MINUTE_MS
            return _Look(
                max(0, remaining), _ceil(used, limit.most), _wait(limit, size, _ceil(over, limit.most))
            )
        if limit.kind in BUDGETS:
            window = window_of(limit, now_ms)
            budget = self._budgets.get(window)
            used, reset_ms = budget.total if budget else 0, window.end_ms - now_ms
        else:
            used, reset_ms = self._running.get(limit.scope, 0), CONCURRENT_RETRY_MS
        left = limit.most - used
        wait_ms = reset_ms if size > left else 0
        return _Look(max(0, left), reset_ms if used else 0, _wait(limit, size, wait_ms))

    def _add(self, limit: AppliedLimit, size: int, now_ms: int) -> None:
        if limit.kind in BUCKETS:
            self._fill(limit, size, now_ms)
        elif limit.kind in BUDGETS:
            budget = self._budgets.setdefault(window_of(limit, now_ms), _Budget(0, now_ms))
            budget.used += size
            budget.since_ms = min(budget.since_ms, now_ms)
        else:
            self._running[limit.scope] = self._running.get(limit.scope, 0) + size

    def _used(self, limit: AppliedLimit, now_ms: int) -> int:
        bucket = self._buckets.get((limit.kind, limit.scope))
        if bucket is None:
            return 0
        bucket.at_ms = min(bucket.at_ms, now_ms)  # the clock was set back: what is used drains from here on
        passed_ms = min(now_ms - bucket.at_ms, 2 * MINUTE_MS)
        return max(0, min(bucket.used, 2 * limit.most * MINUTE_MS) - passed_ms * limit.most)

    def _fill(self, limit: AppliedLimit, size: int, now_ms: int) -> None:
        used = self._used(limit, now_ms) + size * MINUTE_MS
        used = max(0, min(used, 2 * limit.most * MINUTE_MS))
        self._buckets[limit.kind, limit.scope] = _Bucket(used, now_ms)

    def _correct_budget(
        self, limit: AppliedLimit, charged: int, actual: int, is_over: bool, taken_ms: int
    ) -> None:
        budget = self._budgets.get(window_of(limit, taken_ms))
        if budget is None:
            return  # nothing was counted since: the ledger's sum will have it
        if taken_ms >= budget.since_ms:
            budget.used += actual - charged
        elif is_over and budget.before is not None:
            # What it was charged was lost, and when the ledger was asked it still ran.
            budget.used += actual

    def _prune(self, now_ms: int) -> None:
        """Forget what would be empty by now anyway."""
        if len(self._buckets) + len(self._budgets) < _MOST_BUCKETS:
            return
        kept = {key: b for key, b in self._buckets.items() if now_ms - b.at_ms < 2 * MINUTE_MS}
        self._buckets = kept
        self._budgets = {w: b for w, b in self._budgets.items() if w.end_ms > now_ms}


def window_of(limit: AppliedLimit, now_ms: int) -> BudgetWindow:
    """The day or month, in UTC, in which a budget counts at that moment."""
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    start = now.replace(hour=0, minute=0, second=0)
    if limit.kind == "tokens_per_month":
        start = start.replace(day=1)
        end = (start + timedelta(days=32)).replace(day=1)
    else:
        end = start + timedelta(days=1)
    return BudgetWindow(limit.scope, limit.kind, _milliseconds(start), _milliseconds(end))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _size(limit: AppliedLimit, tokens: int) -> int:
    return 1 if limit.kind in COUNTS_REQUESTS else tokens


def _wait(limit: AppliedLimit, size: int, wait_ms: int) -> int:
    return _NEVER if size > limit.most else max(0, wait_ms)


def _order(wait_ms: int) -> float:
    return float("inf") if wait_ms == _NEVER else wait_ms


def _ceil(amount: int, per_ms: int) -> int:
    return -(-amount // per_ms)


def _state(limit: AppliedLimit, look: _Look) -> LimitState:
    return LimitState(limit, look.remaining, look.reset_ms / 1000)
