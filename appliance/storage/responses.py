"""Kept responses in PostgreSQL, each read with its owner's eyes, and the removal of old ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation

from appliance.domain.people import Viewer
from appliance.domain.responses import KeptResponse, Said
from appliance.errors import Conflict, NotFound, TooLarge
from appliance.storage.database import Database

_KEEP = """
WITH thread AS (
    INSERT INTO response_threads (id, user_id, last_used_at, size_bytes)
    VALUES (%(thread)s, %(user)s, %(now)s, %(size)s)
    ON CONFLICT (id) DO UPDATE SET last_used_at = excluded.last_used_at,
        size_bytes = response_threads.size_bytes + excluded.size_bytes
    RETURNING id)
INSERT INTO responses (id, thread_id, user_id, previous_id, created_at, size_bytes, input, body, origins)
SELECT %(id)s, id, %(user)s, %(previous)s, %(now)s, %(size)s, %(input)s::json, %(body)s::json, %(origins)s FROM thread
"""
_ONE = """
SELECT r.input::text, r.body::text, r.origins FROM responses r JOIN response_threads t ON t.id = r.thread_id
WHERE r.id = %s AND t.last_used_at > %s
"""
# Sizes first: nothing is read before it is known to be little enough.
_CHAIN = """
WITH RECURSIVE chain AS (
    SELECT r.id, r.previous_id, r.thread_id, r.size_bytes::bigint AS size_bytes, 0 AS depth
    FROM responses r JOIN response_threads t ON t.id = r.thread_id
    WHERE r.id = %(id)s AND t.last_used_at > %(since)s
    UNION ALL
    SELECT r.id, r.previous_id, r.thread_id, chain.size_bytes + r.size_bytes, depth + 1
    FROM responses r JOIN chain ON r.id = chain.previous_id
    WHERE chain.size_bytes <= %(limit)s)
SELECT id, previous_id, thread_id, size_bytes FROM chain ORDER BY depth
"""
_SAID = "SELECT id, input::text, body::text, origins FROM responses WHERE id = ANY(%s)"
_FORGET = """
WITH gone AS (DELETE FROM responses WHERE id = %s RETURNING thread_id, size_bytes)
UPDATE response_threads t SET size_bytes = t.size_bytes - gone.size_bytes FROM gone WHERE t.id = gone.thread_id
RETURNING t.id
"""
_FORGET_EMPTY = """
DELETE FROM response_threads t WHERE t.id = %s AND NOT EXISTS (SELECT 1 FROM responses r WHERE r.thread_id = t.id)
"""
_REMOVE_OLD = "DELETE FROM response_threads WHERE last_used_at <= %s"
_REMOVE_EXCESS = """
DELETE FROM response_threads WHERE id IN (
    SELECT id FROM (
        SELECT id, sum(size_bytes) OVER (PARTITION BY user_id ORDER BY last_used_at DESC, id) AS kept
        FROM response_threads) counted
    WHERE kept > %s)
"""


class PostgresResponses:
    """Fulfils services.responses.ResponseRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, viewer: Viewer, response: KeptResponse) -> None:
        values = {
            "id": response.id,
            "thread": response.thread_id,
            "user": viewer.user_id,
            "previous": response.previous_id,
            "now": response.created_at,
            "size": len(response.items) + len(response.body),
            "input": response.items.decode(),
            "body": response.body.decode(),
            "origins": None if response.origins is None else sorted(response.origins),
        }
        async with self._database.viewing(viewer) as connection:
            try:
                await connection.execute(_KEEP, values)
            except ForeignKeyViolation as error:
                raise Conflict("The account it belongs to is gone.") from error

    async def one(self, viewer: Viewer, response_id: UUID, since: datetime) -> Said:
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_ONE, (response_id, since))).fetchone()
        if row is None:
            raise NotFound(f"No response has the id 'resp_{response_id.hex}', or it has expired.")
        return _as_said(*row)

    async def chain(
        self, viewer: Viewer, response_id: UUID, since: datetime, limit_bytes: int
    ) -> tuple[UUID, Sequence[Said]]:
        async with self._database.viewing(viewer) as connection:
            values = {"id": response_id, "since": since, "limit": limit_bytes}
            rows = await (await connection.execute(_CHAIN, values)).fetchall()
            _check_chain(response_id, rows, limit_bytes)
            ids = [row[0] for row in reversed(rows)]
            said = await _said(connection, ids)
        return rows[0][2], [said[one] for one in ids]

    async def forget(self, viewer: Viewer, response_id: UUID) -> None:
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_FORGET, (response_id,))).fetchone()
            if row is None:
                raise NotFound(f"No response has the id 'resp_{response_id.hex}', or it has expired.")
            await connection.execute(_FORGET_EMPTY, (row[0],))


def _check_chain(response_id: UUID, rows: Sequence[tuple[UUID, UUID | None, UUID, int]], limit: int) -> None:
    if not rows:
        raise NotFound(f"No response has the id 'resp_{response_id.hex}', or it has expired.")
    _, missing, _, size = rows[-1]
    if size > limit:
        raise TooLarge(f"The conversation is larger than {limit >> 20} MiB; begin a new one.")
    if missing is not None:
        raise NotFound(
            f"'resp_{response_id.hex}' went on from 'resp_{missing.hex}', which has been deleted; begin a new "
            "conversation."
        )


async def _said(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Said]:
    cursor = await connection.execute(_SAID, (list(ids),))
    return {one: _as_said(*said) for one, *said in await cursor.fetchall()}


def _as_said(items: str, body: str, origins: list[str] | None) -> Said:
    return Said(items.encode(), body.encode(), None if origins is None else frozenset(origins))


class ResponseRemoval:
    """What the worker does about old responses. database: as the worker's role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remove(self, unused_since: datetime, most_bytes_per_person: int) -> int:
        """Remove conversations not used since then, and the oldest of whoever keeps more; returns how many."""
        async with self._database.transaction() as connection:
            old = await connection.execute(_REMOVE_OLD, (unused_since,))
            excess = await connection.execute(_REMOVE_EXCESS, (most_bytes_per_person,))
            return old.rowcount + excess.rowcount
