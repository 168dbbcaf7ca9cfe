"""How limits stand, in the headers that OpenAI sends and its clients read.

Of several limits on requests or on tokens the tightest is told: the one with the least left. openai's clients wait as
`retry-after-ms` or `retry-after` say, up to two minutes, and do not come back where `x-should-retry` is `false`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from appliance.errors import CloudRefusedByBudget, QuotaExceeded, RateLimited
from appliance.fairness.admission import LimitKind, LimitState

Headers = list[tuple[bytes, bytes]]

_SORTS: tuple[tuple[bytes, frozenset[LimitKind]], ...] = (
    (b"requests", frozenset({"requests_per_minute"})),
    (b"tokens", frozenset({"tokens_per_minute", "tokens_per_day", "tokens_per_month"})),
)
_LONGEST_RETRY_S = 120.0


def rate_limit_headers(states: Sequence[LimitState]) -> Headers:
    """x-ratelimit-limit, -remaining and -reset, for requests and tokens; none for a sort without a limit."""
    headers: Headers = []
    for sort, kinds in _SORTS:
        found = [state for state in states if state.limit.kind in kinds]
        if found:
            tightest = min(found, key=lambda state: (state.remaining, -state.reset_s))
            headers += [
                (b"x-ratelimit-limit-" + sort, b"%d" % tightest.limit.most),
                (b"x-ratelimit-remaining-" + sort, b"%d" % tightest.remaining),
                (b"x-ratelimit-reset-" + sort, duration(tightest.reset_s).encode()),
            ]
    return headers


def refusal_headers(error: BaseException) -> Headers:
    """What a refusal by a limit says beyond retry-after; nothing for other errors."""
    if isinstance(error, RateLimited):
        milliseconds = math.ceil(min(error.retry_after_s, _LONGEST_RETRY_S) * 1000)
        return [(b"retry-after-ms", b"%d" % milliseconds), *rate_limit_headers(error.states)]
    if isinstance(error, QuotaExceeded):
        return [(b"x-should-retry", b"false"), *rate_limit_headers(error.states)]
    if isinstance(error, CloudRefusedByBudget):
        return [(b"x-should-retry", b"false")]
    return []


def duration(seconds: float) -> str:
    """As OpenAI writes it: `12ms`, `8.64s`, `6m0s`, `23h59m59s`; whole milliseconds, rounded up."""
    milliseconds = math.ceil(round(seconds * 1000, 3))
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    if minutes == 0:
        return f"{rest / 1000:g}s"
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours}h' if hours else ''}{minutes}m{rest // 1000}s"
