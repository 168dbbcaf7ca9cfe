"""The embedder of whichever model is the index's at the moment; one search or document stays with one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from inference.embedding.client import EmbedderClient
from inference.embedding.model_card import ModelCard
from inference.ports import Embedder


class ModelEmbedder:
    """inference.ports.Embedder for one of the process's models; model_id None: for its first."""

    def __init__(self, client: EmbedderClient, model_id: str | None) -> None:
        self._client, self._model_id = client, model_id

    @property
    def model_id(self) -> str:
        return self._model_id or self._client.model_id

    @property
    def dimension(self) -> int:
        return self._card.dimension

    @property
    def max_tokens(self) -> int:
        return self._card.max_tokens

    @property
    def languages(self) -> tuple[str, ...]:
        """Those it was trained in; empty: all. Raises EmbedderUnavailable."""
        return self._card.languages

    @property
    def _card(self) -> ModelCard:
        return self._client.card(self._model_id)

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return await self._client.embed_query(text, self._model_id)

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return await self._client.embed_passages(texts, self._model_id)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Both marks and the prefix of passages included."""
        return await self._client.count_tokens(texts, self._model_id)

    async def texts_of(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """What ids of the model's own vocabulary stand for. Raises TokensRefused."""
        return await self._client.texts_of(ids, self._model_id)

    @property
    def shorter(self) -> tuple[int, ...]:
        """Lengths to which its vectors may be cut. Raises EmbedderUnavailable."""
        return self._card.shorter

    @property
    def counts_exactly(self) -> bool:
        """An engine's tokens are not known here."""
        return self._card.max_tokens > 0

    async def close(self) -> None:
        """The client is somebody else's."""


class ChosenEmbedder(ModelEmbedder):
    """choice: the model's id as it stands now; None: the process's first model.

    Whoever needs several vectors that fit each other asks `pinned()` first.
    """

    def __init__(self, client: EmbedderClient, choice: Callable[[], str | None]) -> None:
        super().__init__(client, None)
        self._choice = choice

    @property
    def model_id(self) -> str:
        return self._choice() or self._client.model_id

    @property
    def _card(self) -> ModelCard:
        return self._client.card(self._choice())

    async def embed_query(self, text: str) -> NDArray[np.float32]:
        return await self._client.embed_query(text, self._choice())

    async def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return await self._client.embed_passages(texts, self._choice())

    def pinned(self) -> Embedder:
        """The same as long as one answer takes, whatever is chosen meanwhile."""
        return ModelEmbedder(self._client, self._choice())
