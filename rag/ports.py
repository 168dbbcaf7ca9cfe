"""What `rag` needs from outside and what its plug-ins fulfil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection

from rag.documents import Chunk, Page, ParsedDocument, Passage
from rag.exact import Exact
from rag.filters import Filter


class Scope(Protocol):
    """What the asker may see: a transaction that shows only that, and the collections asked for.

    Both are applied: the ids in every query, row-level security below them.
    """

    @property
    def collection_ids(self) -> Sequence[UUID]: ...

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection]: ...


class Parser(Protocol):
    """Reads one format. Runs in a killable child without network; may crash or hang without harm."""

    def parse(self, path: Path) -> ParsedDocument:
        """Raises a DocumentRefused of rag.errors."""
        ...


class Reranker(Protocol):
    """Reads question and passage together and says how well the one answers the other; slow, so for a few only."""

    @property
    def model_id(self) -> str: ...

    async def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """One score a text, 0 to 1. Raises RerankerUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class InMemory:
    """Vectors that this process holds beside the truth. chunk_ids None: all that it holds of the collection."""

    collection_id: UUID
    count: int
    chunk_ids: tuple[int, ...] | None = None


class VectorStore(Protocol):
    """Where chunks live and are found by vector and by word. Text leaves only by `passages`."""

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
    ) -> None:
        """Make a document searchable, all at once, replacing what was there. terms: one term -> count map a chunk.

        also: the vectors of further models. Raises rag.embedding_models.ModelsChanged where search has gone over to
        another one.
        """
        ...

    async def remove(self, scope: Scope, file_id: UUID, collection_id: UUID) -> int:
        """Forget a document in one collection; returns how many chunks went."""
        ...

    async def in_memory(
        self, scope: Scope, collection_id: UUID, file_id: UUID | None = None
    ) -> InMemory | None:
        """What this process holds in memory of a collection, or of a file in it that is to go; None: nothing."""
        ...

    def let_go(self, held: InMemory) -> None:
        """Once it is removed: forget it at once, without waiting until the change is noticed."""
        ...

    async def dense(
        self,
        scope: Scope,
        model_id: str,
        vector: NDArray[np.float32],
        limit: int,
        only: Filter | None = None,
    ) -> list[tuple[int, float]]:
        """(chunk id, cosine), best first. only: of files whose attributes fulfil it, applied before ranking."""
        ...

    async def lexical(
        self, scope: Scope, terms: Sequence[str], limit: int, only: Filter | None = None
    ) -> list[tuple[int, float]]:
        """(chunk id, BM25 with document frequencies of the visible collections), best first; only: as for dense."""
        ...

    async def holding(
        self, scope: Scope, strings: Sequence[Exact], limit: int, only: Filter | None = None
    ) -> list[list[int]]:
        """For each string the chunks whose text or headings hold it to the letter, at most limit, oldest first."""
        ...

    async def surroundings(self, scope: Scope, chunk_ids: Sequence[int], reach: int) -> list[Passage]:
        """The passages again, each with its text grown to its neighbours' (reach each way, same page and headings)."""
        ...

    async def copy(self, scope: Scope, file_id: UUID, from_collection: UUID, to_collection: UUID) -> int:
        """Make a document searchable in a second collection without embedding it again; returns its chunks."""
        ...

    async def known_vectors(
        self, scope: Scope, model_id: str, hashes: Sequence[bytes]
    ) -> Mapping[bytes, NDArray[np.float32]]:
        """The vectors that passages of these content hashes have already in the scope's collections."""
        ...

    async def retire(self, scope: Scope, file_id: UUID, collection_id: UUID) -> int:
        """A document is not found any more, but its pages still open; returns how many chunks went."""
        ...

    async def share_pages(self, scope: Scope, file_id: UUID, collection_id: UUID, like: UUID) -> int:
        """The pages of a document that has the same content as another, which is found in its place."""
        ...

    async def hand_over(self, scope: Scope, file_id: UUID, collection_id: UUID, heir: UUID) -> int:
        """The passages of a document become those of another with the same content; returns how many."""
        ...

    async def frequencies(self, scope: Scope, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """(number of visible chunks, term -> how many of them hold it; absent: none)."""
        ...

    async def page_text(self, scope: Scope, file_id: UUID, number: int | None) -> str | None:
        """A page as quotes are checked against it (number None: a format without pages); None: not to be seen."""
        ...

    async def page(self, scope: Scope, file_id: UUID, number: int | None) -> Page | None:
        """The same with its anchors, without blocks."""
        ...

    async def passages(self, scope: Scope, chunk_ids: Sequence[int]) -> list[Passage]:
        """The passages of these ids that the asker may see, in the order asked for."""
        ...
