"""One line of the log for every request that ended: who, which engine, how long. Never what was said.

Lines are written together, some times a second: one by one each would take the twentieth part of a request's time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from appliance.fairness.accounting.ledger import Entry
from appliance.telemetry import REQUESTS, Lines, now

logger = logging.getLogger(REQUESTS)

_LATEST_S = 0.2


class RequestLog:
    """Hand `note` to the ledger; `flush` before the process ends."""

    def __init__(self) -> None:
        self._waiting: list[dict[str, Any]] = []

    def note(self, entry: Entry) -> None:
        """Write its line soon. Needs a running loop."""
        if logger.disabled or not logger.isEnabledFor(logging.INFO):
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(_LATEST_S, self.flush)
        self._waiting.append(_told(entry))

    def flush(self) -> None:
        """Write what waits."""
        lines, self._waiting = self._waiting, []
        if lines:
            logger.info(Lines(lines))


def _told(entry: Entry) -> dict[str, Any]:
    """user: an id; times in milliseconds, as in the ledger's row; what is not known is left out."""
    start, end = entry.start, entry.end
    fields = {
        "time": now(),
        "message": f"request {end.status}",
        "request_id": start.request_id,
        "user": str(start.user_id),
        "route": start.route,
        "model": start.model,
        "engine": end.engine,
        "status": end.status,
        "error_code": end.error_code,
        "wait_ms": _rounded(end.wait_ms),
        "ttft_ms": _rounded(end.ttft_ms),
        "total_ms": _rounded(end.total_ms),
        "prompt_tokens": end.usage.prompt_tokens,
        "completion_tokens": end.usage.completion_tokens,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _rounded(time_ms: float | None) -> float | None:
    return None if time_ms is None else round(time_ms, 1)
