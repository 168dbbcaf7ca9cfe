"""The tables of uploaded workbooks, in PostgreSQL: made once a content, seen with whoever sees a file of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from appliance.domain.people import Viewer
from appliance.domain.workbooks import KeptTable, Workbook
from appliance.storage.database import Database
from appliance.storage.file_rows import read_notes, written_notes
from querying.workbooks.wire import PackedTables, table_as_json, table_from_json

_MOST_OFFERED = 200

# A source keeps its id when a newer version replaces it, so that questions which were saved go on fitting.
_ID: LiteralString = "md5(cf.collection_id::text || '/' || coalesce(cf.source, cf.file_id::text))::uuid"
# What is read well, is current, and is no second copy; of chats only what is asked for by its collection.
_OFFERED: LiteralString = f"""
SELECT {_ID} AS id, cf.collection_id, cf.file_id, f.filename, f.sha256, w.notes
FROM workbooks w JOIN files f USING (sha256) JOIN collection_files cf ON cf.file_id = f.id
     JOIN collections c ON c.id = cf.collection_id
WHERE w.tables > 0 AND cf.status = 'completed' AND cf.superseded_by IS NULL AND cf.duplicate_of IS NULL
  AND CASE WHEN %(collections)s::uuid[] IS NULL THEN c.conversation_id IS NULL
           ELSE cf.collection_id = ANY(%(collections)s) END
ORDER BY cf.added_at DESC, cf.file_id LIMIT %(most)s
"""  # noqa: S608 - constants only
_ONE: LiteralString = f"""
SELECT {_ID} AS id, cf.collection_id, cf.file_id, f.filename, f.sha256, w.notes
FROM workbooks w JOIN files f USING (sha256) JOIN collection_files cf ON cf.file_id = f.id
     JOIN collections c ON c.id = cf.collection_id
WHERE w.tables > 0 AND cf.status = 'completed' AND cf.superseded_by IS NULL AND {_ID} = %(id)s
ORDER BY cf.added_at DESC LIMIT 1
"""  # noqa: S608 - constants only
_TABLES = """
SELECT sha256, told, label, place, notes FROM workbook_tables WHERE sha256 = ANY(%(contents)s) ORDER BY sha256, number
"""
_OF_FILE = """
SELECT f.sha256, w.notes, w.sha256 IS NOT NULL FROM files f LEFT JOIN workbooks w USING (sha256) WHERE f.id = %(file)s
"""
_CONTENT = "SELECT name, content FROM workbook_tables WHERE sha256 = %(sha256)s AND name = ANY(%(names)s)"
_NOTES = "SELECT notes FROM workbooks WHERE sha256 = %(sha256)s AND maker = %(maker)s"
_FORGET = "DELETE FROM workbooks WHERE sha256 = %(sha256)s"
_KEEP = """
INSERT INTO workbooks (sha256, maker, tables, notes) VALUES (%(sha256)s, %(maker)s, %(tables)s, %(notes)s)
ON CONFLICT (sha256) DO NOTHING RETURNING sha256
"""
_KEEP_TABLE = """
INSERT INTO workbook_tables (sha256, number, name, label, place, told, notes, content)
VALUES (%(sha256)s, %(number)s, %(name)s, %(label)s, %(place)s, %(told)s, %(notes)s, %(content)s)
"""
_MISSING = """
SELECT DISTINCT ON (f.sha256) f.sha256, f.filename, f.media_type FROM files f
     JOIN collection_files cf ON cf.file_id = f.id LEFT JOIN workbooks w ON w.sha256 = f.sha256
WHERE cf.status = 'completed' AND cf.superseded_by IS NULL AND (w.sha256 IS NULL OR w.maker < %(maker)s)
  AND (lower(f.filename) ~ %(names)s OR f.media_type = ANY(%(media_types)s)) AND f.sha256 > %(after)s
ORDER BY f.sha256 LIMIT 1
"""


class PostgresWorkbooks:
    """Fulfils services.data.workbooks.WorkbookRepository, and WorkbookKeeper as the worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def offered(self, viewer: Viewer, collection_ids: Sequence[UUID] | None) -> Sequence[Workbook]:
        values = {
            "collections": None if collection_ids is None else list(collection_ids),
            "most": _MOST_OFFERED,
        }
        async with self._database.viewing(viewer) as connection:
            return await _workbooks(connection, _OFFERED, values)

    async def one(self, viewer: Viewer, source_id: UUID) -> Workbook | None:
        async with self._database.viewing(viewer) as connection:
            found = await _workbooks(connection, _ONE, {"id": source_id})
        return found[0] if found else None

    async def of_file(
        self, viewer: Viewer, file_id: UUID
    ) -> tuple[Sequence[KeptTable], Sequence[str]] | None:
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_OF_FILE, {"file": file_id})).fetchone()
            if row is None or not row[2]:
                return None
            tables = await _tables(connection, [bytes(row[0])])
        return tables.get(bytes(row[0]), []), read_notes(row[1])

    async def contents(self, viewer: Viewer, sha256: bytes, names: Sequence[str]) -> Mapping[str, bytes]:
        async with self._database.viewing(viewer) as connection:
            rows = await connection.execute(_CONTENT, {"sha256": sha256, "names": list(names)}, binary=True)
            return {name: bytes(content) for name, content in await rows.fetchall()}

    async def notes(self, viewer: Viewer, sha256: bytes, maker: int) -> Sequence[str] | None:
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_NOTES, {"sha256": sha256, "maker": maker})).fetchone()
        return None if row is None else read_notes(row[0])

    async def keep(
        self, viewer: Viewer, sha256: bytes, maker: int, made: PackedTables, notes: Sequence[str]
    ) -> None:
        async with self._database.viewing(viewer, is_flushed=False) as connection:
            await keep(connection, sha256, maker, made, notes)


class AllWorkbooks:
    """Contents that have no tables yet, whoever they belong to; database: as the maintenance role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def missing(
        self, maker: int, names: str, media_types: Sequence[str], after: bytes
    ) -> tuple[bytes, str, str] | None:
        """The next content behind another one: its hash, a name and a media type. names: a regular expression."""
        values = {"maker": maker, "names": names, "media_types": list(media_types), "after": after}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_MISSING, values)).fetchone()
        return None if row is None else (bytes(row[0]), row[1], row[2])

    async def keep(self, sha256: bytes, maker: int, made: PackedTables, notes: Sequence[str]) -> None:
        async with self._database.transaction() as connection:
            await keep(connection, sha256, maker, made, notes)


async def keep(
    connection: AsyncConnection, sha256: bytes, maker: int, made: PackedTables, notes: Sequence[str]
) -> None:
    """Instead of what was kept of this content before; nothing where another process has kept it just now."""
    await connection.execute(_FORGET, {"sha256": sha256})
    values = {"sha256": sha256, "maker": maker, "tables": len(made.tables), "notes": written_notes(notes)}
    if await (await connection.execute(_KEEP, values)).fetchone() is None:
        return
    for number, one in enumerate(made.tables, start=1):
        await connection.execute(
            _KEEP_TABLE,
            {
                "sha256": sha256,
                "number": number,
                "name": one.table.name,
                "label": one.label,
                "place": one.place,
                "told": Jsonb(table_as_json(one.table)),
                "notes": written_notes(one.notes),
                "content": one.content,
            },
        )


async def _workbooks(
    connection: AsyncConnection, query: LiteralString, values: Mapping[str, object]
) -> list[Workbook]:
    rows = await (await connection.execute(query, values)).fetchall()
    tables = await _tables(connection, sorted({bytes(row[4]) for row in rows}))
    return [
        Workbook(
            source_id,
            collection_id,
            file_id,
            filename,
            bytes(sha256),
            tables.get(bytes(sha256), []),
            read_notes(notes),
        )
        for source_id, collection_id, file_id, filename, sha256, notes in rows
    ]


async def _tables(connection: AsyncConnection, contents: Sequence[bytes]) -> dict[bytes, list[KeptTable]]:
    found: dict[bytes, list[KeptTable]] = {}
    rows = await connection.execute(_TABLES, {"contents": list(contents)})
    for sha256, told, label, place, notes in await rows.fetchall():
        found.setdefault(bytes(sha256), []).append(
            KeptTable(table_from_json(told), label, place, read_notes(notes))
        )
    return found
