"""From a parsed document to something that is found: cut, embed, count words, store – all at once or not at all.

Knows neither jobs nor people. Cancelling it at any point leaves the index as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from inference.ports import Embedder
from rag import chunking
from rag.analysis import Analyzer
from rag.chunking import TokenCounter
from rag.documents import Chunk, ParsedDocument, searchable
from rag.errors import DocumentEmpty
from rag.ports import Scope, VectorStore
from rag.settings import ChunkingSettings

Progress = Callable[[int, int], Awaitable[None]]
"""Told (passages embedded, passages in all) after each batch."""

_BATCH = 16  # passages between two reports, about 0.2 s


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of a document."""

    chunks: int
    pages: int
    languages: tuple[str, ...]


class Indexing:
    """count_tokens: of the embedding model, without its marks (inference.embedding.token_counter)."""

    def __init__(
        self,
        store: VectorStore,
        embedder: Embedder,
        analyzer: Analyzer,
        settings: ChunkingSettings,
        count_tokens: TokenCounter = chunking.approximate_tokens,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._analyzer = analyzer
        self._settings = settings
        self._count_tokens = count_tokens

    async def index(
        self, file_id: UUID, document: ParsedDocument, scope: Scope, collection_id: UUID, progress: Progress
    ) -> Indexed:
        """Make a document searchable in one collection, replacing what was there of it.

        Raises DocumentEmpty, EmbedderUnavailable. Running it again is always right.
        """
        chunks = await asyncio.to_thread(self._cut, document)
        if not chunks:
            raise DocumentEmpty()
        await progress(0, len(chunks))
        vectors = await self._embed(chunks, progress)
        terms = await asyncio.to_thread(self._terms, chunks)
        await self._store.add(
            scope, file_id, collection_id, self._embedder.model_id, document.pages, chunks, terms, vectors
        )
        languages = sorted({chunk.language for chunk in chunks if chunk.language})
        return Indexed(len(chunks), len(document.pages), tuple(languages))

    def _cut(self, document: ParsedDocument) -> list[Chunk]:
        return chunking.split(document, self._settings, self._count_tokens, self._analyzer.language)

    async def _embed(self, chunks: Sequence[Chunk], progress: Progress) -> NDArray[np.float32]:
        parts: list[NDArray[np.float32]] = []
        for start in range(0, len(chunks), _BATCH):
            batch = chunks[start : start + _BATCH]
            parts.append(await self._embedder.embed_passages([searchable(chunk) for chunk in batch]))
            await progress(start + len(batch), len(chunks))
        return np.concatenate(parts)

    def _terms(self, chunks: Sequence[Chunk]) -> list[Mapping[str, int]]:
        return [self._analyzer.counts(searchable(chunk), chunk.language) for chunk in chunks]
