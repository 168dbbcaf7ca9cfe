"""One line of the log for every request that ended: who, which engine, how long. Never what was said."""

from __future__ import annotations

import logging

from appliance.fairness.accounting.ledger import Entry
from appliance.telemetry import REQUESTS

logger = logging.getLogger(REQUESTS)


def log_request(entry: Entry) -> None:
    """user: an id; times in milliseconds, as in the ledger's row."""
    start, end = entry.start, entry.end
    fields = {
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
    told = {name: value for name, value in fields.items() if value is not None}
    logger.info("request %s", end.status, extra=told)


def _rounded(time_ms: float | None) -> float | None:
    return None if time_ms is None else round(time_ms, 1)
