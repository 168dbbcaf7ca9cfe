"""Bringing what the cache holds of one collection up to what PostgreSQL has, as the asker's transaction sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache as remembered
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from rag.stores.pgvector import named_queries
from rag.stores.vector_cache import VectorCache

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_PART = 10_000  # vectors read by one statement
_TIDY_AT_ONCE = 20_000  # chunks whose ids are compared within a search, some 5 ms


@dataclass(frozen=True, slots=True)
class VectorReading:
    """connection: within the asker's transaction; vectors of what the asker does not see are not there."""

    connection: AsyncConnection
    cache: VectorCache
    model_id: str
    collection_id: UUID

    async def follow(self, generation: int, chunks: int, *, is_patient: bool) -> bool:
        """Read what came, forget what went. False: there is too much of it for somebody who is not patient.

        generation, chunks: as the collection stood just before. Whatever changes meanwhile has a later generation.
        """
        while True:
            ids, vectors = await self._later()
            held = await asyncio.to_thread(self.cache.extend, self.collection_id, ids, vectors)
            if len(ids) < _PART:
                break
        if held.count != chunks:  # something went, or was added just now
            if not is_patient and max(chunks, held.count) > _TIDY_AT_ONCE:
                return False
            if not await self._tidy():
                return False
        self.cache.mark(self.collection_id, generation)
        return True

    async def _tidy(self) -> bool:
        """False: an older chunk was embedded later; the collection is read anew."""
        there = await self._ids()
        held = await asyncio.to_thread(self.cache.ids_of, self.collection_id)
        gone = np.setdiff1d(held, there, assume_unique=True)
        await asyncio.to_thread(self.cache.discard, self.collection_id, gone)
        if len(held) - len(gone) == len(there):
            return True
        last_id = self.cache.held()[self.collection_id].last_id
        if np.setdiff1d(there[there <= last_id], held).size:
            self.cache.drop([self.collection_id])
            return False
        return True

    async def _later(self) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        held = self.cache.held().get(self.collection_id)
        values = self._values() | {"last_id": held.last_id if held else 0, "limit": _PART}
        cursor = self.connection.cursor(binary=True)
        rows = await (await cursor.execute(faiss_query("later_vectors"), values)).fetchall()
        ids = np.array([chunk for chunk, _ in rows], np.int64)
        return ids, _halves([vector for _, vector in rows], self.cache.dimension)

    async def _ids(self) -> NDArray[np.int64]:
        cursor = await self.connection.execute(faiss_query("chunk_ids"), self._values())
        (ids,) = await cursor.fetchone() or (None,)
        return np.array(ids or [], np.int64)

    def _values(self) -> dict[str, object]:
        return {
            "collection_id": self.collection_id,
            "model_id": self.model_id,
            "dimension": self.cache.dimension,
        }


def faiss_query(name: str) -> LiteralString:
    """A statement of faiss.sql."""
    return _queries()[name]


@remembered
def _queries() -> dict[str, LiteralString]:
    return named_queries("faiss.sql")


def _halves(vectors: list[bytes], dimension: int) -> NDArray[np.float16]:
    """pgvector's binary form: dimension and a reserved number of two bytes each, then big-endian halves."""
    raw = np.frombuffer(b"".join(vectors), ">f2").reshape(len(vectors), dimension + 2)
    return raw[:, 2:].astype(np.float16)
