"""Searches that an upgraded copy has to answer: with the code that will serve it, and as row-level security lets it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from psycopg import AsyncConnection

from appliance.domain.people import Role, Viewer
from appliance.errors import StartupError
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from rag.stores.pgvector import PgvectorStore

_SAMPLES = 5
_DEPTH = 20
# Passages from all over the index, and as whom their collection is searched.
_THE_SAME = 0.999  # cosine, of a passage that stands there twice
_SAMPLE = """
WITH bounds AS (SELECT min(id) AS first, max(id) AS last FROM chunks),
     chosen AS (SELECT (SELECT min(id) FROM chunks WHERE id >= first + (last - first) * step / %(last)s) AS id
                FROM bounds, generate_series(0, %(last)s) step)
SELECT c.id, c.collection_id, c.terms, e.model_id, e.embedding::vector::real[],
       coalesce(k.owner_user_id, k.created_by), k.owner_group_id, k.is_public
FROM chunks c JOIN embeddings e ON e.chunk_id = c.id JOIN collections k ON k.id = c.collection_id
WHERE c.id IN (SELECT id FROM chosen) AND k.conversation_id IS NULL
  AND e.model_id = (SELECT model_id FROM embeddings LIMIT 1)
"""


async def search_samples(owner_url: str, role_secret: str) -> int:
    """Passages are found by their own words and their own vector, by who may see them and nobody else.

    Returns how many were looked for. Raises StartupError.
    """
    async with await AsyncConnection.connect(owner_url) as connection:
        samples = await (await connection.execute(_SAMPLE, {"last": _SAMPLES - 1})).fetchall()
    api = Database(url_as(owner_url, DatabaseRole.API, role_secret), pool_size=1)
    await api.open()
    try:
        for sample in samples:
            await _search(api, sample)
    finally:
        await api.close()
    return len(samples)


async def _search(api: Database, sample: Sequence[Any]) -> None:
    chunk, collection, terms, model, embedding, owner, group, is_public = sample
    groups = frozenset({group} if group else ())
    viewer = Viewer(owner, groups, Role.ADMIN if is_public else Role.USER)
    store, vector = PgvectorStore(), np.array(embedding, np.float32)
    scope = api.scope(viewer, [collection])
    near = await store.dense(scope, model, vector, _DEPTH)
    is_near = any(found == chunk or score > _THE_SAME for found, score in near)
    is_worded = not terms or bool(await store.lexical(scope, terms, _DEPTH))
    if not (is_near and is_worded and await store.passages(scope, [chunk])):
        raise StartupError(f"Passage {chunk} is not found any more by its own words and vector.")
    if is_public:
        return
    stranger = api.scope(Viewer(UUID(int=0)), [collection])
    seen = [
        await store.dense(stranger, model, vector, _DEPTH),
        await store.lexical(stranger, terms, _DEPTH),
        await store.passages(stranger, [chunk]),
    ]
    if any(seen):
        raise StartupError(f"Passage {chunk} would be found by people who may not see it.")
