"""A collection as a person looks at it: its documents in slices, what is there already, and deleting it as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from appliance.domain.documents import Receipt
from appliance.domain.people import Caller, Viewer
from appliance.domain.shelf import KnownContent, RemovalPreview, ShelfPage, ShelfQuery


class ShelfRepository(Protocol):
    """Where collections are looked at. Everything raises NotFound for what the viewer does not see."""

    async def page(self, viewer: Viewer, collection_id: UUID, query: ShelfQuery) -> ShelfPage: ...

    async def known(
        self, viewer: Viewer, collection_id: UUID, hashes: Sequence[bytes], filenames: Sequence[str]
    ) -> tuple[Sequence[KnownContent], Sequence[KnownContent]]:
        """Which of these contents are in the collection, and which outermost documents there have these names."""
        ...

    async def removal(self, viewer: Viewer, collection_id: UUID) -> RemovalPreview:
        """Raises NotPermitted for a collection that is not the viewer's own."""
        ...


class Removes(Protocol):
    """What deletes; Knowledge does."""

    async def remove_collection(self, caller: Caller, collection_id: UUID) -> Receipt: ...

    async def remove_collection_with_files(
        self, caller: Caller, collection_id: UUID
    ) -> tuple[Receipt, Mapping[str, int]]: ...


class Shelf:
    """The use cases behind `/api/collections/ID`."""

    def __init__(self, repository: ShelfRepository, knowledge: Removes) -> None:
        self._repository = repository
        self._knowledge = knowledge

    async def page(self, caller: Caller, collection_id: UUID, query: ShelfQuery) -> ShelfPage:
        return await self._repository.page(caller.viewer, collection_id, query)

    async def known(
        self, caller: Caller, collection_id: UUID, hashes: Sequence[bytes], filenames: Sequence[str] = ()
    ) -> tuple[Sequence[KnownContent], Sequence[KnownContent]]:
        return await self._repository.known(caller.viewer, collection_id, hashes, filenames)

    async def removal(self, caller: Caller, collection_id: UUID) -> RemovalPreview:
        return await self._repository.removal(caller.viewer, collection_id)

    async def remove(
        self, caller: Caller, collection_id: UUID, *, with_files: bool
    ) -> tuple[Receipt, Mapping[str, int]]:
        """Delete a collection; returns its receipt, and all that went.

        with_files: and the caller's own files that are in no other collection, each with a receipt of its own.
        """
        if with_files:
            return await self._knowledge.remove_collection_with_files(caller, collection_id)
        receipt = await self._knowledge.remove_collection(caller, collection_id)
        return receipt, receipt.removed
