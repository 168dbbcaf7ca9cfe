"""Kept results in PostgreSQL, each read with its owner's eyes, and the removal of what is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from appliance.domain.data import Asking, QueryRun
from appliance.domain.data_results import KeptResult, ResultRow
from appliance.domain.people import Caller, Viewer
from appliance.errors import NotFound
from appliance.storage.database import Database
from appliance.storage.packed_rows import packed, unpacked
from querying.types import ResultColumn

_MAX_QUESTION = 4000
# A row without rows takes room too: nobody keeps a million empty results.
_LEAST_BYTES = 4096
# A turn that is gone, or is somebody else's, takes its results with it.
_KEEP = """
INSERT INTO data_results (id, user_id, turn_id, source_id, source_name, question, sql, tables, columns, row_count, cut,
                          elapsed_ms, cost, saved_id, ran_at, size_bytes)
SELECT %(id)s, %(user)s, %(turn)s, %(source)s, %(source_name)s, %(question)s, %(sql)s, %(tables)s, %(columns)s,
       %(row_count)s, %(cut)s, %(elapsed_ms)s, %(cost)s, %(saved)s, %(ran_at)s, %(size)s
WHERE %(turn)s::uuid IS NULL OR EXISTS (SELECT 1 FROM turns t WHERE t.id = %(turn)s)
"""
_KEEP_PAGE = "INSERT INTO data_result_pages (result_id, user_id, first_row, body) VALUES (%s, %s, %s, %s)"
_REMOVE_EXCESS = """
DELETE FROM data_results WHERE id IN (
    SELECT id FROM (
        SELECT id, sum(size_bytes) OVER (ORDER BY kept_at DESC, id DESC) AS kept FROM data_results
        WHERE user_id = %(user)s) counted
    WHERE kept > %(most)s AND id <> %(id)s)
"""
# What lies in a deleted chat is hidden with it, also while it can be had back.
_ONE = """
SELECT r.id, r.source_id, r.source_name, r.sql, r.tables, r.columns, r.row_count, r.cut, r.elapsed_ms, r.cost, r.ran_at,
       r.question, r.saved_id, r.turn_id
FROM data_results r
WHERE r.id = %s AND (r.turn_id IS NULL OR EXISTS (
    SELECT 1 FROM turns t JOIN conversations c ON c.id = t.conversation_id
    WHERE t.id = r.turn_id AND c.deleted_at IS NULL))
"""
_PAGE = """
SELECT first_row, body FROM data_result_pages WHERE result_id = %(id)s
  AND first_row >= coalesce((SELECT max(first_row) FROM data_result_pages
                             WHERE result_id = %(id)s AND first_row <= %(from)s), 0)
ORDER BY first_row LIMIT 1
"""
_REMOVE_OLD = "DELETE FROM data_results WHERE turn_id IS NULL AND kept_at <= %s"


class PostgresResults:
    """Fulfils ports.data.ResultKeeper and services.data.results.ResultRepository.

    most_bytes: what one person may keep, compressed; beyond it their oldest results go.
    """

    def __init__(self, database: Database, *, most_bytes: int = 256 * 2**20) -> None:
        self._database = database
        self._most_bytes = most_bytes

    async def keep(self, caller: Caller, run: QueryRun, asking: Asking) -> UUID:
        pages = await asyncio.to_thread(lambda: list(packed(run.rows.rows)))
        user = caller.user_id
        values = _values_of(run, asking) | {
            "user": user,
            "size": _LEAST_BYTES + sum(len(body) for _, body in pages),
        }
        async with self._database.viewing(caller.viewer) as connection:
            if (await connection.execute(_KEEP, values)).rowcount:
                async with connection.cursor() as cursor:
                    await cursor.executemany(
                        _KEEP_PAGE, [(run.id, user, first_row, body) for first_row, body in pages]
                    )
                excess = {"user": user, "most": self._most_bytes, "id": run.id}
                await connection.execute(_REMOVE_EXCESS, excess)
        return run.id

    async def head(self, viewer: Viewer, result_id: UUID) -> KeptResult:
        """Raises NotFound for one that is gone, hidden or somebody else's."""
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_ONE, (result_id,))).fetchone()
        if row is None:
            raise NotFound("This result is not kept any more. Ask again.")
        return _result_of(row)

    async def rows_from(
        self, viewer: Viewer, result_id: UUID, start: int = 0
    ) -> AsyncIterator[list[ResultRow]]:
        """Some hundred at a time, from row `start`; each page is read when it is asked for."""
        at = start
        while True:
            async with self._database.viewing(viewer) as connection:
                values = {"id": result_id, "from": at}
                page = await (await connection.execute(_PAGE, values)).fetchone()
            if page is None:
                return
            first_row, body = page
            rows = await asyncio.to_thread(unpacked, bytes(body))
            if first_row + len(rows) <= at:
                return
            yield rows[at - first_row :]
            at = first_row + len(rows)


async def remove_results_without_turn(database: Database, kept_before: datetime) -> int:
    """database: as the worker's role. Returns how many went."""
    async with database.transaction() as connection:
        return (await connection.execute(_REMOVE_OLD, (kept_before,))).rowcount


def _values_of(run: QueryRun, asking: Asking) -> dict[str, Any]:
    rows = run.rows
    return {
        "id": run.id,
        "turn": asking.turn_id,
        "source": run.source_id,
        "source_name": run.source_name,
        "question": _storable(asking.question[:_MAX_QUESTION]),
        "sql": _storable(run.sql),
        "tables": list(run.tables),
        "columns": Jsonb([[_storable(column.name), column.kind] for column in rows.columns]),
        "row_count": len(rows.rows),
        "cut": rows.cut,
        "elapsed_ms": rows.elapsed_ms,
        "cost": rows.cost,
        "saved": asking.saved_id,
        "ran_at": run.ran_at,
    }


def _storable(text: str) -> str:
    """PostgreSQL holds neither NUL nor half a surrogate pair in a text."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _result_of(row: tuple[Any, ...]) -> KeptResult:
    columns = tuple(ResultColumn(name, kind) for name, kind in row[5])
    return KeptResult(row[0], row[1], row[2], row[3], tuple(row[4]), columns, *row[6:])
