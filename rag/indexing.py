"""From a parsed document to something that is found: cut, embed, count words, store – all at once or not at all.

Knows neither jobs nor people. Cancelling it at any point leaves the index as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from inference.errors import EmbedderUnavailable
from inference.ports import Embedder, pinned
from rag import chunking
from rag.analysis import Analyzer
from rag.chunking import TokenCounter
from rag.documents import Chunk, Page, ParsedDocument, content_hash, searchable
from rag.embedding_models import ModelsChanged
from rag.errors import DocumentEmpty
from rag.ports import Scope
from rag.settings import ChunkingSettings

Progress = Callable[[int, int], Awaitable[None]]
"""Told (passages embedded, passages in all) after each batch."""

Embedders = Callable[[], Awaitable[Sequence[Embedder]]]
"""Of every model whose vectors a new document gets, the one that is searched with first."""

_BATCH = 64  # passages between two reports, and those that may go through a model together
_CHARACTERS = 32_000  # of them, so that no report is long in coming
_MOST_CHANGES = 5  # of the models while one document is embedded


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
        also: Mapping[str, NDArray[np.float32]] | None = None,
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
    """count_tokens: of the embedding model, without its marks (inference.embedding.token_counter).

    embedders: where the index may have vectors of several models; without it those of `embedder` alone.
    """

    def __init__(
        self,
        store: PassageIndex,
        embedder: Embedder,
        analyzer: Analyzer,
        settings: ChunkingSettings,
        count_tokens: TokenCounter = chunking.approximate_tokens,
        *,
        embedders: Embedders | None = None,
    ) -> None:
        self._store = store
        self._embedders = embedders or _always(embedder)
        self._analyzer = analyzer
        self._settings = settings
        self._count_tokens = count_tokens

    async def index(
        self, file_id: UUID, document: ParsedDocument, scope: Scope, collection_id: UUID, progress: Progress
    ) -> Indexed:
        """Make a document searchable in one collection, replacing what was there of it.

        Raises DocumentEmpty, EmbedderUnavailable. Running it again is always right.
        """
        chunks, terms, hashes = await asyncio.to_thread(self._prepared, document)
        if not chunks:
            raise DocumentEmpty()
        for _ in range(_MOST_CHANGES):
            made = await self._embedded(scope, chunks, hashes, progress)
            (model_id, vectors), *others = made.vectors.items()
            pages, also = document.pages, {"also": dict(others)} if others else {}
            with suppress(ModelsChanged):
                await self._store.add(
                    scope, file_id, collection_id, model_id, pages, chunks, terms, vectors, **also
                )
                languages = sorted({chunk.language for chunk in chunks if chunk.language})
                return Indexed(len(chunks), made.embedded, len(pages), tuple(languages))
        raise EmbedderUnavailable("Its model was changed again and again.")

    def _prepared(self, document: ParsedDocument) -> tuple[list[Chunk], list[Mapping[str, int]], list[bytes]]:
        """The passages, and of each its words and the hash of what is embedded."""
        chunks = chunking.split(document, self._settings, self._count_tokens, self._analyzer.language)
        return chunks, self._terms(chunks), [content_hash(chunk) for chunk in chunks]

    async def _embedded(
        self, scope: Scope, chunks: Sequence[Chunk], hashes: Sequence[bytes], progress: Progress
    ) -> _Made:
        """By each model that answers; raises EmbedderUnavailable where none does. The others catch up."""
        embedders = [pinned(one) for one in await self._embedders()]
        meter = _Meter(progress, len(chunks) * len(embedders))
        made = _Made({}, 0)
        away: EmbedderUnavailable | None = None
        for embedder in embedders:
            try:
                model_id, vectors, embedded = await self._vectors(embedder, scope, chunks, hashes, meter)
            except EmbedderUnavailable as error:
                away = away or error
                continue
            made = _Made({**made.vectors, model_id: vectors}, made.embedded + embedded)
        if not made.vectors:
            raise away or EmbedderUnavailable()
        return made

    async def _vectors(
        self,
        embedder: Embedder,
        scope: Scope,
        chunks: Sequence[Chunk],
        hashes: Sequence[bytes],
        meter: _Meter,
    ) -> tuple[str, NDArray[np.float32], int]:
        """The model, a vector a chunk, and how many had to be made: the same content has the same vector."""
        model_id = await self._model_id(embedder, chunks[0])
        vectors = dict(await self._store.known_vectors(scope, model_id, sorted(set(hashes))))
        texts = {
            digest: searchable(chunk)
            for digest, chunk in zip(hashes, chunks, strict=True)
            if digest not in vectors
        }
        before = meter.done
        await meter.add(len(chunks) - len(texts))
        for batch in _batches(texts):
            made = await embedder.embed_passages([texts[digest] for digest in batch])
            vectors |= dict(zip(batch, made, strict=True))
            await meter.add(len(batch))
        if embedder.model_id != model_id:  # another model began meanwhile: never two in one document
            meter.done = before
            return await self._vectors(embedder, scope, chunks, hashes, meter)
        stacked = np.stack([vectors[digest] for digest in hashes]).astype(np.float32, copy=False)
        return model_id, stacked, len(texts)

    async def _model_id(self, embedder: Embedder, sample: Chunk) -> str:
        """Known once the embedder has answered anything."""
        try:
            return embedder.model_id
        except EmbedderUnavailable:
            await embedder.embed_passages([searchable(sample)])
            return embedder.model_id

    def _terms(self, chunks: Sequence[Chunk]) -> list[Mapping[str, int]]:
        return [self._analyzer.counts(searchable(chunk), chunk.language) for chunk in chunks]


@dataclass(frozen=True, slots=True)
class _Made:
    """Vectors by model, and how many had to be made."""

    vectors: Mapping[str, NDArray[np.float32]]
    embedded: int


@dataclass(slots=True)
class _Meter:
    """How far a document is with all its models together."""

    progress: Progress
    total: int
    done: int = 0

    async def add(self, count: int) -> None:
        self.done += count
        await self.progress(self.done, self.total)


def _always(embedder: Embedder) -> Embedders:
    async def embedders() -> Sequence[Embedder]:
        return (embedder,)

    return embedders


def _batches(texts: Mapping[bytes, str]) -> Iterator[list[bytes]]:
    """The longest first, so that those of a batch are of like length; each batch at most so many characters."""
    batch: list[bytes] = []
    size = 0
    for digest in sorted(texts, key=lambda digest: (-len(texts[digest]), digest)):
        if batch and (len(batch) == _BATCH or size + len(texts[digest]) > _CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(digest)
        size += len(texts[digest])
    if batch:
        yield batch
