"""Joins what knows which embedding model the index has: for searching, for reading documents, and for changing it."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.bootstrap.box import Box
from appliance.bootstrap.embedding import forget_specs, specs_path
from appliance.services.index_overview import IndexOverview
from appliance.storage.database import Database
from appliance.storage.embedding_models import FollowedModels
from inference.embedding.choosing import ChosenEmbedder, ModelEmbedder
from inference.embedding.client import EmbedderClient
from inference.errors import EmbedderUnavailable
from inference.ports import Embedder
from rag.calibration import Calibration
from rag.fusion_weights import DENSE_WEIGHTS
from rag.reindexing import Reindexing, WantedModel
from rag.stores.second_index import SecondIndex


def chosen_embedder(client: EmbedderClient, models: FollowedModels) -> ChosenEmbedder:
    """Of the model that is searched with; before the index knows of one, the process's first."""
    return ChosenEmbedder(client, lambda: models.active)


def calibration_of(client: EmbedderClient, models: FollowedModels, model_id: str) -> Calibration:
    """A model that was fitted is read as it is, another one by its background."""
    try:
        languages = client.card(model_id).languages
    except EmbedderUnavailable:
        languages = next((one.languages for one in models.models if one.model_id == model_id), ("en",))
    is_fitted = model_id.partition("@")[0] in DENSE_WEIGHTS
    background = None if is_fitted else models.background(model_id)
    return Calibration(frozenset(languages) if languages else None, background)


class WrittenEmbedders:
    """Of every model that a new document is embedded with, the one that is searched with first."""

    def __init__(self, client: EmbedderClient, models: FollowedModels) -> None:
        self._client, self._models = client, models

    async def __call__(self) -> Sequence[Embedder]:
        await self._models.look()
        written: Sequence[str | None] = self._models.written or [None]
        return [ModelEmbedder(self._client, model_id) for model_id in written]


class ProcessModels:
    """Fulfils rag.reindexing.ModelSource."""

    def __init__(self, client: EmbedderClient, box: Box) -> None:
        self._client, self._box = client, box

    async def wanted(self) -> WantedModel:
        first = (await self._client.served())[0]
        if first.card is None:  # an engine tells its dimension when it is asked
            await self._client.connect_when_ready()
        card = self._client.card()
        return WantedModel(card.model_id, card.dimension, card.languages)

    def embedder(self, model_id: str) -> Embedder:
        return ModelEmbedder(self._client, model_id)

    async def keep_only(self, model_ids: Sequence[str]) -> None:
        served = await self._client.served()
        names = [one.name for one in served[1:] if one.card is None or one.card.model_id in model_ids]
        forget_specs(specs_path(self._box), names)
        await self._client.keep_only(model_ids)


def build_reindexing(box: Box, maintenance: Database, client: EmbedderClient) -> Reindexing:
    """maintenance: sees every row."""
    settings = box.settings.embedding
    return Reindexing(
        SecondIndex(maintenance.transaction, box.owner_url),
        ProcessModels(client, box),
        by_hand=settings.switch == "by_hand",
        batch=2 * settings.batch,
    )


def build_index_room(box: Box, client: EmbedderClient, models: FollowedModels) -> IndexOverview:
    """What `/api/index` shows and changes."""
    return IndexOverview(models, client.served, is_by_hand=box.settings.embedding.switch == "by_hand")
