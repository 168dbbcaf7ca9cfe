"""How many requests may be sent a second time: a share of the traffic. Pure; times are handed in.

Retries help where one engine of several fails. Where all do, or a request is what they fail of, each retry is load
that makes it worse; so there are never more than a tenth of the traffic, a small reserve apart. As Finagle's budget.
"""

from __future__ import annotations

_TRICKLE_PER_S = 0.2
"""Where there is hardly any traffic: one in five seconds."""


class RetryBudget:
    """share: retries a request. reserve: what a burst may take at most, and what there is at first."""

    def __init__(self, share: float, reserve: int) -> None:
        self._share = share
        self._reserve = float(reserve)
        self._left = float(reserve)
        self._seen_s: float | None = None

    def earn(self) -> None:
        """A request was sent for the first time."""
        self._left = min(self._reserve, self._left + self._share)

    def take(self, now_s: float) -> bool:
        """Whether one may be sent again. now_s: of a clock that only goes on."""
        if self._seen_s is not None and self._share:
            trickled = _TRICKLE_PER_S * max(0.0, now_s - self._seen_s)
            self._left = min(self._reserve, self._left + trickled)
        self._seen_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
