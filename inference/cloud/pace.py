"""How an answer may come: not too much, not too slowly, not for ever. Pure; the clock is given."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_MINUTE_S = 60.0


class AnswerTooLarge(Exception):
    """More came than an answer may be."""


class AnswerTooSlow(Exception):
    """It trickles, or does not end."""


@dataclass(frozen=True, slots=True)
class PaceLimits:
    """least_bytes_per_minute 0: it may come as slowly as it likes."""

    most_bytes: int
    least_bytes_per_minute: int
    total_s: float


class Pace:
    """One answer. began_s: when it was asked for, by the clock that `took` is told too, in seconds."""

    def __init__(self, limits: PaceLimits, began_s: float) -> None:
        self._limits, self._began_s = limits, began_s
        self._recent: deque[tuple[float, int]] = deque()
        self._first_s: float | None = None
        self._bytes = self._recent_bytes = 0

    def took(self, size_bytes: int, now_s: float) -> None:
        """So many bytes came. Raises AnswerTooLarge, AnswerTooSlow."""
        limits = self._limits
        self._bytes += size_bytes
        if self._bytes > limits.most_bytes:
            raise AnswerTooLarge(f"It is larger than {limits.most_bytes >> 20} MiB.")
        if now_s - self._began_s > limits.total_s:
            raise AnswerTooSlow(f"It was not complete after {limits.total_s:g} s.")
        if self._first_s is None:
            self._first_s = now_s
        self._recent.append((now_s, size_bytes))
        self._recent_bytes += size_bytes
        while self._recent[0][0] <= now_s - _MINUTE_S:
            self._recent_bytes -= self._recent.popleft()[1]
        is_told_enough = now_s - self._first_s >= _MINUTE_S
        if is_told_enough and self._recent_bytes < limits.least_bytes_per_minute:
            raise AnswerTooSlow(f"Only {self._recent_bytes} bytes came within a minute.")

    def left_s(self, now_s: float) -> float:
        """Until it has to be complete; never negative."""
        return max(0.0, self._began_s + self._limits.total_s - now_s)
