"""Which embedding model the index is searched with, and which others are written, as one process has seen it last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import LiteralString

from appliance.domain.documents import CollectionProgress
from appliance.errors import PartUnavailable
from appliance.storage.database import Database
from rag.embedding_models import IndexedModel, active_of

logger = logging.getLogger(__name__)

_MODELS = """
SELECT model_id, dimension, state, cursor, renewing, may_switch, languages, background, problem
FROM embedding_models ORDER BY state, model_id
"""
_MAY_SWITCH = "UPDATE embedding_models SET may_switch = true WHERE state = 'building' RETURNING model_id"
_RENEW = "UPDATE embedding_models SET renewing = true, cursor = 0 WHERE state = 'active' RETURNING model_id"
_PROGRESS = """
SELECT collection_id, chunks, done, seen_at FROM embedding_progress WHERE model_id = %s ORDER BY chunks DESC, 1
"""
_ALONE = "SELECT pg_try_advisory_lock(7305108, 20)"
_LET_GO = "SELECT pg_advisory_unlock(7305108, 20)"
FOLLOW_S = 1.0
_OTHERS_S = 5.0  # between two looks whether another worker has ended


class FollowedModels:
    """models: as they were a second ago at most. Empty until the index knows of one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.models: tuple[IndexedModel, ...] = ()

    @property
    def active(self) -> str | None:
        """Whose vectors are searched; None: not known, and so the process's first model."""
        found = active_of(self.models)
        return found.model_id if found else None

    @property
    def written(self) -> list[str]:
        """Whose vectors a new document gets, the one that is searched with first."""
        return [one.model_id for one in self.models]  # by state: active, building, leaving

    def background(self, model_id: str) -> float | None:
        """Mean cosine of passages that have nothing to do with each other, where it was measured."""
        return next((one.background for one in self.models if one.model_id == model_id), None)

    async def look(self) -> None:
        """Raises PartUnavailable."""
        async with self._database.connection() as connection:
            rows = await (await connection.execute(_MODELS)).fetchall()
        self.models = tuple(IndexedModel(*(*row[:6], tuple(row[6]), *row[7:])) for row in rows)

    async def follow(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except PartUnavailable:
                logger.debug("which embedding model is searched with could not be looked up", exc_info=True)
            await asyncio.sleep(FOLLOW_S)

    async def allow_switch(self) -> bool:
        """Search may go over as soon as all is there; false: nothing is being built."""
        return await self._told(_MAY_SWITCH)

    async def renew(self) -> bool:
        """The active model's vectors are made again; false: the index knows of none yet."""
        return await self._told(_RENEW)

    async def progress(self, model_id: str) -> list[CollectionProgress]:
        """How far each collection is with a model, as it was a few seconds ago."""
        async with self._database.connection() as connection:
            rows = await connection.execute(_PROGRESS, (model_id,))
            return [CollectionProgress(*row) for row in await rows.fetchall()]

    async def _told(self, statement: LiteralString) -> bool:
        async with self._database.connection() as connection:
            return await (await connection.execute(statement)).fetchone() is not None


@asynccontextmanager
async def alone(database: Database) -> AsyncIterator[None]:
    """Waits until no other process is in here. What is done must bear two of them: a lost connection lets go."""
    async with database.connection() as connection:
        while (await (await connection.execute(_ALONE)).fetchone() or (False,))[0] is not True:  # noqa: ASYNC110
            await asyncio.sleep(_OTHERS_S)
        try:
            yield
        finally:
            with suppress(Exception):
                await connection.execute(_LET_GO)
