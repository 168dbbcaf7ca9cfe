"""The end of reading a document: one transaction makes it searchable and completed, and retires the old version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from appliance.storage.file_rows import OpenScope
from appliance.storage.versions import Place
from rag.documents import Chunk, Page
from rag.ports import Scope, VectorStore

# What is had from another place of the same recording is as long as that.
_COMPLETE = """
UPDATE collection_files cf
SET status = 'completed', stage = 'done', progress = 1, pages = %(pages)s, pages_done = %(pages)s, chunks = %(chunks)s,
    duplicate_of = %(duplicate_of)s, finished_at = now(), updated_at = now(),
    (heard_s, spoken) = (
        SELECT o.heard_s, o.spoken FROM collection_files o
        WHERE (o.collection_id = cf.collection_id AND o.file_id = coalesce(%(duplicate_of)s::uuid, cf.file_id))
              OR (cf.heard_s IS NULL AND o.file_id = cf.file_id)
        ORDER BY o.heard_s IS NULL, o.collection_id LIMIT 1)
WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s
"""
# Looking holds the document's row as well, and PostgreSQL would write that down and wait for the disk.
_NOTHING_TO_FLUSH = "SET LOCAL synchronous_commit = off"
_SIZE_ELSEWHERE = """
SELECT pages FROM collection_files WHERE collection_id = %(collection_id)s AND file_id = %(file_id)s
"""


class CompletingStore:
    """A VectorStore for the worker: what makes a document searchable also marks it completed.

    The scope's transactions hold the document's row (storage/reading.py).
    """

    def __init__(self, store: VectorStore) -> None:
        self._store = store

    async def known_vectors(
        self, scope: Scope, model_id: str, hashes: Sequence[bytes]
    ) -> Mapping[bytes, NDArray[np.float32]]:
        async with scope.connection() as connection:
            await connection.execute(_NOTHING_TO_FLUSH)
            return await self._store.known_vectors(
                OpenScope(connection, scope.collection_ids), model_id, hashes
            )

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
        also: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> None:
        async with scope.connection() as connection:
            place = Place(connection, collection_id, file_id)
            older = await place.older()
            twin = await place.twin(without=older)
            if twin is None:
                await self._store.add(
                    place.scope, file_id, collection_id, model_id, pages, chunks, terms, vectors, also
                )
                await self._complete(place, older, len(pages), len(chunks))
            else:
                await self._complete_like(place, older, twin)

    async def add_like_twin(self, scope: Scope, file_id: UUID, collection_id: UUID) -> bool:
        """Complete a document whose content is found already, without reading it; false: there is none."""
        async with scope.connection() as connection:
            place = Place(connection, collection_id, file_id)
            older = await place.older()
            twin = await place.twin(without=older)
            if twin is not None:
                await self._complete_like(place, older, twin)
            return twin is not None

    async def add_empty(self, scope: Scope, file_id: UUID, collection_id: UUID) -> None:
        """Complete a document that has no text of its own but others inside."""
        async with scope.connection() as connection:
            place = Place(connection, collection_id, file_id)
            older = await place.older()
            await self._store.remove(place.scope, file_id, collection_id)
            await self._complete(place, older, 0, 0)

    async def copy(self, scope: Scope, file_id: UUID, from_collection: UUID, to_collection: UUID) -> int:
        """Complete a document with what another collection has of it; 0: it has nothing any more."""
        async with scope.connection() as connection:
            place = Place(connection, to_collection, file_id)
            older = await place.older()
            twin = await place.twin(without=older)
            if twin is not None:
                await self._complete_like(place, older, twin)
                return 1
            chunks = await self._store.copy(place.scope, file_id, from_collection, to_collection)
            if chunks:
                values = {"collection_id": from_collection, "file_id": file_id}
                row = await (await connection.execute(_SIZE_ELSEWHERE, values)).fetchone()
                await self._complete(place, older, row[0] if row else 0, chunks)
            return chunks

    async def _complete_like(self, place: Place, older: Sequence[UUID], twin: UUID) -> None:
        pages = await self._store.share_pages(place.scope, place.file_id, place.collection_id, twin)
        await self._complete(place, older, pages, 0, duplicate_of=twin)

    async def _complete(
        self, place: Place, older: Sequence[UUID], pages: int, chunks: int, duplicate_of: UUID | None = None
    ) -> None:
        if older:
            await place.supersede(self._store, older)
        values = {
            "collection_id": place.collection_id,
            "file_id": place.file_id,
            "pages": pages,
            "chunks": chunks,
            "duplicate_of": duplicate_of,
        }
        await place.connection.execute(_COMPLETE, values)
