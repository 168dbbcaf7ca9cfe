"""Another embedding model: its vectors are made beside the old ones, and search goes over when all are there.

What has been done stands in the index itself, so whoever is killed goes on where they were. One step is one sentence;
`run` takes steps until it is cancelled. Knows neither jobs nor people.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from inference.errors import EmbedderUnavailable
from inference.ports import Embedder
from rag.embedding_models import Decision, IndexedModel, active_of, building_of, decide

logger = logging.getLogger(__name__)

PAUSE_S = 1.0  # between two looks when there is nothing to do
GRACE_S = 10.0  # every process looks for the active model once a second
_AWAY_S = 5.0
_TOLD_AT = 4  # times in a row: at a start it is just coming up, which is no news
_MEASURE_S = 3.0  # between two looks at how far everything is
_BATCH = 64  # passages that are embedded and written together

Did = Literal["nothing", "adopted", "embedded", "indexed", "switched", "removed", "waits"]


@dataclass(frozen=True, slots=True)
class WantedModel:
    """What the settings' model says of itself."""

    model_id: str
    dimension: int
    languages: tuple[str, ...]


class ModelSource(Protocol):
    """The embedding process."""

    async def wanted(self) -> WantedModel:
        """Raises EmbedderUnavailable."""
        ...

    def embedder(self, model_id: str) -> Embedder: ...

    async def keep_only(self, model_ids: Sequence[str]) -> None:
        """The others' vectors are gone."""
        ...


class ModelIndex(Protocol):
    """The index, seen as a whole. Each method is one transaction, or can be repeated."""

    async def models(self) -> list[IndexedModel]: ...

    async def dominant_model(self) -> str | None:
        """Whose vectors most passages have, where the index knows of no model."""
        ...

    async def apply(self, decision: Decision, wanted: WantedModel) -> None: ...

    async def missing(self, model: IndexedModel, limit: int) -> list[tuple[int, str]]:
        """(chunk id, what it is found by) behind the model's cursor, those without its vector (all, if renewing)."""
        ...

    async def put(self, model: IndexedModel, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Vectors of passages that are still there, and the cursor behind the last of them."""
        ...

    async def start_over(self, model_id: str) -> int:
        """The cursor at the beginning, for what was skipped; returns how many passages lack a vector."""
        ...

    async def finish_renewing(self, model_id: str) -> None: ...

    async def has_graph(self, model: IndexedModel) -> bool: ...

    async def build_graph(self, model: IndexedModel) -> None:
        """Without holding up whoever searches or writes."""
        ...

    async def measure_background(self, model_id: str) -> None: ...

    async def switch(self, model_id: str) -> bool:
        """Search goes over, at once and for all; false: a passage has come that lacks a vector."""
        ...

    async def leaving_for_s(self, model_id: str) -> float:
        """Seconds since it was the active one, by the index's clock."""
        ...

    async def remove_some(self, model_id: str) -> bool:
        """Some of its vectors; false once there were none, and the model is not known any more."""
        ...

    async def note(self, model_id: str, problem: str) -> None: ...

    async def measure_progress(self, model_id: str) -> None:
        """For whoever watches: how far each collection is."""
        ...


class Reindexing:
    """by_hand: search goes over only when somebody says so. batch: passages that are embedded and written together."""

    def __init__(
        self,
        index: ModelIndex,
        source: ModelSource,
        *,
        by_hand: bool = False,
        batch: int = _BATCH,
        grace_s: float = GRACE_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index, self._source = index, source
        self._by_hand, self._grace_s, self._sleep, self._clock = by_hand, grace_s, sleep, clock
        self._batch = batch
        self._measured_at = -_MEASURE_S

    async def run(self) -> None:
        """Until cancelled. Whatever raises is logged, and tried again."""
        times_away = 0
        while True:
            try:
                did = await self.step()
            except EmbedderUnavailable as error:
                times_away += 1
                if times_away == _TOLD_AT:
                    logger.warning("the index waits for its embedding model: %s", error)
                await self._sleep(_AWAY_S)
            except Exception:
                logger.warning("the index could not be brought on; trying again", exc_info=True)
                await self._sleep(_AWAY_S)
            else:
                times_away = 0
                if did in ("nothing", "waits"):
                    await self._sleep(PAUSE_S)

    async def step(self) -> Did:
        """Do the next thing. Raises EmbedderUnavailable."""
        models = await self._index.models()
        if await self._adopt(models):
            return "adopted"
        building, active = building_of(models), active_of(models)
        for model in (building, active if active and active.renewing else None):
            if model is not None and (did := await self._bring_on(model)) != "nothing":
                await self._measure(model, did)
                return did
        for model in models:
            if model.state == "leaving" and await self._index.leaving_for_s(model.model_id) >= self._grace_s:
                return await self._remove(model, models)
        return "waits" if building else "nothing"

    async def _adopt(self, models: Sequence[IndexedModel]) -> bool:
        wanted = await self._source.wanted()
        found = None if active_of(models) else await self._index.dominant_model()
        decision = decide(models, wanted.model_id, found)
        if decision == Decision():
            return False
        if decision.adopt is not None:
            logger.info("passages are searched with %s", decision.adopt)
        if decision.begin is not None:
            logger.info("an index with %s is begun beside the present one", decision.begin)
        await self._index.apply(decision, wanted)
        return True

    async def _bring_on(self, model: IndexedModel) -> Did:
        texts = await self._index.missing(model, self._batch)
        if texts:
            await self._embed(model, texts)
            return "embedded"
        if model.renewing:
            await self._index.finish_renewing(model.model_id)
            return "indexed"
        if not await self._index.has_graph(model):
            await self._index.build_graph(model)
            await self._index.measure_background(model.model_id)
            return "indexed"
        if self._by_hand and not model.may_switch:
            return "nothing"
        if await self._index.start_over(model.model_id):
            return "embedded"
        if await self._index.switch(model.model_id):
            logger.info("search goes on with %s", model.model_id)
            return "switched"
        return "embedded"

    async def _measure(self, model: IndexedModel, did: Did) -> None:
        if did != "embedded" or self._clock() - self._measured_at >= _MEASURE_S:
            await self._index.measure_progress(model.model_id)
            self._measured_at = self._clock()

    async def _embed(self, model: IndexedModel, texts: Sequence[tuple[int, str]]) -> None:
        embedder = self._source.embedder(model.model_id)
        try:
            vectors = await embedder.embed_passages([text for _, text in texts])
        except EmbedderUnavailable as error:
            await self._index.note(model.model_id, str(error))
            raise
        if model.problem:
            await self._index.note(model.model_id, "")
        await self._index.put(model, [chunk for chunk, _ in texts], vectors)

    async def _remove(self, model: IndexedModel, models: Sequence[IndexedModel]) -> Did:
        if not await self._index.remove_some(model.model_id):
            others = [one.model_id for one in models if one.model_id != model.model_id]
            await self._source.keep_only(others)
            logger.info("the vectors of %s are gone", model.model_id)
        return "removed"
