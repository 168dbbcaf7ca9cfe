"""The rows of the ledger in PostgreSQL. Fulfils fairness.ledger_rows.UsageRepository.

Rows have a connection of their own that is kept: taking one from a pool and checking it costs more than the insert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import LiteralString
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

from psycopg import DataError, IntegrityError

from appliance.fairness.accounting.ledger_rows import RowsRefused
from appliance.storage.prepared_connection import PreparedConnection

# One JSON parameter for all rows: arrays of each column cost us four times as long. Both statements may be repeated.
_START = """
INSERT INTO requests (worker, id, request_id, part_of, user_id, key_id, model, route, started_at)
SELECT * FROM json_to_recordset($1::json) AS s (
    worker uuid, id uuid, request_id text, part_of uuid, user_id uuid, key_id uuid, model text, route text,
    started_at timestamptz)
ON CONFLICT (id) DO NOTHING
"""
_END = """
UPDATE requests r SET
    status = e.status, engine = e.engine, prompt_tokens = e.prompt_tokens, completion_tokens = e.completion_tokens,
    cached_tokens = e.cached_tokens, is_estimated = e.is_estimated, finish_reason = e.finish_reason,
    wait_ms = e.wait_ms, ttft_ms = e.ttft_ms, total_ms = e.total_ms, error_code = e.error_code, cost = e.cost,
    audio_seconds = e.audio_seconds, engine_seconds = e.engine_seconds, joules = e.joules, energy_cost = e.energy_cost,
    is_cloud = coalesce(e.is_cloud, false), rung = e.rung, prompts = e.prompts
FROM json_to_recordset($1::json) AS e (
    id uuid, status text, engine text, prompt_tokens integer, completion_tokens integer, cached_tokens integer,
    is_estimated boolean, finish_reason text, wait_ms real, ttft_ms real, total_ms real, error_code text,
    cost double precision, audio_seconds double precision, engine_seconds real, joules real,
    energy_cost double precision, is_cloud boolean, rung text, prompts text[])
WHERE r.id = e.id AND r.status IN ('started', 'unknown')
"""
_ROWS: Mapping[str, LiteralString] = {
    "start": _START,
    "end": _END,
    # Both in one commit. The update does not see what the insert makes, so no request may be in both.
    "both": f"WITH begun AS ({_START}) {_END.replace('$1', '$2')}",
}
_CARE: Mapping[str, LiteralString] = {
    "beat": """
INSERT INTO gateway_workers (id, seen_at) VALUES ($1::uuid, now())
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
""",
    "orphans": """
UPDATE requests SET status = 'unknown', is_estimated = true
WHERE status = 'started' AND started_at < now() - $1::float8 * interval '1 second'
  AND worker NOT IN (SELECT id FROM gateway_workers WHERE seen_at > now() - $1::float8 * interval '1 second')
""",
    "forget": "DELETE FROM gateway_workers WHERE seen_at < now() - interval '1 day'",
}
# A plan that was made while the table was small must not be kept as it grows: rows are found by their id, always.
_OPTIONS = (
    "-c app.role=ledger -c plan_cache_mode=force_generic_plan -c enable_hashjoin=off -c enable_mergejoin=off"
)
_PATIENCE_S = 2.0
_CARE_PATIENCE_S = 5.0


def ledger_url(url: str) -> str:
    """The gateway's own database address, for connections that may write the ledger's rows."""
    parts = urlsplit(url)
    option = urlencode({"options": _OPTIONS}).replace("+", "%20")
    return urlunsplit(parts._replace(query=f"{parts.query}&{option}" if parts.query else option))


class UsageStore:
    """url: as `ledger_url` gives it. Opens its two connections on first use."""

    def __init__(self, url: str) -> None:
        self._rows = PreparedConnection(url, _ROWS, _PATIENCE_S)
        self._care = PreparedConnection(url, _CARE, _CARE_PATIENCE_S)

    async def record(self, starts: Sequence[bytes], ends: Sequence[bytes]) -> None:
        """Committed when this returns; an end whose request was never begun is left out.

        Raises PartUnavailable, and RowsRefused where one of the rows can never be written.
        """
        name = "both" if starts and ends else "start" if starts else "end"
        parameters = [b"[" + b",".join(rows) + b"]" for rows in (starts, ends) if rows]
        if not parameters:
            return
        try:
            await self._rows.execute(name, parameters)
        except (DataError, IntegrityError) as error:
            raise RowsRefused(str(error)) from error

    async def beat(self, worker: UUID) -> None:
        """This process is alive."""
        await self._care.execute("beat", [str(worker).encode()])

    async def end_orphans(self, dead_after_s: float) -> int:
        """End what belongs to processes not heard of for so long."""
        ended = await self._care.execute("orphans", [str(dead_after_s).encode()])
        await self._care.execute("forget", [])
        return ended

    async def close(self) -> None:
        """Give the connections back."""
        await self._rows.close()
        await self._care.close()
