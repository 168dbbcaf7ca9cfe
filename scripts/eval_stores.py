"""Vector search of the stores side by side, by the share of the passages that the asker may see.

    python -m scripts.eval_stores [--chunks 100000] [--questions 100]

Random unit vectors in one collection for each share; PostgreSQL is started for it and thrown away. Prints p50 and p95
in milliseconds, and recall@10 against comparing every visible vector.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from uuid import UUID, uuid4

import numpy as np
import psycopg
from numpy.typing import NDArray

from appliance.domain.people import Viewer
from appliance.storage.database import Database
from appliance.storage.migrating import migrate
from appliance.storage.roles import DatabaseRole, url_as
from rag.stores.faiss import FaissStore
from rag.stores.pgvector import PgvectorStore
from scripts.eval_retrieval import temporary_postgres

DIMENSION, MODEL, SECRET = 384, "random@1", "evaluation"
SHARES = (0.01, 0.1, 1.0)
Vectors = NDArray[np.float32]


def _vectors(count: int, seed: int) -> Vectors:
    """Unit vectors in clouds, as texts are: half of each vector is its cloud's."""
    dice = np.random.default_rng(seed)
    clouds = np.random.default_rng(0).standard_normal((500, DIMENSION))
    made = clouds[dice.integers(500, size=count)] + dice.standard_normal((count, DIMENSION))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


def _fill(owner_url: str, viewer: Viewer, vectors: Vectors, owners: Sequence[UUID]) -> None:
    """Straight into the tables, as the owner of all of it. owners: the collection of each vector."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no triggers, no foreign keys
        for collection in set(owners):
            connection.execute(
                "INSERT INTO collections (id, name, owner_user_id, created_by) VALUES (%s, 'x', %s, %s)",
                (collection, viewer.user_id, viewer.user_id),
            )
            connection.execute(
                "INSERT INTO collection_totals (collection_id, chunks) VALUES (%s, %s)",
                (collection, owners.count(collection)),
            )
        with connection.cursor().copy(
            "COPY embeddings (chunk_id, collection_id, model_id, dimension, embedding) FROM STDIN"
        ) as copy:
            for number, (vector, collection) in enumerate(zip(vectors, owners, strict=True), start=1):
                text = "[" + ",".join(map(str, vector.astype(np.float16).tolist())) + "]"
                copy.write_row((number, collection, MODEL, DIMENSION, text))
        connection.execute("VACUUM ANALYZE embeddings")


async def _measure(
    store: PgvectorStore, database: Database, viewer: Viewer, visible: Sequence[UUID], questions: Vectors
) -> tuple[list[float], list[list[int]]]:
    scope = database.scope(viewer, visible)
    for question in questions[:5]:
        await store.dense(scope, MODEL, question, 100)
    if isinstance(store, FaissStore):
        await store.settle()
        await store.dense(scope, MODEL, questions[0], 100)
    times, answers = [], []
    for question in questions:
        begun = time.perf_counter()
        found = await store.dense(scope, MODEL, question, 100)
        times.append((time.perf_counter() - begun) * 1e3)
        answers.append([chunk for chunk, _ in found])
    return times, answers


async def _evaluate(chunks: int, asked: int) -> None:
    with temporary_postgres() as owner_url:
        await migrate(owner_url, SECRET)
        viewer, shelves = Viewer(uuid4()), [uuid4() for _ in range(100)]
        places = np.random.default_rng(1).integers(100, size=chunks)
        owners = [shelves[place] for place in places]
        vectors, questions = _vectors(chunks, 2), _vectors(asked, 3)
        begun = time.perf_counter()
        _fill(owner_url, viewer, vectors, owners)
        print(f"{chunks} vectors with their graph: {time.perf_counter() - begun:.0f} s")
        database = Database(url_as(owner_url, DatabaseRole.API, SECRET), pool_size=3)
        await database.open()
        faiss = FaissStore(connect=database.connection)
        for share in SHARES:
            visible = shelves[: round(share * len(shelves))]
            seen = np.flatnonzero(places < len(visible))
            exact = [set((seen[np.argsort(-(vectors[seen] @ q))[:10]] + 1).tolist()) for q in questions]
            for store in (PgvectorStore(), faiss):
                times, answers = await _measure(store, database, viewer, visible, questions)
                recall = np.mean([len(e & set(a[:10])) / 10 for e, a in zip(exact, answers, strict=True)])
                p50, p95 = np.percentile(times, [50, 95])
                name = type(store).__name__
                print(
                    f"{share:>5.0%} {name:<14} p50 {p50:5.1f} ms  p95 {p95:5.1f} ms  recall@10 {recall:.3f}"
                )
        print(f"FAISS holds {faiss.size_bytes / 2**20:.0f} MiB")
        await database.close()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=100)
    chosen = parser.parse_args()
    asyncio.run(_evaluate(chosen.chunks, chosen.questions))


if __name__ == "__main__":
    main()
