"""That a budget is half, nearly or wholly used is kept once in each of its windows, whichever process finds it.

While PostgreSQL is away it is remembered, and told when it is there again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from appliance.domain.people import AccountEvent
from appliance.errors import PartUnavailable
from appliance.fairness.budgets.money import amount_of
from appliance.fairness.budgets.windows import Window

logger = logging.getLogger(__name__)

_MOST_REMEMBERED = 1000
_RETRY_S = 1.0

OnWarned = Callable[[Window, int], None]


class WarningRepository(Protocol):
    """`storage.budgets` fulfils it."""

    async def note_warning(self, window: Window, level: int, spent: int, event: AccountEvent) -> bool:
        """Whether nobody was told before; then the event is kept with it. Raises PartUnavailable."""
        ...


class BudgetWarnings:
    """One a process. on_warned: told of each that was new."""

    def __init__(self, repository: WarningRepository, currency: str, on_warned: OnWarned) -> None:
        self._repository = repository
        self._currency = currency
        self._on_warned = on_warned
        self._found: deque[tuple[Window, int, int]] = deque(maxlen=_MOST_REMEMBERED)
        self._has_found = asyncio.Event()

    def crossed(self, window: Window, level: int, spent: int) -> None:
        """So many per cent are reached. Never waits, never fails."""
        self._found.append((window, level, spent))
        self._has_found.set()

    async def run(self) -> None:
        """Tell what is found, for ever."""
        while True:
            await self._has_found.wait()
            self._has_found.clear()
            while self._found:
                try:
                    await self._tell(*self._found[0])
                except PartUnavailable:
                    await asyncio.sleep(_RETRY_S)
                    continue
                except Exception:
                    logger.exception("a warning of a budget could not be kept")
                self._found.popleft()

    async def _tell(self, window: Window, level: int, spent: int) -> None:
        kind, _, subject = window.cap.scope.partition(":")
        detail = {
            "on": kind,
            "window": window.cap.window,
            "covers": window.cap.covers,
            "level": level,
            "amount": amount_of(window.most),
            "spent": amount_of(spent),
            "currency": self._currency,
        }
        event = AccountEvent("budget.warned", None, UUID(subject) if subject else None, detail)
        if await self._repository.note_warning(window, level, spent, event):
            self._on_warned(window, level)
            logger.warning(
                "The budget of %s for %s calls per %s is used by %d %%: %.2f of %.2f %s.",
                kind,
                window.cap.covers,
                window.cap.window,
                level,
                amount_of(spent),
                amount_of(window.most),
                self._currency,
            )
