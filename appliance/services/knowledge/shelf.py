"""A collection as a person looks at it: its documents in slices, what is there already, and deleting it as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from appliance.domain.documents import Receipt
from appliance.domain.people import Caller, Viewer
from appliance.domain.shelf import KnownContent, RemovalPreview, ShelfPage, ShelfQuery
from appliance.errors import NotFound


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

    async def remove_file(self, caller: Caller, file_id: UUID) -> Receipt: ...

    async def remove_collection(self, caller: Caller, collection_id: UUID) -> Receipt: ...


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
    ) -> tuple[Receipt, dict[str, int]]:
        """Delete a collection; returns its receipt, and all that went.

        with_files: first the caller's own files that are in no other collection, each with a receipt of its own; broken
        off half way, it can be done again.
        """
        removed: Counter[str] = Counter()
        preview = await self._repository.removal(caller.viewer, collection_id)
        for file_id in preview.only_here if with_files else ():
            try:
                removed.update((await self._knowledge.remove_file(caller, file_id)).removed)
            except NotFound:
                continue  # somebody else was faster
        receipt = await self._knowledge.remove_collection(caller, collection_id)
        removed.update(receipt.removed)
        return receipt, dict(removed)
