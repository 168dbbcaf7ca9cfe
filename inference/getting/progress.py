"""How far a model is, in bytes and seconds: pure arithmetic over moments that it is handed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_OVER_S = 10.0  # the rate of the last seconds: what a break or another hour was like says nothing


@dataclass(frozen=True, slots=True)
class Progress:
    """rate: bytes a second; seconds_left: None where it cannot be told. file: the one that comes now."""

    done_bytes: int = 0
    total_bytes: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    file: str = ""


class Meter:
    """already: what was there before this attempt."""

    def __init__(self, total_bytes: int, already: int = 0) -> None:
        self._total, self._done = total_bytes, already
        self._seen: deque[tuple[float, int]] = deque()

    @property
    def done_bytes(self) -> int:
        return self._done

    def count(self, size_bytes: int) -> None:
        """Negative for what has to come again."""
        self._done += size_bytes
        if size_bytes < 0:
            self._seen.clear()

    def read(self, now: float, file: str = "") -> Progress:
        """now: seconds of a clock that never goes back."""
        self._seen.append((now, self._done))
        while len(self._seen) > 2 and now - self._seen[1][0] >= _OVER_S:
            self._seen.popleft()
        then, before = self._seen[0]
        elapsed = now - then
        rate = (self._done - before) / elapsed if elapsed > 0 else 0.0
        left = (self._total - self._done) / rate if rate > 0 else None
        return Progress(self._done, self._total, rate, left, file)
