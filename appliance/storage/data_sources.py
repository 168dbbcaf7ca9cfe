"""Data sources in PostgreSQL, as administrators manage them; each change with its event in one transaction."""

# ruff: noqa: S608 – every piece of SQL is a LiteralString, which mypy checks; values are always parameters.
from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from appliance.domain.data_sources import (
    ChosenTable,
    DataSource,
    Drift,
    Grant,
    NewSource,
    SchemaRead,
    SourceCaps,
    SourceChanges,
    SourceOverview,
    WholeSource,
)
from appliance.domain.people import AccountEvent, Viewer
from appliance.domain.refusals import Told
from appliance.errors import Conflict, NotFound
from appliance.storage.accounts import record_event
from appliance.storage.data_rows import (
    DRIFT,
    SOURCE,
    TABLE,
    chosen_json,
    drift_of,
    grant_of,
    keys_json,
    role_json,
    source_of,
    table_of,
    tables_json,
    tables_of,
)
from appliance.storage.database import Database

_SOURCES = f"""
SELECT {SOURCE}, r.read_at, u.email
FROM data_sources s LEFT JOIN data_schemas r ON r.source_id = s.id LEFT JOIN users u ON u.id = s.created_by
"""
_COUNTS = """
SELECT s.id, (SELECT count(*) FROM data_tables t WHERE t.source_id = s.id),
       (SELECT count(*) FROM data_grants g WHERE g.source_id = s.id),
       (SELECT count(*) FROM data_drift d WHERE d.source_id = s.id)
FROM data_sources s
"""
_TABLES = f"SELECT {TABLE} FROM data_tables t WHERE t.source_id = %s ORDER BY t.namespace, t.name"
_DRIFT = f"SELECT {DRIFT} FROM data_drift d WHERE d.source_id = %s ORDER BY d.namespace, d.table_name, d.column_name"
_GRANTS = """
SELECT g.user_id, g.group_id, coalesce(u.email, p.name, '')
FROM data_grants g LEFT JOIN users u ON u.id = g.user_id LEFT JOIN groups p ON p.id = g.group_id
WHERE g.source_id = %s ORDER BY num_nonnulls(g.user_id, g.group_id), g.group_id IS NULL, 3
"""
_ADD = """
INSERT INTO data_sources (name, name_key, kind, settings, description, max_rows, max_mib, max_seconds, max_cost,
                          writable_because, role_report, default_namespace, checked_at, created_by)
VALUES (%(name)s, %(key)s, %(kind)s, %(settings)s, %(description)s, %(rows)s, %(mib)s, %(seconds)s, %(cost)s,
        %(writable_because)s, %(role)s::jsonb, %(default_namespace)s, %(read_at)s, viewer_id())
RETURNING id
"""
_CHANGE = """
UPDATE data_sources SET
    name = coalesce(%(name)s, name), name_key = coalesce(%(key)s, name_key),
    settings = coalesce(%(settings)s, settings), description = coalesce(%(description)s, description),
    is_paused = coalesce(%(is_paused)s, is_paused),
    writable_because = coalesce(%(writable_because)s, writable_because),
    max_rows = CASE WHEN %(has_caps)s THEN %(rows)s ELSE max_rows END,
    max_mib = CASE WHEN %(has_caps)s THEN %(mib)s ELSE max_mib END,
    max_seconds = CASE WHEN %(has_caps)s THEN %(seconds)s ELSE max_seconds END,
    max_cost = CASE WHEN %(has_caps)s THEN %(cost)s ELSE max_cost END, changed_at = now()
WHERE id = %(id)s RETURNING id
"""
_CHOOSE = """
INSERT INTO data_tables (source_id, namespace, name, kind, description, rows, primary_key, foreign_keys, columns)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s::jsonb)
"""
_READ = """
INSERT INTO data_schemas (source_id, tables, fingerprint, read_at) VALUES (%s, %s::jsonb, %s, %s)
ON CONFLICT (source_id) DO UPDATE
SET tables = excluded.tables, fingerprint = excluded.fingerprint, read_at = excluded.read_at
"""
_ANSWERED = """
UPDATE data_sources SET problem = '', problem_detail = '', checked_at = %s, default_namespace = %s,
    role_report = coalesce(%s::jsonb, role_report)
WHERE id = %s
"""
# What was found before keeps the moment it was found at.
_DRIFTED = """
INSERT INTO data_drift (source_id, namespace, table_name, column_name, change, was, becomes)
VALUES (%(id)s, %(namespace)s, %(name)s, %(column)s, %(change)s, %(was)s, %(becomes)s)
ON CONFLICT (source_id, namespace, table_name, column_name, change) DO UPDATE
SET was = excluded.was, becomes = excluded.becomes
"""
_MENDED = """
DELETE FROM data_drift d WHERE d.source_id = %s AND NOT EXISTS (
    SELECT 1 FROM jsonb_to_recordset(%s::jsonb) AS f (namespace text, name text, "column" text, change text)
    WHERE (f.namespace, f.name, f."column", f.change) = (d.namespace, d.table_name, d.column_name, d.change))
"""
_GIVE = """
INSERT INTO data_grants (source_id, user_id, group_id, created_by) VALUES (%s, %s, %s, viewer_id())
ON CONFLICT DO NOTHING
"""
_TAKE = """
DELETE FROM data_grants
WHERE source_id = %s AND user_id IS NOT DISTINCT FROM %s AND group_id IS NOT DISTINCT FROM %s
"""


class PostgresDataSources:
    """Fulfils services.data.source_ports.SourceRepository. database: of the api role; for the worker, of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def overviews(self, viewer: Viewer) -> Sequence[SourceOverview]:
        async with self._database.viewing(viewer) as connection:
            counts = {row[0]: row[1:] for row in await _rows(connection, _COUNTS)}
            rows = await _rows(connection, _SOURCES + " ORDER BY s.name_key")
        return [SourceOverview(source_of(row), *counts[row[0]]) for row in rows if row[0] in counts]

    async def whole(self, viewer: Viewer, source_id: UUID) -> WholeSource | None:
        async with self._database.viewing(viewer) as connection:
            rows = await _rows(connection, _SOURCES + " WHERE s.id = %s", (source_id,))
            if not rows:
                return None
            return WholeSource(
                source_of(rows[0]),
                tuple(map(table_of, await _rows(connection, _TABLES, (source_id,)))),
                tuple(map(drift_of, await _rows(connection, _DRIFT, (source_id,)))),
                tuple(map(grant_of, await _rows(connection, _GRANTS, (source_id,)))),
            )

    async def add(
        self, viewer: Viewer, new: NewSource, key: str, read: SchemaRead, event: AccountEvent
    ) -> UUID:
        values = {
            "name": new.name,
            "key": key,
            "kind": new.kind,
            "settings": Jsonb(dict(new.settings)),
            "description": new.description,
            **_caps(new.caps),
            "writable_because": new.writable_because,
            "role": role_json(read.role),
            "default_namespace": read.default_namespace,
            "read_at": read.read_at,
        }
        try:
            async with self._database.viewing(viewer) as connection:
                ((source_id,),) = await _rows(connection, _ADD, values)
                await _keep_schema(connection, source_id, read)
                await record_event(connection, _of(event, source_id))
        except UniqueViolation as error:
            raise Conflict(Told("source_exists", name=new.name), param="name") from error
        return UUID(str(source_id))

    async def change(
        self, viewer: Viewer, source_id: UUID, changes: SourceChanges, key: str | None, event: AccountEvent
    ) -> bool:
        values = {
            "id": source_id,
            "name": changes.name,
            "key": key,
            "settings": None if changes.settings is None else Jsonb(dict(changes.settings)),
            "description": changes.description,
            "is_paused": changes.is_paused,
            "writable_because": changes.writable_because,
            "has_caps": changes.caps is not None,
            **_caps(changes.caps or SourceCaps()),
        }
        try:
            async with self._database.viewing(viewer) as connection:
                changed = await _rows(connection, _CHANGE, values)
                if changed:
                    await record_event(connection, event)
        except UniqueViolation as error:
            raise Conflict(Told("source_exists", name=changes.name or ""), param="name") from error
        return bool(changed)

    async def remove(self, viewer: Viewer, source_id: UUID, event: AccountEvent) -> bool:
        async with self._database.viewing(viewer) as connection:
            removed = await _rows(
                connection, "DELETE FROM data_sources WHERE id = %s RETURNING id", (source_id,)
            )
            if removed:
                await record_event(connection, event)
        return bool(removed)

    async def choose(
        self, viewer: Viewer, source_id: UUID, tables: Sequence[ChosenTable], event: AccountEvent
    ) -> None:
        async with self._database.viewing(viewer) as connection:
            await connection.execute("DELETE FROM data_tables WHERE source_id = %s", (source_id,))
            for one in tables:
                await connection.execute(_CHOOSE, (source_id, *_table(one)))
            await connection.execute("UPDATE data_sources SET changed_at = now() WHERE id = %s", (source_id,))
            await record_event(connection, event)

    async def read_tables(self, viewer: Viewer, source_id: UUID) -> SchemaRead | None:
        query: LiteralString = "SELECT tables, fingerprint, read_at FROM data_schemas WHERE source_id = %s"
        async with self._database.viewing(viewer) as connection:
            rows = await _rows(connection, query, (source_id,))
        return SchemaRead(tables_of(rows[0][0]), rows[0][1], rows[0][2]) if rows else None

    async def to_refresh(self) -> Sequence[tuple[DataSource, tuple[ChosenTable, ...], tuple[Drift, ...]]]:
        query: LiteralString = (
            f"SELECT {SOURCE} FROM data_sources s WHERE NOT s.is_paused ORDER BY s.name_key"
        )
        async with self._database.transaction() as connection:
            return [
                (
                    source_of(row),
                    tuple(map(table_of, await _rows(connection, _TABLES, (row[0],)))),
                    tuple(map(drift_of, await _rows(connection, _DRIFT, (row[0],)))),
                )
                for row in await _rows(connection, query)
            ]

    async def note_read(
        self, viewer: Viewer | None, source_id: UUID, read: SchemaRead, event: AccountEvent | None
    ) -> None:
        async with self._eyes(viewer) as connection:
            await _keep_schema(connection, source_id, read)
            answered = (read.read_at, read.default_namespace, role_json(read.role), source_id)
            await connection.execute(_ANSWERED, answered)
            standing: list[dict[str, object]] = []
            for one in read.drift:
                namespace, _, name = one.table.rpartition(".")
                values = {"id": source_id, "namespace": namespace, "name": name, "column": one.column}
                values |= {"change": one.change, "was": one.was, "becomes": one.becomes}
                await connection.execute(_DRIFTED, values)
                standing.append({key: value for key, value in values.items() if key != "id"})
            await connection.execute(_MENDED, (source_id, Jsonb(standing)))
            if event is not None:
                await record_event(connection, event)

    async def note_problem(self, viewer: Viewer | None, source_id: UUID, code: str, detail: str) -> None:
        async with self._eyes(viewer) as connection:
            await connection.execute(
                "UPDATE data_sources SET problem = %s, problem_detail = %s, checked_at = now() WHERE id = %s",
                (code, detail[:1000], source_id),
            )

    async def give(self, viewer: Viewer, source_id: UUID, grant: Grant, event: AccountEvent) -> Grant:
        async with self._database.viewing(viewer) as connection:
            name = await _name_of(connection, grant)
            await connection.execute(_GIVE, (source_id, grant.user_id, grant.group_id))
            await record_event(connection, event)
        return Grant(grant.user_id, grant.group_id, name)

    async def take(self, viewer: Viewer, source_id: UUID, grant: Grant, event: AccountEvent) -> bool:
        async with self._database.viewing(viewer) as connection:
            taken = await connection.execute(_TAKE, (source_id, grant.user_id, grant.group_id))
            if taken.rowcount:
                await record_event(connection, event)
        return bool(taken.rowcount)

    @asynccontextmanager
    async def _eyes(self, viewer: Viewer | None) -> AsyncIterator[AsyncConnection]:
        looking = self._database.transaction() if viewer is None else self._database.viewing(viewer)
        async with looking as connection:
            yield connection


async def _keep_schema(connection: AsyncConnection, source_id: UUID, read: SchemaRead) -> None:
    await connection.execute(_READ, (source_id, tables_json(read.tables), read.fingerprint, read.read_at))


async def _name_of(connection: AsyncConnection, grant: Grant) -> str:
    if grant.user_id is not None:
        rows = await _rows(connection, "SELECT email FROM users WHERE id = %s", (grant.user_id,))
    elif grant.group_id is not None:
        rows = await _rows(connection, "SELECT name FROM groups WHERE id = %s", (grant.group_id,))
    else:
        return ""
    if not rows:
        raise NotFound(Told("nobody_such"), param="with")
    return str(rows[0][0])


def _table(one: ChosenTable) -> tuple[Any, ...]:
    table = one.table
    keys = keys_json(table.foreign_keys)
    return (
        *(table.namespace, table.name, table.kind, table.description, table.rows),
        *(list(table.primary_key), keys, chosen_json(one.columns)),
    )


def _caps(caps: SourceCaps) -> dict[str, object]:
    return {"rows": caps.rows, "mib": caps.mib, "seconds": caps.seconds, "cost": caps.cost}


def _of(event: AccountEvent, source_id: UUID) -> AccountEvent:
    return AccountEvent(
        event.action, event.actor_id, event.subject_id, {**event.detail, "source": str(source_id)}
    )


async def _rows(
    connection: AsyncConnection, query: LiteralString, values: Sequence[Any] | Mapping[str, Any] = ()
) -> list[TupleRow]:
    return await (await connection.execute(query, values)).fetchall()
