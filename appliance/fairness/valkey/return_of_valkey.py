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


_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_HEALED_S = 300.0


class RepairPauses:
    """How long to wait before the queue's state is begun anew: not at all, unless it did not help last time.

    Then it is likely that the state is not what is wrong, and every attempt costs all workers a moment.
    """

    def __init__(self) -> None:
        self._pause_s = 0.0
        self._repaired_at: float | None = None

    def next_s(self, now_s: float) -> float:
        """The pause before the repair that is needed now."""
        if self._repaired_at is None or now_s - self._repaired_at > _HEALED_S:
            self._pause_s = 0.0
        else:
            self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._repaired_at = now_s + self._pause_s
        return self._pause_s
