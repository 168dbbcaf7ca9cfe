"""How far each document has been read, kept by the worker with the owner's eyes.

A document is searchable if and only if its row says `completed`: both happen in one transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from appliance.domain import ReadingTask, StoredFile, Viewer
from appliance.ports import ReadingStopped
from appliance.storage.database import Database
from appliance.storage.files import COLUMNS, OpenScope
from rag.documents import Chunk, Page, Passage
from rag.exact import Exact
from rag.filters import Filter
from rag.ports import Scope, VectorStore

_BEGIN = """
UPDATE collection_files SET attempts = attempts + 1, progress = 0, updated_at = now()
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress'
RETURNING attempts
"""
_FILE = f"SELECT {COLUMNS} FROM files f WHERE f.id = %(file_id)s"  # noqa: S608 - constants only
_ELSEWHERE = """
SELECT cf.collection_id FROM collection_files cf JOIN collections c ON c.id = cf.collection_id
WHERE cf.file_id = %(file_id)s AND cf.collection_id <> %(collection_id)s AND cf.status = 'completed'
ORDER BY cf.updated_at DESC LIMIT 1
"""
_ADVANCE = """
UPDATE collection_files SET progress = %(progress)s, updated_at = now()
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress'
"""
_FAIL = """
UPDATE collection_files SET status = 'failed', error_code = %(code)s, error_message = %(message)s, updated_at = now()
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress'
"""
_WANTED = """
SELECT 1 FROM collection_files
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s AND status = 'in_progress' FOR UPDATE
"""
_COMPLETE = """
UPDATE collection_files
SET status = 'completed', progress = 1, pages = %(pages)s, chunks = %(chunks)s, updated_at = now()
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s
"""
_COMPLETE_COPY = """
UPDATE collection_files cf
SET status = 'completed', progress = 1, pages = source.pages, chunks = source.chunks, updated_at = now()
FROM collection_files source
WHERE cf.collection_id = %(collection_id)s AND cf.file_id = %(file_id)s
  AND source.collection_id = %(source)s AND source.file_id = cf.file_id
"""


class PostgresReading:
    """Fulfils services.knowledge.ports.ReadingRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> ReadingTask | None:
        values = {"collection_id": collection_id, "file_id": file_id}
        async with self._database.viewing(viewer) as connection:
            begun = await (await connection.execute(_BEGIN, values)).fetchone()
            if begun is None:
                return None
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_FILE, values)
                row = await cursor.fetchone()
            elsewhere = await (await connection.execute(_ELSEWHERE, values)).fetchone()
        if row is None:
            return None
        return ReadingTask(StoredFile(**row), collection_id, begun[0], elsewhere[0] if elsewhere else None)

    async def advance(self, viewer: Viewer, collection_id: UUID, file_id: UUID, progress: float) -> None:
        values = {
            "collection_id": collection_id,
            "file_id": file_id,
            "progress": min(max(progress, 0.0), 1.0),
        }
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_ADVANCE, values)

    async def fail(self, viewer: Viewer, collection_id: UUID, file_id: UUID, code: str, message: str) -> None:
        values = {"collection_id": collection_id, "file_id": file_id, "code": code, "message": message}
        async with self._database.viewing(viewer) as connection:
            await connection.execute(_FAIL, values)

    def scope(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> Scope:
        return _WantedScope(self._database, viewer, file_id, (collection_id,))


@dataclass(frozen=True, slots=True)
class _WantedScope:
    """Transactions that hold the document's row: it can be neither cancelled nor removed under them."""

    database: Database
    viewer: Viewer
    file_id: UUID
    collection_ids: tuple[UUID, ...]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        values = {"collection_id": self.collection_ids[0], "file_id": self.file_id}
        async with self.database.viewing(self.viewer) as connection:
            if await (await connection.execute(_WANTED, values)).fetchone() is None:
                raise ReadingStopped
            yield connection


class CompletingStore:
    """A VectorStore for the worker: what makes a document searchable also marks it completed."""

    def __init__(self, store: VectorStore) -> None:
        self._store = store

    async def add(
        self,
        scope: Scope,
        file_id: UUID,
        collection_id: UUID,
        model_id: str,
        pages: Sequence[Page],
        chunks: Sequence[Chunk],
        terms: Sequence[Mapping[str, int]],
        vectors: NDArray[np.float32],
    ) -> None:
        values = {
            "collection_id": collection_id,
            "file_id": file_id,
            "pages": len(pages),
            "chunks": len(chunks),
        }
        async with scope.connection() as connection:
            opened = OpenScope(connection, scope.collection_ids)
            await self._store.add(opened, file_id, collection_id, model_id, pages, chunks, terms, vectors)
            await connection.execute(_COMPLETE, values)

    async def copy(self, scope: Scope, file_id: UUID, from_collection: UUID, to_collection: UUID) -> int:
        values = {"collection_id": to_collection, "file_id": file_id, "source": from_collection}
        async with scope.connection() as connection:
            opened = OpenScope(connection, scope.collection_ids)
            chunks = await self._store.copy(opened, file_id, from_collection, to_collection)
            if chunks:
                await connection.execute(_COMPLETE_COPY, values)
            return chunks

    async def remove(self, scope: Scope, file_id: UUID, collection_id: UUID) -> int:
        return await self._store.remove(scope, file_id, collection_id)

    async def dense(
        self,
        scope: Scope,
        model_id: str,
        vector: NDArray[np.float32],
        limit: int,
        only: Filter | None = None,
    ) -> list[tuple[int, float]]:
        return await self._store.dense(scope, model_id, vector, limit, only)

    async def lexical(
        self, scope: Scope, terms: Sequence[str], limit: int, only: Filter | None = None
    ) -> list[tuple[int, float]]:
        return await self._store.lexical(scope, terms, limit, only)

    async def holding(
        self, scope: Scope, strings: Sequence[Exact], limit: int, only: Filter | None = None
    ) -> list[list[int]]:
        return await self._store.holding(scope, strings, limit, only)

    async def surroundings(self, scope: Scope, chunk_ids: Sequence[int], reach: int) -> list[Passage]:
        return await self._store.surroundings(scope, chunk_ids, reach)

    async def frequencies(self, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        return await self._store.frequencies(scope, terms)

    async def page_text(self, scope: Scope, file_id: UUID, number: int | None) -> str | None:
        return await self._store.page_text(scope, file_id, number)

    async def page(self, scope: Scope, file_id: UUID, number: int | None) -> Page | None:
        return await self._store.page(scope, file_id, number)

    async def passages(self, scope: Scope, chunk_ids: Sequence[int]) -> list[Passage]:
        return await self._store.passages(scope, chunk_ids)
