"""What a person is told when a budget has no room: which one, how much it is, and when it is whole again. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from appliance.domain.refusals import Told
from appliance.errors import QuotaExceeded
from appliance.fairness.budgets.counting import WindowState
from appliance.fairness.budgets.money import amount_of
from appliance.fairness.budgets.windows import Window

_SOON_S, _LONGEST_RETRY_S = 5.0, 3600.0


def refusal(
    windows: Sequence[Window], states: Sequence[WindowState], micros: int, currency: str, now_ms: int
) -> QuotaExceeded:
    """The error for it. Of several budgets without room the one that stays so longest is told."""
    refusing = [(window, state) for window, state in zip(windows, states, strict=True) if not state.fits]
    window, state = max(refusing, key=lambda one: (micros > one[0].most, one[0].span.end_ms))
    if micros > window.most:
        detail = Told("budget_too_small", needs=money(micros), most=money(window.most), currency=currency)
        return QuotaExceeded(detail)
    whole_s = max(0.0, (window.span.end_ms - now_ms) / 1000)
    is_full = state.spent + micros > window.most
    detail = Told(
        f"budget_{window.cap.covers}_{window.cap.subject_kind}_{window.cap.window}",
        most=money(window.most),
        spent=money(state.spent),
        held=money(state.held),
        needs=money(micros),
        currency=currency,
        whole=_in_words(whole_s),
    )
    retry_after_s = min(max(whole_s, 1.0), _LONGEST_RETRY_S) if is_full else min(whole_s, _SOON_S)
    return QuotaExceeded(detail, retry_after_s=retry_after_s)


def money(micros: int) -> str:
    """With cents, and as many digits more as it takes to tell it from nothing."""
    amount = amount_of(micros)
    if amount == 0 or amount >= 0.01:
        return f"{amount:.2f}"
    return f"{amount:.6f}".rstrip("0")


def _in_words(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
