"""A document as a whole, in PostgreSQL: where it is, what it consists of, what came before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row

from appliance.domain.documents import StoredFile
from appliance.domain.people import Viewer
from appliance.errors import NotFound
from appliance.ports.documents import DocumentCard, KeptRecording, Membership, PageName, Relative, Version
from appliance.storage.database import Database
from appliance.storage.file_rows import COLUMNS, read_notes
from rag.documents import Anchor, Page

Row = TypeVar("Row")

MOST_PAGES_NAMED = 5_000
_MOST_RELATIVES = 1_000

_FILE = f"SELECT {COLUMNS} FROM files f WHERE f.id = %(id)s"  # noqa: S608 - constants only
_PARENT = """
SELECT p.id AS file_id, p.filename, p.size_bytes FROM files f JOIN files p ON p.id = f.parent_id WHERE f.id = %(id)s
"""
_CHILDREN = """
SELECT id AS file_id, filename, size_bytes FROM files WHERE parent_id = %(id)s ORDER BY created_at, id LIMIT %(most)s
"""
_MEMBERSHIPS = """
SELECT cf.collection_id, c.name, cf.status, cf.stage, cf.progress, cf.pages, cf.chunks, cf.added_at, cf.notes,
       cf.error_code, cf.error_message, cf.source, cf.superseded_by, cf.superseded_at,
       cf.attributes, c.conversation_id IS NOT NULL AS is_chat, cf.heard_s, cf.spoken
FROM collection_files cf JOIN collections c ON c.id = cf.collection_id
WHERE cf.file_id = %(id)s ORDER BY cf.added_at, cf.collection_id
"""
# A document that is in several collections has its pages several times: those of one tell what there is.
_PAGES = """
SELECT ordinal + 1 AS number, unit, label FROM pages
WHERE file_id = %(id)s AND collection_id = (
    SELECT p.collection_id FROM pages p JOIN collections c ON c.id = p.collection_id
    WHERE p.file_id = %(id)s ORDER BY p.collection_id LIMIT 1)
ORDER BY ordinal LIMIT %(most)s
"""
_RECORDING = """
SELECT p.number, p.text, p.unit, p.label, p.anchors FROM pages p
WHERE p.file_id = %(id)s AND p.unit = 'recording' AND p.collection_id = (
    SELECT o.collection_id FROM pages o JOIN collections c ON c.id = o.collection_id
    WHERE o.file_id = %(id)s ORDER BY o.collection_id LIMIT 1)
ORDER BY p.ordinal
"""
_HEARD = """
SELECT cf.heard_s, cf.spoken FROM collection_files cf JOIN collections c ON c.id = cf.collection_id
WHERE cf.file_id = %(id)s AND cf.heard_s IS NOT NULL ORDER BY cf.collection_id LIMIT 1
"""
_VERSIONS = """
SELECT DISTINCT other.file_id, f.filename, other.collection_id, other.added_at, other.superseded_at
FROM collection_files mine JOIN collections c ON c.id = mine.collection_id
     JOIN collection_files other ON other.collection_id = mine.collection_id AND other.source = mine.source
     JOIN files f ON f.id = other.file_id
WHERE mine.file_id = %(id)s AND other.file_id <> mine.file_id
ORDER BY other.added_at DESC, other.file_id LIMIT %(most)s
"""
_HEADINGS = """
SELECT ch.headings FROM chunks ch JOIN collections c ON c.id = ch.collection_id
WHERE ch.file_id = %(id)s AND ch.page IS NOT DISTINCT FROM %(page)s::int
      AND ch.start_offset <= %(at)s AND ch.end_offset > %(at)s
ORDER BY ch.collection_id, ch.ordinal LIMIT 1
"""
_CHUNK = """
SELECT ch.page, ch.start_offset, ch.end_offset FROM chunks ch JOIN collections c ON c.id = ch.collection_id
WHERE ch.id = %(chunk)s AND ch.file_id = %(id)s
"""


class PostgresDocuments:
    """Fulfils services.knowledge.document_pages.DocumentRepository, and transcripts.RecordingRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def card(self, viewer: Viewer, file_id: UUID) -> DocumentCard:
        values = {"id": file_id, "most": _MOST_RELATIVES}
        async with self._database.viewing(viewer) as connection:
            files = await _rows(connection, _FILE, values, StoredFile)
            if not files:
                raise NotFound(f"No file has the id 'file-{file_id.hex}'.")
            parents = await _rows(connection, _PARENT, values, Relative)
            children = await _rows(connection, _CHILDREN, values, Relative)
            versions = await _rows(connection, _VERSIONS, values, Version)
            pages = await _rows(connection, _PAGES, values | {"most": MOST_PAGES_NAMED}, PageName)
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_MEMBERSHIPS, values)
                memberships = [
                    Membership(**{**row, "notes": read_notes(row["notes"])})
                    for row in await cursor.fetchall()
                ]
        return DocumentCard(
            files[0],
            tuple(memberships),
            tuple(pages),
            tuple(children),
            tuple(versions),
            parents[0] if parents else None,
        )

    async def headings(self, viewer: Viewer, file_id: UUID, page: int | None, at: int) -> tuple[str, ...]:
        values = {"id": file_id, "page": page, "at": at}
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_HEADINGS, values)).fetchone()
        return tuple(row[0]) if row else ()

    async def recording(self, viewer: Viewer, file_id: UUID) -> KeptRecording:
        async with self._database.viewing(viewer) as connection:
            rows = await (await connection.execute(_RECORDING, {"id": file_id})).fetchall()
            heard = await (await connection.execute(_HEARD, {"id": file_id})).fetchone()
        pages = [
            Page(number, text, (), unit, label, tuple(Anchor(*one[:3]) for one in anchors))
            for number, text, unit, label, anchors in rows
        ]
        return KeptRecording(pages, *(heard or ()))

    async def chunk(self, viewer: Viewer, file_id: UUID, chunk_id: int) -> tuple[int | None, int, int] | None:
        async with self._database.viewing(viewer) as connection:
            row = await (await connection.execute(_CHUNK, {"chunk": chunk_id, "id": file_id})).fetchone()
        return (row[0], row[1], row[2]) if row else None


async def _rows(
    connection: AsyncConnection, query: str, values: Mapping[str, Any], kind: type[Row]
) -> list[Row]:
    async with connection.cursor(row_factory=class_row(kind)) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
