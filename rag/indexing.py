"""From a parsed document to something that is found: cut, embed, count words, store – all at once or not at all.

Knows neither jobs nor people. Cancelling it at any point leaves the index as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from inference.errors import EmbedderUnavailable
from inference.ports import Embedder
from rag import chunking
from rag.analysis import Analyzer
from rag.chunking import TokenCounter
from rag.documents import Chunk, Page, ParsedDocument, content_hash, searchable
from rag.errors import DocumentEmpty
from rag.ports import Scope
from rag.settings import ChunkingSettings

Progress = Callable[[int, int], Awaitable[None]]
"""Told (passages embedded, passages in all) after each batch."""

_BATCH = 16  # passages between two reports, about 0.2 s


class PassageIndex(Protocol):
    """What indexing needs of a rag.ports.VectorStore."""

    async def add(
        self,
        scope: Scope,
        file_id: UUID,
        collection_id: UUID,
        model_id: str,
        pages: Sequence[Page],
        chunks: Sequence[Chunk],
        terms: Sequence[Mapping[str, int]],
        vectors: NDArray[np.float32],
    ) -> None: ...

    async def known_vectors(
        self, scope: Scope, model_id: str, hashes: Sequence[bytes]
    ) -> Mapping[bytes, NDArray[np.float32]]: ...


@dataclass(frozen=True, slots=True)
class Indexed:
    """What became of a document. embedded: passages whose vectors were not known yet."""

    chunks: int
    embedded: int
    pages: int
    languages: tuple[str, ...]


class Indexing:
    """count_tokens: of the embedding model, without its marks (inference.embedding.token_counter)."""

    def __init__(
        self,
        store: PassageIndex,
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
        vectors, embedded = await self._vectors(scope, chunks, progress)
        terms = await asyncio.to_thread(self._terms, chunks)
        await self._store.add(
            scope, file_id, collection_id, self._embedder.model_id, document.pages, chunks, terms, vectors
        )
        languages = sorted({chunk.language for chunk in chunks if chunk.language})
        return Indexed(len(chunks), embedded, len(document.pages), tuple(languages))

    def _cut(self, document: ParsedDocument) -> list[Chunk]:
        return chunking.split(document, self._settings, self._count_tokens, self._analyzer.language)

    async def _vectors(
        self, scope: Scope, chunks: Sequence[Chunk], progress: Progress
    ) -> tuple[NDArray[np.float32], int]:
        """One a chunk, and how many had to be made: the same content has the same vector."""
        hashes = await asyncio.to_thread(lambda: [content_hash(chunk) for chunk in chunks])
        model_id = await self._model_id(chunks[0])
        vectors = dict(await self._store.known_vectors(scope, model_id, sorted(set(hashes))))
        texts = {
            digest: searchable(chunk)
            for digest, chunk in zip(hashes, chunks, strict=True)
            if digest not in vectors
        }
        done = len(chunks) - len(texts)
        await progress(done, len(chunks))
        for batch in _batches(list(texts.items())):
            made = await self._embedder.embed_passages([text for _, text in batch])
            vectors |= dict(zip((digest for digest, _ in batch), made, strict=True))
            done += len(batch)
            await progress(done, len(chunks))
        if self._embedder.model_id != model_id:  # another model began meanwhile: never two in one document
            return await self._vectors(scope, chunks, progress)
        return np.stack([vectors[digest] for digest in hashes]).astype(np.float32, copy=False), len(texts)

    async def _model_id(self, sample: Chunk) -> str:
        """Known once the embedder has answered anything."""
        try:
            return self._embedder.model_id
        except EmbedderUnavailable:
            await self._embedder.embed_passages([searchable(sample)])
            return self._embedder.model_id

    def _terms(self, chunks: Sequence[Chunk]) -> list[Mapping[str, int]]:
        return [self._analyzer.counts(searchable(chunk), chunk.language) for chunk in chunks]


def _batches(items: list[tuple[bytes, str]]) -> Iterator[list[tuple[bytes, str]]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
