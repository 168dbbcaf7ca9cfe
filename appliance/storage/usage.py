"""The rows of the ledger in PostgreSQL. Fulfils fairness.ledger.UsageRepository.

Starts and ends have a connection each that is kept: taking one from a pool and checking it costs as much as the
insert.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import LiteralString
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import UUID

import orjson
from psycopg import AsyncConnection, OperationalError

from appliance.errors import PartUnavailable
from appliance.fairness.ledger import RequestEnd, RequestStart

# One JSON parameter for all rows: arrays of each column cost psycopg four times as long.
_START = """
INSERT INTO requests (worker, id, request_id, part_of, user_id, key_id, model, route, started_at)
SELECT %s, s.* FROM jsonb_to_recordset(%s::jsonb) AS s (
    id uuid, request_id text, part_of uuid, user_id uuid, key_id uuid, model text, route text, started_at timestamptz)
"""
_END = """
UPDATE requests r SET
    status = e.status, engine = e.engine, prompt_tokens = e.prompt_tokens, completion_tokens = e.completion_tokens,
    cached_tokens = e.cached_tokens, is_estimated = e.is_estimated, finish_reason = e.finish_reason,
    wait_ms = e.wait_ms, ttft_ms = e.ttft_ms, total_ms = e.total_ms, error_code = e.error_code
FROM jsonb_to_recordset(%s::jsonb) AS e (
    id uuid, status text, engine text, prompt_tokens integer, completion_tokens integer, cached_tokens integer,
    is_estimated boolean, finish_reason text, wait_ms real, ttft_ms real, total_ms real, error_code text)
WHERE r.id = e.id
"""
_BEAT = """
INSERT INTO gateway_workers (id, seen_at) VALUES (%s, now())
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at
"""
_END_ORPHANS = """
UPDATE requests SET status = 'unknown', is_estimated = true
WHERE status = 'started' AND started_at < now() - %(age)s * interval '1 second'
  AND worker NOT IN (SELECT id FROM gateway_workers WHERE seen_at > now() - %(age)s * interval '1 second')
"""
_FORGET_WORKERS = "DELETE FROM gateway_workers WHERE seen_at < now() - interval '1 day'"
_MOST = 2**31 - 1
_PATIENCE_S = 5.0


def ledger_url(url: str) -> str:
    """The gateway's own database address, for connections that may write the ledger's rows."""
    parts = urlsplit(url)
    option = urlencode({"options": "-c app.role=ledger"}).replace("+", "%20")
    return urlunsplit(parts._replace(query=f"{parts.query}&{option}" if parts.query else option))


class UsageStore:
    """url: as `ledger_url` gives it. Opens its two connections on first use."""

    def __init__(self, url: str) -> None:
        self._starts = _KeptConnection(url)
        self._ends = _KeptConnection(url)

    async def record_starts(self, worker: UUID, starts: Sequence[RequestStart]) -> None:
        """Committed when this returns."""
        await self._starts.execute(_START, (worker, orjson.dumps([_start_row(s) for s in starts]).decode()))

    async def record_ends(self, ends: Sequence[tuple[UUID, RequestEnd]]) -> None:
        """Complete rows; one that was never begun is left out."""
        await self._ends.execute(
            _END, (orjson.dumps([_end_row(row_id, end) for row_id, end in ends]).decode(),)
        )

    async def beat(self, worker: UUID) -> None:
        """This process is alive."""
        await self._ends.execute(_BEAT, (worker,))

    async def end_orphans(self, dead_after_s: float) -> int:
        """End what belongs to processes not heard of for so long."""
        ended = await self._ends.execute(_END_ORPHANS, {"age": dead_after_s})
        await self._ends.execute(_FORGET_WORKERS, ())
        return ended

    async def close(self) -> None:
        """Give the connections back."""
        await self._starts.close()
        await self._ends.close()


class _KeptConnection:
    """One connection, kept until it breaks; one statement at a time.

    Not out of a pool: a pool waits longer and longer between attempts while PostgreSQL is away, and nobody may wait
    for it when it is back.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AsyncConnection | None = None

    async def execute(
        self, statement: LiteralString, parameters: Sequence[object] | Mapping[str, object]
    ) -> int:
        """Rows touched; committed. Raises PartUnavailable, after _PATIENCE_S at the latest."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                connection = self._connection or await self._open()
                cursor = await connection.execute(statement, parameters, prepare=True)
                return cursor.rowcount
        except (OperationalError, TimeoutError) as error:
            await self.close()
            raise PartUnavailable("The connection to PostgreSQL broke.") from error
        except asyncio.CancelledError:
            await self.close()  # in the middle of a statement: what it would answer next is unknown
            raise

    async def _open(self) -> AsyncConnection:
        self._connection = await AsyncConnection.connect(
            self._url, autocommit=True, application_name="appliance ledger"
        )
        return self._connection

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _start_row(start: RequestStart) -> dict[str, object]:
    return {
        "id": start.id,
        "request_id": start.request_id,
        "part_of": start.part_of,
        "user_id": start.user_id,
        "key_id": start.key_id,
        "model": start.model.replace("\0", ""),  # the one character PostgreSQL's text cannot hold
        "route": start.route,
        "started_at": start.started_at,
    }


def _end_row(row_id: UUID, end: RequestEnd) -> dict[str, object]:
    usage = end.usage
    return {
        "id": row_id,
        "status": end.status,
        "engine": end.engine,
        "prompt_tokens": min(usage.prompt_tokens, _MOST),
        "completion_tokens": min(usage.completion_tokens, _MOST),
        "cached_tokens": min(usage.cached_tokens, _MOST),
        "is_estimated": end.is_estimated,
        "finish_reason": end.finish_reason,
        "wait_ms": end.wait_ms,
        "ttft_ms": end.ttft_ms,
        "total_ms": end.total_ms,
        "error_code": end.error_code,
    }
