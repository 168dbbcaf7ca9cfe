"""Finding passages in what a caller may see. The rights are resolved here; how to find is retrieval's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from appliance.domain.people import Caller
from appliance.ports import ViewedDatabase
from appliance.services.knowledge.ports import CollectionRepository
from rag.documents import Page, Passage, SearchResult
from rag.filters import Filter
from rag.ports import Scope


class Retriever(Protocol):
    """Passages of a scope, best first; rag.retrieval does."""

    async def search(
        self,
        question: str,
        scope: Scope,
        limit: int = 10,
        *,
        only: Filter | None = None,
        also: Sequence[str] = (),
    ) -> SearchResult: ...


class PageReader(Protocol):
    """The text of a page as it was read, and what stands around a passage; a VectorStore does."""

    async def surroundings(self, scope: Scope, chunk_ids: Sequence[int], reach: int) -> list[Passage]: ...

    async def page_text(self, scope: Scope, file_id: UUID, number: int | None) -> str | None: ...

    async def page(self, scope: Scope, file_id: UUID, number: int | None) -> Page | None: ...


class KnowledgeSearch:
    """Fulfils appliance.ports.Search."""

    def __init__(
        self,
        database: ViewedDatabase,
        collections: CollectionRepository,
        retriever: Retriever,
        pages: PageReader,
    ) -> None:
        self._database = database
        self._collections = collections
        self._retriever = retriever
        self._pages = pages

    async def search(
        self,
        caller: Caller,
        question: str,
        collection_ids: Sequence[UUID] | None,
        limit: int,
        *,
        only: Filter | None = None,
        also: Sequence[str] = (),
    ) -> SearchResult:
        """collection_ids None: all that the caller sees, without the files of chats.

        Raises NotFound for one that they do not see.
        """
        if collection_ids is None:
            collection_ids = await self._collections.searched_ids(caller.viewer)
        scope = await self._scope(caller, collection_ids)
        return await self._retriever.search(question, scope, limit, only=only, also=also)

    async def search_all(
        self,
        caller: Caller,
        questions: Sequence[str],
        collection_id: UUID,
        limit: int,
        only: Filter | None = None,
    ) -> list[Passage]:
        """The best passages for any of several questions, each once."""
        scope = await self._scope(caller, [collection_id])
        best: dict[int, Passage] = {}
        for question in questions:
            for passage in (await self._retriever.search(question, scope, limit, only=only)).passages:
                known = best.get(passage.chunk_id)
                if known is None or known.score < passage.score:
                    best[passage.chunk_id] = passage
        return sorted(best.values(), key=lambda passage: (-passage.score, passage.chunk_id))[:limit]

    async def surroundings(self, caller: Caller, passages: Sequence[Passage], reach: int) -> list[Passage]:
        scope = await self._scope(caller, None)
        grown = await self._pages.surroundings(scope, [passage.chunk_id for passage in passages], reach)
        found = {passage.chunk_id: passage for passage in grown}
        return [_with_text_of(passage, found.get(passage.chunk_id, passage)) for passage in passages]

    async def page_text(self, caller: Caller, file_id: UUID, page: int | None) -> str | None:
        return await self._pages.page_text(await self._scope(caller, None), file_id, page)

    async def page(self, caller: Caller, file_id: UUID, number: int | None) -> Page | None:
        """The page with its anchors."""
        return await self._pages.page(await self._scope(caller, None), file_id, number)

    async def _scope(self, caller: Caller, collection_ids: Sequence[UUID] | None) -> Scope:
        visible = await self._collections.visible_ids(caller.viewer, collection_ids)
        return self._database.scope(caller.viewer, visible)


def _with_text_of(passage: Passage, grown: Passage) -> Passage:
    return replace(passage, text=grown.text, start=grown.start, end=grown.end)
