"""The index as a whole, across all collections, while its embedding model changes; the SQL is in second_index.sql.

`connect` must see every row. Text goes from here to the embedder and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from rag.embedding_models import Decision, IndexedModel
from rag.reindexing import WantedModel
from rag.stores.pgvector import halfvec, named_queries

if TYPE_CHECKING:
    from psycopg import AsyncConnection

Connect = Callable[[], AbstractAsyncContextManager["AsyncConnection"]]

MOST_DIMENSIONS = 4_000  # that pgvector's graph takes as halfvec; beyond, every vector is compared
_REMOVED_AT_ONCE = 5_000
_OLD_GRAPH = "embeddings_hnsw_384"  # of every model of 384 numbers, before each had a graph of its own
_BUILD_MEMORY = "256MB"


class SecondIndex:
    """Fulfils rag.reindexing.ModelIndex. connect: one transaction that sees all. owner_url: may build graphs."""

    def __init__(self, connect: Connect, owner_url: str) -> None:
        self._connect, self._owner_url = connect, owner_url
        self._queries = named_queries("second_index.sql")
        self._removed_to: dict[str, int] = {}

    async def models(self) -> list[IndexedModel]:
        async with self._connect() as connection:
            rows = await (await connection.execute(self._queries["models"])).fetchall()
        return [_model(row) for row in rows]

    async def dominant_model(self) -> str | None:
        row = await self._one("dominant_model")
        return str(row[0]) if row else None

    async def apply(self, decision: Decision, wanted: WantedModel) -> None:
        values = {"dimension": wanted.dimension, "languages": list(wanted.languages)}
        async with self._connect() as connection:
            await connection.execute(self._queries["lock_models"])
            await connection.execute(self._queries["give_up"], {"model_ids": list(decision.give_up)})
            if decision.adopt is not None:
                await connection.execute(self._queries["adopt"], values | {"model_id": decision.adopt})
            if decision.begin is not None:
                await connection.execute(self._queries["begin"], values | {"model_id": decision.begin})
        self._removed_to.clear()

    async def missing(self, model: IndexedModel, limit: int) -> list[tuple[int, str]]:
        values = {
            "cursor": model.cursor,
            "renewing": model.renewing,
            "model_id": model.model_id,
            "limit": limit,
        }
        async with self._connect() as connection:
            rows = await (await connection.execute(self._queries["missing"], values)).fetchall()
        return [(int(chunk), str(text)) for chunk, text in rows]

    async def put(self, model: IndexedModel, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        values = {
            "model_id": model.model_id,
            "dimension": vectors.shape[1],
            "ids": list(ids),
            "vectors": [halfvec(vector) for vector in vectors],
            "cursor": max(ids),
        }
        async with self._connect() as connection:
            await connection.execute(self._queries["put"], values)
            await connection.execute(self._queries["move_cursor"], values)

    async def start_over(self, model_id: str) -> int:
        row = await self._one("count_missing", model_id=model_id)
        missing = int(row[0]) if row else 0
        if missing:
            await self._do("start_over", model_id=model_id)
        return missing

    async def finish_renewing(self, model_id: str) -> None:
        """Also puts the graph in order, which has grown by as many vectors as it had."""
        name = graph_name(model_id)
        if await self._one("graph", name=name):
            await self._as_owner(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(name)))
        await self._do("finish_renewing", model_id=model_id)

    async def has_graph(self, model: IndexedModel) -> bool:
        if model.dimension > MOST_DIMENSIONS:
            return True
        row = await self._one("graph", name=graph_name(model.model_id))
        return bool(row and row[0])

    async def build_graph(self, model: IndexedModel) -> None:
        name = sql.Identifier(graph_name(model.model_id))
        # What a killed builder leaves behind is there, and invalid.
        await self._as_owner(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))
        await self._as_owner(
            sql.SQL(
                "CREATE INDEX CONCURRENTLY {} ON embeddings USING hnsw ((embedding::halfvec({})) halfvec_cosine_ops) "
                "WITH (m = 16, ef_construction = 100) WHERE dimension = {} AND model_id = {}"
            ).format(name, *(sql.Literal(model.dimension),) * 2, sql.Literal(model.model_id))
        )

    async def measure_background(self, model_id: str) -> None:
        await self._do("background", model_id=model_id)

    async def switch(self, model_id: str) -> bool:
        """Waits for the documents that are being written, a moment; the next ones wait for this."""
        async with self._connect() as connection:
            await connection.execute(self._queries["lock_models"])
            row = await (
                await connection.execute(self._queries["count_missing"], {"model_id": model_id})
            ).fetchone()
            if row is None or row[0]:
                return False
            await connection.execute(self._queries["leave"])
            await connection.execute(self._queries["activate"], {"model_id": model_id})
        return True

    async def leaving_for_s(self, model_id: str) -> float:
        row = await self._one("leaving_for", model_id=model_id)
        return float(row[0]) if row else 0.0

    async def remove_some(self, model_id: str) -> bool:
        values = {"model_id": model_id, "limit": _REMOVED_AT_ONCE}
        async with self._connect() as connection:
            values["cursor"] = self._removed_to.get(model_id, 0)
            row = await (await connection.execute(self._queries["remove_some"], values)).fetchone()
        if row and row[0] is not None:
            self._removed_to[model_id] = int(row[0])
            return True
        if self._removed_to.pop(model_id, 0):
            return True  # once more from the beginning: somebody may have written behind us
        await self._drop_graph(model_id)
        await self._do("forget", model_id=model_id)
        return False

    async def note(self, model_id: str, problem: str) -> None:
        await self._do("note", model_id=model_id, problem=problem[:1000])

    async def measure_progress(self, model_id: str) -> None:
        """For whoever watches: how far each collection is."""
        async with self._connect() as connection:
            await connection.execute(self._queries["forget_progress"], {"model_id": model_id})
            await connection.execute(self._queries["progress"], {"model_id": model_id})

    async def _drop_graph(self, model_id: str) -> None:
        names = [graph_name(model_id)]
        active = [one for one in await self.models() if one.state == "active"]
        if active and (await self._one("graph", name=graph_name(active[0].model_id)) or (False,))[0]:
            names.append(_OLD_GRAPH)  # the active model has its own
        for name in names:
            await self._as_owner(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))

    async def _one(self, query: str, **values: object) -> tuple[Any, ...] | None:
        async with self._connect() as connection:
            return await (await connection.execute(self._queries[query], values)).fetchone()

    async def _do(self, query: str, **values: object) -> None:
        async with self._connect() as connection:
            await connection.execute(self._queries[query], values)

    async def _as_owner(self, statement: sql.Composed) -> None:
        """Outside of any transaction, on one processor: a chat is worth more than an index that is ready sooner."""
        async with await psycopg.AsyncConnection.connect(self._owner_url, autocommit=True) as connection:
            await connection.execute("SET max_parallel_maintenance_workers = 0")
            await connection.execute(
                sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(_BUILD_MEMORY))
            )
            try:
                await connection.execute(statement)
            except asyncio.CancelledError:
                connection.cancel()
                raise


def graph_name(model_id: str) -> str:
    """Of a model's own graph."""
    return f"embeddings_hnsw_{sha256(model_id.encode()).hexdigest()[:12]}"


def _model(row: Sequence[Any]) -> IndexedModel:
    model_id, dimension, state, cursor, renewing, may_switch, languages, background, problem = row
    return IndexedModel(
        str(model_id),
        int(dimension),
        state,
        int(cursor),
        bool(renewing),
        bool(may_switch),
        tuple(languages),
        None if background is None else float(background),
        str(problem),
    )
