"""Money for a call is held when it has its slot, before anything is sent; what a way that failed held is free again."""

from __future__ import annotations

from appliance.domain.people import Caller
from appliance.fairness.accounting.ledger import Entry
from appliance.fairness.budgets.port import NOTHING_RESERVED, Budgets
from appliance.fairness.charging import most_tokens
from appliance.fairness.rungs import Rung
from appliance.fairness.sending import Attempt


async def hold_money(
    budgets: Budgets, caller: Caller, model: str, entry: Entry, attempt: Attempt, rung: Rung
) -> None:
    """For the engine that has the slot, and for those to which the request may be moved.

    model: as it was asked for. Raises QuotaExceeded, BudgetUncounted, CloudRefusedByBudget, CloudPriceUnknown.
    """
    budgets.settle(attempt.reservation, None)
    attempt.reservation = NOTHING_RESERVED
    engine, is_cloud = attempt.held.engine, rung.kind == "cloud"
    entry.end.is_cloud = is_cloud
    attempt.reservation = await budgets.reserve(
        caller,
        rung.model if rung.kind == "smaller" else model,
        engine,
        is_cloud,
        attempt.prompt_tokens,
        most_tokens(attempt.checked.request),
        others=[one.engine for one in rung.routes.candidates if one.engine != engine],
        context_tokens=rung.routes.context_tokens,
    )
