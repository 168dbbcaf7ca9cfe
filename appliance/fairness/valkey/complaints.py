"""The same complaint is logged at once and then once a minute, however often there is cause for it."""

from __future__ import annotations

import logging
import re

_EVERY_S = 60.0
_MOST_KINDS = 100


class Complaints:
    """Complaints that differ in numbers alone are the same. Times are handed in, in seconds."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._told: dict[str, tuple[float, int]] = {}

    def tell(self, text: str, now_s: float) -> None:
        """Log it, or count it until it may be logged again."""
        kind = re.sub(r"\d+", "0", text)
        told_at, unsaid = self._told.get(kind, (None, 0))
        if told_at is not None and now_s - told_at < _EVERY_S:
            self._told[kind] = (told_at, unsaid + 1)
            return
        if len(self._told) >= _MOST_KINDS:
            self._told.clear()
        self._told[kind] = (now_s, 0)
        self._logger.error("%s%s", text, f" ({unsaid} more times since it was last told)" if unsaid else "")
