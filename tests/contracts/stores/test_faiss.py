"""What is FAISS's own: what is held in memory, when it is read, and when it is let go of."""

from __future__ import annotations

import asyncio
from uuid import UUID

import numpy as np
import pytest

from appliance.domain.people import Viewer
from appliance.storage.database import Database
from rag.documents import Chunk, Page
from rag.filters import Comparison
from rag.stores.pgvector import PgvectorStore
from tests.library import DIMENSION, MODEL, Library, vector_of

pytest.importorskip("faiss", reason="the optional extra `faiss` is not installed")

from rag.stores.faiss import FaissStore
from rag.stores.vector_cache import VectorCache
from rag.stores.vector_reading import VectorReading

BYTES_EACH = 2 * DIMENSION + 12


@pytest.fixture
def store(database: Database) -> FaissStore:
    """As the gateway has it."""
    return FaissStore(connect=database.connection)


async def _fill(library: Library, viewer: Viewer, collection: UUID, count: int, seed: int = 0) -> UUID:
    """A file of that many passages with random vectors; returns its id."""
    file = await library.file(viewer)
    pages = [Page(number + 1, f"page {number}") for number in range(count)]
    chunks = [Chunk(n, page.text, page.number, 0, len(page.text)) for n, page in enumerate(pages)]
    vectors = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scope = library.worker.scope(viewer, [collection])
    await library.store.add(scope, file, collection, MODEL, pages, chunks, [{"page": 1}] * count, vectors)
    return file


async def test_a_small_collection_is_held_after_the_first_search(
    library: Library, ana: Viewer, store: FaissStore
) -> None:
    """The first search reads it, and says what pgvector says."""
    collection = await library.collection(ana)
    await _fill(library, ana, collection, 200)
    scope = library.scope(ana, collection)

    answer = await store.dense(scope, MODEL, vector_of("question"), 20)

    assert store.size_bytes == 200 * BYTES_EACH
    expected = await PgvectorStore().dense(scope, MODEL, vector_of("question"), 20)
    assert [chunk for chunk, _ in answer] == [chunk for chunk, _ in expected]
    assert [score for _, score in answer] == pytest.approx([score for _, score in expected], abs=1e-4)


async def test_a_large_collection_is_read_in_the_background(
    library: Library, ana: Viewer, store: FaissStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first search does not wait for it: pgvector answers, and the next one is answered from memory."""
    collection = await library.collection(ana)
    await _fill(library, ana, collection, 2_100)
    scope = library.scope(ana, collection)
    may_read, read = asyncio.Event(), VectorReading.follow

    async def follow(reading: VectorReading, generation: int, chunks: int, *, is_patient: bool) -> bool:
        await may_read.wait()
        return await read(reading, generation, chunks, is_patient=is_patient)

    monkeypatch.setattr(VectorReading, "follow", follow)
    first = await store.dense(scope, MODEL, vector_of("question"), 20)
    held_at_once = store.size_bytes
    may_read.set()
    await store.settle()
    second = await store.dense(scope, MODEL, vector_of("question"), 20)

    assert (held_at_once, store.size_bytes) == (0, 2_100 * BYTES_EACH)
    assert [chunk for chunk, _ in first] == [chunk for chunk, _ in second]


async def test_what_is_deleted_leaves_the_memory_though_nobody_asks(
    library: Library, ana: Viewer, store: FaissStore
) -> None:
    """follow() lets go of collections that changed or went, and keeps the others."""
    kept, changed, gone = [await library.collection(ana) for _ in range(3)]
    for collection in (kept, gone):
        await _fill(library, ana, collection, 10)
    file = await _fill(library, ana, changed, 10)
    await store.dense(library.scope(ana, kept, changed, gone), MODEL, vector_of("question"), 5)
    assert await store.follow() == 0

    await PgvectorStore().remove(library.worker.scope(ana, [changed]), file, changed)
    async with library.api.viewing(ana) as connection:
        await connection.execute("DELETE FROM collections WHERE id = %s", (gone,))

    assert await store.follow() == 20
    assert store.size_bytes < 3 * 10 * BYTES_EACH + 1
    assert len(await store.dense(library.scope(ana, kept), MODEL, vector_of("question"), 50)) == 10


async def test_memory_stays_within_its_limit(library: Library, ana: Viewer, database: Database) -> None:
    """What was asked for longest ago goes first; what has no room at all is answered by pgvector."""
    store = FaissStore(max_bytes=25 * BYTES_EACH, connect=database.connection)
    shelves = [await library.collection(ana) for _ in range(3)]
    for collection in shelves:
        await _fill(library, ana, collection, 10)

    for collection in shelves:
        assert len(await store.dense(library.scope(ana, collection), MODEL, vector_of("q"), 50)) == 10
        assert sum(state.count for state in store.held(MODEL).values()) <= 25

    assert set(store.held(MODEL)) == set(shelves[1:])
    assert len(await store.dense(library.scope(ana, *shelves), MODEL, vector_of("q"), 50)) == 30
    assert set(store.held(MODEL)) == set(shelves[1:])


async def test_what_is_in_memory_is_nobody_elses(library: Library, ana: Viewer, ben: Viewer) -> None:
    """Ana's search fills the memory that Ben's search uses: he finds his own passages only."""
    mine, yours = await library.collection(ana), await library.collection(ben)
    await _fill(library, ana, mine, 50, seed=1)
    await _fill(library, ben, yours, 3, seed=2)
    both = (mine, yours)
    own = {
        chunk for chunk, _ in await library.store.dense(library.scope(ana, *both), MODEL, vector_of("q"), 99)
    }

    answer = await library.store.dense(library.scope(ben, *both), MODEL, vector_of("q"), 99)

    assert (len(own), len(answer)) == (50, 3)
    assert not own & {chunk for chunk, _ in answer}


async def test_a_wrong_memory_is_corrected_by_postgres(
    library: Library, ana: Viewer, ben: Viewer, store: FaissStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the memory to name another person's passages, PostgreSQL would refuse them and pgvector would answer."""
    mine, yours = await library.collection(ana), await library.collection(ben)
    await _fill(library, ana, mine, 5, seed=1)
    await _fill(library, ben, yours, 5, seed=2)
    for viewer, collection in ((ana, mine), (ben, yours)):
        await store.dense(library.scope(viewer, collection), MODEL, vector_of("q"), 5)
    search = VectorCache.search

    def everybodys(cache: VectorCache, *given: object) -> object:
        return search(cache, given[0], 10, [mine, yours])  # type: ignore[arg-type]

    monkeypatch.setattr(VectorCache, "search", everybodys)
    answer = await store.dense(library.scope(ben, yours), MODEL, vector_of("q"), 10)

    monkeypatch.undo()
    assert answer == await PgvectorStore().dense(library.scope(ben, yours), MODEL, vector_of("q"), 10)


async def test_a_filter_is_applied_before_ranking(library: Library, ana: Viewer, store: FaissStore) -> None:
    """Only passages of files with that attribute are looked at, however near the others are."""
    collection = await library.collection(ana)
    near, far = await library.file(ana), await library.file(ana)
    for file, text in ((near, "the question"), (far, "something else")):
        await library.link(ana, file, collection)
        await library.index(ana, file, collection, [text])
    async with library.api.viewing(ana) as connection:
        await connection.execute(
            """UPDATE collection_files SET attributes = '{"year": 2026}' WHERE file_id = %s""", (far,)
        )
    scope, only = library.scope(ana, collection), Comparison("eq", "year", 2026)

    ((chunk, _),) = await store.dense(scope, MODEL, vector_of("the question"), 1, only)

    (passage,) = await store.passages(scope, [chunk])
    assert passage.file_id == far


def test_vectors_that_went_are_taken_out_of_the_memory() -> None:
    """Half of many gone: the memory shrinks, and what stays is found where it was."""
    cache, count = VectorCache(8), 24_000
    vectors = np.random.default_rng(3).standard_normal((count, 8)).astype(np.float16)
    ids = np.arange(1, count + 1)
    shelf = UUID(int=1)
    cache.extend(shelf, ids, vectors)
    query = vectors[10].astype(np.float32)
    before = cache.search(query, 5, [shelf])

    assert cache.discard(shelf, ids[12_000:]) == 12_000

    assert cache.size_bytes == 12_000 * cache.bytes_each
    after = cache.search(query, 5, [shelf])
    assert set(before[before <= 12_000]) <= set(after)
    assert after.max() <= 12_000
