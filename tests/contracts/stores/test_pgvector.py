"""What is PostgreSQL's own: the graph index finds enough for a viewer who may see one row of a hundred."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import psycopg
import pytest

from appliance.domain.people import Viewer
from appliance.storage.database import ViewerScope
from rag.documents import Chunk, Page
from rag.stores.pgvector import PgvectorStore
from tests.library import DIMENSION, MODEL, Library

MANY, FEW = 2_500, 25


@dataclass(frozen=True)
class GraphScope:
    """A scope whose transactions may not sort, so that 2,500 rows are searched as 250,000 would be: by the graph."""

    scope: ViewerScope

    @property
    def collection_ids(self) -> Sequence[UUID]:
        """Those of the scope."""
        return self.scope.collection_ids

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection]:
        """The scope's transaction."""
        async with self.scope.connection() as connection:
            await connection.execute("SET LOCAL enable_sort = off")
            yield connection


async def _fill(library: Library, viewer: Viewer, collection: UUID, count: int, seed: int) -> None:
    """A document of random vectors around twenty centres, one word each."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(1).standard_normal((20, DIMENSION))
    vectors = centres[random.integers(0, 20, count)] + 0.7 * random.standard_normal((count, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chunks = [Chunk(i, f"passage {i}", 1, 0, 9) for i in range(count)]
    await library.store.add(
        library.worker.scope(viewer, [collection]),
        await library.file(viewer),
        collection,
        MODEL,
        [Page(1, "passage")],
        chunks,
        [{"passage": 1}] * count,
        vectors.astype(np.float32),
    )


@pytest.fixture
async def crowded(library: Library, ana: Viewer, ben: Viewer, owner_url: str) -> tuple[UUID, UUID]:
    """Ana's collection of very many passages, and Ben's of few among them, with statistics as autovacuum keeps them."""
    large, small = await library.collection(ana), await library.collection(ben)
    await _fill(library, ana, large, MANY // 2, seed=2)
    await _fill(library, ben, small, FEW, seed=3)
    await _fill(library, ana, large, MANY // 2, seed=4)
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as connection:
        await connection.execute("ANALYZE")
    return large, small


async def test_the_graph_finds_what_an_exact_search_finds(
    library: Library, ana: Viewer, ben: Viewer, crowded: tuple[UUID, UUID]
) -> None:
    """Recall of the first ten is at least .95 for who sees nearly all and for who sees one of a hundred."""
    exact, graph = PgvectorStore(exact_below=10**9), PgvectorStore(exact_below=0)
    questions = np.random.default_rng(5).standard_normal((20, DIMENSION)).astype(np.float32)

    for viewer, collection, visible in ((ana, crowded[0], MANY), (ben, crowded[1], FEW)):
        scope, shares = library.scope(viewer, collection), []
        for question in questions:
            right = await exact.dense(scope, MODEL, question, 10)
            found = await graph.dense(GraphScope(scope), MODEL, question, 10)
            shares.append(len(dict(right).keys() & dict(found).keys()) / 10)
            assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        assert np.mean(shares) >= 0.95
        assert len(await graph.dense(GraphScope(scope), MODEL, questions[0], 100)) == min(visible, 100)


async def test_the_graph_index_is_used_beneath_row_level_security(
    library: Library, ana: Viewer, crowded: tuple[UUID, UUID]
) -> None:
    """The policy neither keeps the planner from the index nor runs once a row."""
    store = PgvectorStore(exact_below=0)
    values = {
        "vector": "[" + ",".join(["0.1"] * DIMENSION) + "]",
        "model_id": MODEL,
        "collection_ids": [crowded[0]],
        "limit": 100,
    }

    async with GraphScope(library.scope(ana, crowded[0])).connection() as connection:
        query = store._query("dense_by_index").replace("{dimension}", str(DIMENSION)).replace("{only}", "")
        rows = await connection.execute("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + query, values)
        plan = "\n".join(line for (line,) in await rows.fetchall())

    assert "Index Scan using embeddings_hnsw_384" in plan
    assert "hashed SubPlan" in plan


async def test_vectors_of_another_dimension_are_found_without_an_index(library: Library, ana: Viewer) -> None:
    """A larger model can be tried before it has an index of its own."""
    collection, file = await library.collection(ana), await library.file(ana)
    vectors = np.eye(3, 1024, dtype=np.float32)
    chunks = [Chunk(i, f"passage {i}", None, 0, 9) for i in range(3)]
    await library.store.add(
        library.worker.scope(ana, [collection]),
        file,
        collection,
        "large@1",
        [Page(None, "passage")],
        chunks,
        [{"passage": 1}] * 3,
        vectors,
    )

    for store in (PgvectorStore(exact_below=0), PgvectorStore()):
        found = await store.dense(library.scope(ana, collection), "large@1", vectors[1], 2)
        assert [round(score, 3) for _, score in found] == [1.0, 0.0]
