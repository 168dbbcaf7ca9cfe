"""What a person is told when a limit, or a full queue, refuses a request."""

from __future__ import annotations

import math
import random

from appliance.errors import LargerThanLimit, QuotaExceeded, RateLimited
from appliance.fairness.admission import AppliedLimit, LimitKind, Refused
from appliance.fairness.limits.limits import BUDGETS

_SHORTEST_RETRY_S, _UNKNOWN_RETRY_S = 1.0, 5.0
_LONGEST_RETRY_S = 120.0  # openai's clients do not come back after a longer wait
_RETRY_SPREAD = 1.25
_WINDOWS: dict[LimitKind, str] = {
    "requests_per_minute": "requests per minute",
    "tokens_per_minute": "tokens per minute",
    "tokens_per_day": "tokens per day (UTC)",
    "tokens_per_month": "tokens per month (UTC)",
    "concurrent_requests": "requests at a time",
}
_SUBJECTS = {"user": "this account", "group": "a group of this account", "key": "this key"}


def refusal(refused: Refused) -> RateLimited | QuotaExceeded:
    """The error for it: come back soon, come back when the budget is whole again, or never."""
    sentence = (
        f"The limit on {_subject(refused.limit)} is {refused.limit.most} {_WINDOWS[refused.limit.kind]}."
    )
    if refused.retry_after_s is None:
        return LargerThanLimit(sentence, states=refused.states)
    if refused.limit.kind in BUDGETS:
        whole_again = _in_words(refused.retry_after_s)
        return QuotaExceeded(f"{sentence} It is whole again in {whole_again}.", states=refused.states)
    retry_after_s = min(refused.retry_after_s, _LONGEST_RETRY_S)
    return RateLimited(sentence, retry_after_s=retry_after_s, states=refused.states)


def come_back_s(eta_s: float | None) -> float:
    """When to come back to a full queue: after the wait that was foretold, but not all of a crowd at once."""
    expected_s = _UNKNOWN_RETRY_S if eta_s is None else max(eta_s, _SHORTEST_RETRY_S)
    wait_s = min(expected_s, _LONGEST_RETRY_S / _RETRY_SPREAD)
    return wait_s * random.uniform(1.0, _RETRY_SPREAD)  # noqa: S311 – not a secret


def _subject(limit: AppliedLimit) -> str:
    kind, _, name = limit.scope.partition(":")
    return _SUBJECTS.get(kind, f"the model {name}, for all together,")


def _in_words(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
