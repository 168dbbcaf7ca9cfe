"""A read cache of the vectors beside PostgreSQL: nearest neighbours from memory, everything else from the truth.

Which collections the asker sees, and which generation of each is the newest, PostgreSQL says at every search, under the
asker's row-level security; FAISS looks among those only; and what it names is confirmed by PostgreSQL before it is
handed on, so neither a removed passage nor one out of reach is ever returned. What was added since is fetched at once,
a little of it within the search, a lot in the background while pgvector answers. Reads with askers' eyes only.
Several processes each hold their own and follow the same generations.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from rag.filters import Filter
from rag.ports import InMemory, Scope
from rag.stores.pgvector import PgvectorStore, halfvec
from rag.stores.vector_cache import Held, VectorCache
from rag.stores.vector_reading import VectorReading, faiss_query

if TYPE_CHECKING:
    from psycopg import AsyncConnection

logger = logging.getLogger(__name__)

Connect = Callable[[], AbstractAsyncContextManager["AsyncConnection"]]

_AT_ONCE = 2_000  # vectors fetched within a search; more of them in the background
_INLINE = 10_000  # vectors looked at, 1 ms: sooner done than handed to a thread
_FOLLOW_S = 5.0


@dataclass(frozen=True, slots=True)
class _Newest:
    """A collection as the asker sees it now."""

    generation: int
    chunks: int


class FaissStore(PgvectorStore):
    """Fulfils rag.ports.VectorStore.

    connect: a connection with nobody's eyes, by which `run` learns what may be forgotten. max_bytes: of vectors held by
    this process; what the asker sees beyond that is searched by pgvector. pgvector: PgvectorStore's knobs.
    """

    def __init__(
        self,
        *,
        max_bytes: int = 2**30,
        connect: Connect | None = None,
        **pgvector: int,
    ) -> None:
        super().__init__(**pgvector)
        self._max_bytes = max_bytes
        self._connect = connect
        self._caches: dict[str, VectorCache] = {}
        self._loading: dict[tuple[str, UUID], asyncio.Task[None]] = {}
        self._asked: set[str] = set()  # models, since the last look

    @property
    def size_bytes(self) -> int:
        """What this process holds."""
        return sum(cache.size_bytes for cache in self._caches.values())

    def held(self, model_id: str) -> Mapping[UUID, Held]:
        """What is held of each collection."""
        return self._caches[model_id].held() if model_id in self._caches else {}

    async def dense(
        self,
        scope: Scope,
        model_id: str,
        vector: NDArray[np.float32],
        limit: int,
        only: Filter | None = None,
    ) -> list[tuple[int, float]]:
        found = await self._dense_from_cache(scope, model_id, vector, limit, only)
        return await super().dense(scope, model_id, vector, limit, only) if found is None else found

    async def _dense_from_cache(
        self, scope: Scope, model_id: str, vector: NDArray[np.float32], limit: int, only: Filter | None
    ) -> list[tuple[int, float]] | None:
        """None: something has to be read first, or was found that is not there any more."""
        self._asked.add(model_id)
        cache = self._caches.setdefault(model_id, VectorCache(len(vector)))
        if len(vector) != cache.dimension:
            return None
        async with scope.connection() as connection:
            newest = await self._newest(connection, scope.collection_ids)
            if not self._make_room(cache, newest) or not await self._catch_up(
                connection, scope, model_id, newest
            ):
                return None
            allowed = None if only is None else await self._matching_ids(connection, scope, only)
            if sum(one.chunks for one in newest.values()) <= _INLINE:
                found = cache.search(vector, limit, newest, allowed)
            else:
                found = await asyncio.to_thread(cache.search, vector, limit, newest, allowed)
            values = {"ids": found.tolist(), "vector": halfvec(vector), "model_id": model_id}
            query = faiss_query("confirmed").replace("{dimension}", str(len(vector)))
            values |= {"collection_ids": list(scope.collection_ids)}
            rows = await (await connection.execute(query, values)).fetchall()
        return [(int(chunk), float(cosine)) for chunk, cosine in rows] if len(rows) == len(found) else None

    async def in_memory(
        self, scope: Scope, collection_id: UUID, file_id: UUID | None = None
    ) -> InMemory | None:
        caches = [cache for cache in self._caches.values() if collection_id in cache.held()]
        if not caches:
            return None
        if file_id is None:
            return InMemory(collection_id, sum(cache.held()[collection_id].count for cache in caches))
        values = {"collection_id": collection_id, "file_id": file_id}
        async with scope.connection() as connection:
            rows = await (await connection.execute(faiss_query("chunks_of_file"), values)).fetchall()
        chunks = np.array([chunk for (chunk,) in rows], np.int64)
        count = sum(int(np.isin(cache.ids_of(collection_id), chunks).sum()) for cache in caches)
        return InMemory(collection_id, count, tuple(chunks.tolist()))

    def let_go(self, held: InMemory) -> None:
        for cache in self._caches.values():
            if held.chunk_ids is None:
                cache.drop([held.collection_id])
            else:
                cache.discard(held.collection_id, np.array(held.chunk_ids, np.int64))

    async def run(self) -> None:
        """Now and then forget what is no longer so and what nobody has asked for since it changed; until cancelled."""
        try:
            while True:
                await asyncio.sleep(_FOLLOW_S)
                try:
                    await self.follow()
                except Exception:
                    logger.warning(
                        "the vectors in memory could not be compared with PostgreSQL's", exc_info=True
                    )
        finally:
            await self.close()

    async def follow(self) -> int:
        """Forget collections that changed or went since they were read; returns how many vectors that were.

        What is asked for is read again. So what was deleted leaves the memory although nobody asks for it.
        """
        if self._connect is None:
            return 0
        gone = self._forget_models()
        for model_id, cache in list(self._caches.items()):
            held = cache.held()
            async with self._connect() as connection:
                rows = await connection.execute(faiss_query("newest"), {"collection_ids": list(held)})
                newest: dict[UUID, int] = dict(await rows.fetchall())
            behind = [
                collection
                for collection, state in held.items()
                if newest.get(collection, 0) != state.generation
                and (model_id, collection) not in self._loading
            ]
            gone += await asyncio.to_thread(cache.drop, behind)
        return gone

    def _forget_models(self) -> int:
        """Of models that nobody asks for any more while others are asked for. Returns how many vectors."""
        asked, self._asked = self._asked, set()
        busy = {model_id for model_id, _ in self._loading}
        left = [model_id for model_id in self._caches if asked and model_id not in asked | busy]
        return sum(sum(one.count for one in self._caches.pop(model_id).held().values()) for model_id in left)

    async def settle(self) -> None:
        """Wait until nothing is being read in the background."""
        while self._loading:
            await asyncio.gather(*self._loading.values(), return_exceptions=True)

    async def close(self) -> None:
        """End what is being read."""
        for task in self._loading.values():
            task.cancel()
        await self.settle()

    async def _matching_ids(
        self, connection: AsyncConnection, scope: Scope, only: Filter
    ) -> NDArray[np.int64]:
        query, values = self._matching(only)
        values |= {"collection_ids": list(scope.collection_ids)}
        rows = await (await connection.execute(query, values)).fetchall()
        return np.array([chunk for (chunk,) in rows], np.int64)

    async def _newest(
        self, connection: AsyncConnection, collection_ids: Sequence[UUID]
    ) -> dict[UUID, _Newest]:
        values = {"collection_ids": list(collection_ids)}
        rows = await (await connection.execute(faiss_query("generations"), values)).fetchall()
        return {collection: _Newest(generation, int(chunks)) for collection, generation, chunks in rows}

    def _make_room(self, cache: VectorCache, newest: Mapping[UUID, _Newest]) -> bool:
        """Forget what was asked for longest ago; false where what is asked for now has no room at all."""
        wanted = sum(one.chunks for one in newest.values()) * cache.bytes_each
        if wanted > self._max_bytes:
            return False
        held = cache.held()
        missing = sum(
            max(0, one.chunks - held[c].count if c in held else one.chunks) for c, one in newest.items()
        )
        others = sorted((state.used, c) for c, state in held.items() if c not in newest)
        while others and self.size_bytes + missing * cache.bytes_each > self._max_bytes:
            cache.drop([others.pop(0)[1]])
        return True

    async def _catch_up(
        self, connection: AsyncConnection, scope: Scope, model_id: str, newest: Mapping[UUID, _Newest]
    ) -> bool:
        """Whether everything the asker sees is in memory now."""
        cache = self._caches[model_id]
        held = cache.held()
        is_whole = True
        for collection, now in newest.items():
            state = held.get(collection, Held())
            if state.generation == now.generation:
                continue
            if (model_id, collection) in self._loading:
                is_whole = False
                continue
            reading = VectorReading(connection, cache, model_id, collection)
            is_small = now.chunks - state.count <= _AT_ONCE
            if not is_small or not await reading.follow(now.generation, now.chunks, is_patient=False):
                self._load(scope, model_id, collection)
                is_whole = False
        return is_whole

    def _load(self, scope: Scope, model_id: str, collection: UUID) -> None:
        """Read a collection in the background, with the eyes of who asks for it."""
        cache = self._caches[model_id]

        async def load() -> None:
            try:
                async with scope.connection() as connection:
                    now = (await self._newest(connection, [collection])).get(collection)
                    if now is not None:
                        reading = VectorReading(connection, cache, model_id, collection)
                        await reading.follow(now.generation, now.chunks, is_patient=True)
            except Exception:
                logger.warning("collection %s could not be read into memory", collection, exc_info=True)
            finally:
                self._loading.pop((model_id, collection), None)

        self._loading[(model_id, collection)] = asyncio.create_task(load(), name="vectors into memory")
