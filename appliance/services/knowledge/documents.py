"""Whole documents of a collection, as a caller may see them. The rights are resolved here; reading is the index's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from appliance.domain.documents import CollectionFile, PageRequest
from appliance.domain.people import Caller
from appliance.errors import NotFound
from appliance.ports import ViewedDatabase
from appliance.services.knowledge.ports import CollectionRepository
from rag.documents import WholeDocument
from rag.ports import Scope

MOST_DOCUMENTS = 100  # of one collection; more are listed elsewhere, and nobody reads so many at once


class DocumentReader(Protocol):
    """Reads a document whole; rag.stores does. None: not to be seen."""

    async def read(self, scope: Scope, file_id: UUID) -> WholeDocument | None: ...


class KnowledgeDocuments:
    """Fulfils appliance.ports.Documents."""

    def __init__(
        self, database: ViewedDatabase, collections: CollectionRepository, reader: DocumentReader
    ) -> None:
        self._database = database
        self._collections = collections
        self._reader = reader

    async def listed(self, caller: Caller, collection_id: UUID) -> Sequence[CollectionFile]:
        page = PageRequest(MOST_DOCUMENTS, is_ascending=True)
        found, _ = await self._collections.all_attached(caller.viewer, collection_id, page)
        return found

    async def whole(self, caller: Caller, collection_id: UUID, file_id: UUID) -> WholeDocument:
        visible = await self._collections.visible_ids(caller.viewer, [collection_id])
        found = await self._reader.read(self._database.scope(caller.viewer, visible), file_id)
        if found is None:
            raise NotFound(f"No file has the id 'file-{file_id.hex}' here.")
        return found
