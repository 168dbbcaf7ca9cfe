"""Budgets per day and month survive emptied counters: what was used before comes from the ledger.

A budget that begins to be counted notes so (`limits.py`: unseeded); once a second whoever finds such notes asks the
ledger for the sum of what began before. So a request never waits for it, and where nothing is new it costs one look a
second. Until then, at most a second or two, a budget counts from zero.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from appliance.errors import PartUnavailable
from appliance.fairness.admission import AppliedLimit, LimitState
from appliance.fairness.background import end, for_ever
from appliance.fairness.limits.limits import BUDGETS

logger = logging.getLogger(__name__)

_EVERY_S = 1.0
_MOST_AT_ONCE = 200
_OWN_START_MS = 500
"""A request is in the ledger a moment before it takes from its limits; the first of a budget must not count twice."""
_CALLS = """
if ARGV[1] == 'states' then
  local clock = redis.call('TIME')
  return limits.states(KEYS[1], clock[1] * 1000 + math.floor(clock[2] / 1000), cjson.decode(ARGV[2]))
end
return limits.seed(KEYS[1], ARGV[2], tonumber(ARGV[3]))
"""


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """Tokens of a scope that are asked of the ledger: of requests that began in [from_ms, until_ms)."""

    scope: str
    from_ms: int
    until_ms: int


class Spending(Protocol):
    """The ledger's sums; `appliance.storage.limits` fulfils it on PostgreSQL."""

    async def spent(self, wanted: Sequence[BudgetSpent]) -> Sequence[int]:
        """In the same order. Raises PartUnavailable."""
        ...


class Counters(Protocol):
    """Where budgets are counted; both this module's CountersInValkey and the shared queue fulfil it.

    A budget is named as limits.lua notes it: KIND START_MS SINCE_MS SCOPE. Everything raises PartUnavailable.
    """

    async def unseeded(self) -> Sequence[str]:
        """Those of which it is not known what was used before they were counted."""
        ...

    async def seed(self, budget: str, tokens: int) -> None: ...

    async def forget_budgets(self) -> None:
        """Let all of them be counted anew."""
        ...


class CountersInValkey:
    """The counters all gateway processes share. prefix: the queue's, with its hash tag."""

    def __init__(self, valkey: Redis, prefix: str) -> None:
        lua = (resources.files("appliance.fairness.limits") / "limits.lua").read_text(encoding="utf-8")
        self._valkey = valkey
        self._prefix = prefix
        self._script = valkey.register_script(lua + _CALLS)

    async def states(self, limits: Sequence[AppliedLimit]) -> tuple[LimitState, ...]:
        """How each stands, for whoever asks what is left. Raises PartUnavailable."""
        if not limits:
            return ()
        entries = [{"scope": limit.scope, "kind": limit.kind, "most": limit.most} for limit in limits]
        with _answering():
            rows = await self._script(keys=[self._prefix], args=["states", orjson.dumps(entries)])
        return tuple(
            LimitState(limit, row[0], row[1] / 1000) for limit, row in zip(limits, rows, strict=True)
        )

    async def unseeded(self) -> Sequence[str]:
        with _answering():
            found: Any = await self._valkey.srandmember(f"{self._prefix}limit:unseeded", _MOST_AT_ONCE)
        return [budget.decode() for budget in found or ()]

    async def seed(self, budget: str, tokens: int) -> None:
        with _answering():
            await self._script(keys=[self._prefix], args=["seed", budget, tokens])

    async def forget_budgets(self) -> None:
        with _answering():
            for kind in sorted(BUDGETS):
                pattern = f"{_literally(self._prefix)}limit:{kind}:*"
                async for key in self._valkey.scan_iter(match=pattern, count=1000):
                    await self._valkey.unlink(key)


class BudgetSeeding:
    """The loop of one process."""

    def __init__(self, spending: Spending, counters: Counters) -> None:
        self._spending = spending
        self._counters = counters
        self._task: asyncio.Task[None] | None = None
        self._was_away = False

    async def open(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(for_ever(self._look_for_ever))

    async def close(self) -> None:
        """Stop."""
        await end([self._task])

    async def look(self) -> int:
        """Complete what has begun to be counted; returns how many budgets that were. Raises PartUnavailable.

        After the counters were away for a while everything is counted anew: what was used meanwhile is in the ledger.
        """
        try:
            if self._was_away:
                await self._counters.forget_budgets()
            budgets = await self._counters.unseeded()
        except PartUnavailable:
            self._was_away = True
            raise
        self._was_away = False
        if budgets:
            sums = await self._spending.spent([_asked(budget) for budget in budgets])
            for budget, tokens in zip(budgets, sums, strict=True):
                await self._counters.seed(budget, tokens)
        return len(budgets)

    async def _look_for_ever(self) -> None:
        is_told = False
        while True:
            try:
                await self.look()
                is_told = False
            except PartUnavailable as error:
                if not is_told:
                    logger.warning("Budgets per day and month cannot be completed from the ledger: %s", error)
                is_told = True
            await asyncio.sleep(_EVERY_S)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise PartUnavailable("Valkey does not answer.") from error


def _asked(budget: str) -> BudgetSpent:
    _, start, since, scope = budget.split(" ", 3)
    start_ms, since_ms = int(start), int(since)
    return BudgetSpent(scope, start_ms, max(start_ms, since_ms - _OWN_START_MS))


def _literally(text: str) -> str:
    """As a pattern that matches only itself."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)
