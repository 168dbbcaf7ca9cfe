"""How long to wait before a child that died is started again."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_S = 0.2
LONGEST_S = 10.0
CALM_AFTER_S = 30.0


@dataclass(slots=True)
class Backoff:
    """Doubles from 0.2 s to 10 s; a child that lived for 30 s starts from the beginning."""

    _next_s: float = FIRST_S

    def after(self, lived_s: float) -> float:
        """Seconds to wait now that a child died that had lived so long."""
        if lived_s >= CALM_AFTER_S:
            self._next_s = FIRST_S
        pause = self._next_s
        self._next_s = min(pause * 2, LONGEST_S)
        return pause
