"""Data sources as whoever asks may see them, and the audit's line of every query."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from appliance.domain.data_sources import AskableSource
from appliance.domain.people import AccountEvent, Viewer
from appliance.storage.accounts import record_event
from appliance.storage.data_rows import DRIFT, SOURCE, TABLE, drift_of, source_of, table_of
from appliance.storage.database import Database

_GRANTED: LiteralString = "s.id IN (SELECT viewer_asked_sources())"
_SOURCES = f"SELECT {SOURCE} FROM data_sources s"
_TABLES = f"SELECT {TABLE} FROM data_tables t WHERE t.source_id = ANY (%s) ORDER BY t.source_id, t.namespace, t.name"
_DRIFT = f"SELECT {DRIFT} FROM data_drift d WHERE d.source_id = ANY (%s)"


class PostgresAskableSources:
    """Fulfils services.data.desk.AskableSources. Read with the asker's eyes (row-level security)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def granted(self, viewer: Viewer) -> Sequence[AskableSource]:
        """Those that were granted to the viewer and are not paused, by name."""
        async with self._database.viewing(viewer) as connection:
            query = f"{_SOURCES} WHERE {_GRANTED} AND NOT s.is_paused ORDER BY s.name_key"
            return await _with_tables(connection, await _rows(connection, query))

    async def one(self, viewer: Viewer, source_id: UUID, *, as_manager: bool) -> AskableSource | None:
        """as_manager: whatever the viewer sees, granted or not; only administrators see what was not granted."""
        async with self._database.viewing(viewer) as connection:
            query: LiteralString = f"{_SOURCES} WHERE s.id = %s" + ("" if as_manager else f" AND {_GRANTED}")
            found = await _with_tables(connection, await _rows(connection, query, (source_id,)))
        return found[0] if found else None

    async def record(self, event: AccountEvent) -> None:
        """A line of the audit on its own."""
        async with self._database.transaction() as connection:
            await record_event(connection, event)


async def _with_tables(connection: AsyncConnection, rows: Sequence[TupleRow]) -> list[AskableSource]:
    ids = [row[0] for row in rows]
    tables = await _rows(connection, _TABLES, (ids,)) if ids else []
    drift = await _rows(connection, _DRIFT, (ids,)) if ids else []
    return [
        AskableSource(
            source_of(row),
            tuple(table_of(table) for table in tables if table[0] == row[0]),
            tuple(drift_of(one) for one in drift if one[0] == row[0]),
        )
        for row in rows
    ]


async def _rows(
    connection: AsyncConnection, query: LiteralString, values: Sequence[Any] = ()
) -> list[TupleRow]:
    return await (await connection.execute(query, values)).fetchall()
