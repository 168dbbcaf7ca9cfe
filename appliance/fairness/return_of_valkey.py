"""When a Valkey that was away may be trusted again. Pure; times are handed in, in seconds.

It must have answered quickly several times in a row. One that goes away again soon after must do so for longer, so that
a slow or flapping Valkey does not move everybody to and fro.
"""

from __future__ import annotations

_QUICK_S = 0.25
_CALM_S, _LONGEST_CALM_S = 0.5, 8.0
_RELAPSE_S = 30.0


class ReturnOfValkey:
    """quick_s: a slower answer does not count as well."""

    def __init__(self, quick_s: float = _QUICK_S) -> None:
        self._quick_s = quick_s
        self._calm_s = _CALM_S
        self._returned_at: float | None = None
        self._well_since: float | None = None

    def lost(self, now_s: float) -> None:
        """It went away."""
        is_relapse = self._returned_at is not None and now_s - self._returned_at < _RELAPSE_S
        self._calm_s = min(self._calm_s * 2, _LONGEST_CALM_S) if is_relapse else _CALM_S
        self._well_since = None

    def asked(self, now_s: float, took_s: float | None) -> bool:
        """It was asked something; took_s None: it did not answer. True: it is back."""
        if took_s is None or took_s > self._quick_s:
            self._well_since = None
            return False
        if self._well_since is None:
            self._well_since = now_s
        if now_s - self._well_since < self._calm_s:
            return False
        self._returned_at = now_s
        return True
