"""What the gate asks of budgets in money: reserve before a call is sent, settle when it ended. Values and a port.

Money travels as whole millionths of the box's currency, so that what is reserved, given back and summed up is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from appliance.domain.answers import Cost
from appliance.domain.people import Caller


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is held for one call. id empty: nothing is, as no cap counts for it. micros: millionths of the currency."""

    id: str = ""
    micros: int = 0
    windows: tuple[str, ...] = ()


NOTHING_RESERVED = Reservation()


class Budgets(Protocol):
    """What may be spent."""

    async def reserve(
        self,
        caller: Caller,
        model: str,
        engine: str,
        is_cloud: bool,
        prompt_tokens: int,
        most_tokens: int | None,
        *,
        others: Sequence[str] = (),
        context_tokens: int | None = None,
        audio_seconds: float = 0.0,
    ) -> Reservation:
        """Hold what the call may cost at most, in all budgets that count for it or in none.

        model: as the ledger prices it. others: engines to which it may be moved; the dearest counts. most_tokens None:
        the request does not say. context_tokens: of the model, where it is known. audio_seconds: of sound to be heard.
        Raises QuotaExceeded and BudgetUncounted; for a cloud CloudRefusedByBudget or CloudPriceUnknown, which are
        EngineUnavailable: this way is closed, another one may be open.
        """
        ...

    def settle(self, reservation: Reservation, cost: Cost | None) -> None:
        """The call ended, and cost so much; None: nothing. What is left of the reservation is free. Never waits."""
        ...

    def may_spend(self, caller: Caller, *, is_cloud: bool) -> bool:
        """False: a budget is known to be used up. What this process last knew; asks nobody."""
        ...


class _NoBudgets:
    """Nobody set one."""

    async def reserve(
        self,
        _caller: Caller,
        _model: str,
        _engine: str,
        _is_cloud: bool,
        _prompt_tokens: int,
        _most_tokens: int | None,
        *,
        others: Sequence[str] = (),
        context_tokens: int | None = None,
        audio_seconds: float = 0.0,
    ) -> Reservation:
        return NOTHING_RESERVED

    def settle(self, _reservation: Reservation, _cost: Cost | None) -> None:
        return None

    def may_spend(self, _caller: Caller, *, is_cloud: bool) -> bool:
        return True


NO_BUDGETS: Budgets = _NoBudgets()
