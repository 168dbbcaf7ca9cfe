"""Files that were dropped into a chat: they belong to it, are seen by its person alone, and go with it.

Behind each chat with files stands a collection that nobody lists and no other search finds. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from appliance.domain.documents import CollectionFile, PageRequest
from appliance.domain.people import Caller, Viewer
from appliance.domain.refusals import Told
from appliance.errors import Conflict, NotFound
from appliance.services.knowledge.identifiers import new_id
from appliance.services.knowledge.knowledge import Knowledge
from appliance.services.knowledge.uploads import Upload

MOST_FILES = 20  # of one chat
PURPOSE = "user_data"
_MOST_LISTED = 1_000


class ChatFileRepository(Protocol):
    """Which collection is a conversation's. NotFound for a conversation that is not the viewer's."""

    async def collection(
        self, viewer: Viewer, conversation_id: UUID, *, even_hidden: bool = False
    ) -> UUID | None:
        """None: it has never had a file. even_hidden: also of a deleted conversation."""
        ...

    async def make_collection(self, viewer: Viewer, conversation_id: UUID, collection_id: UUID) -> UUID:
        """collection_id, or the one that somebody made a moment before."""
        ...


class ChatFiles:
    """The use cases behind /api/conversations/ID/files."""

    def __init__(
        self,
        repository: ChatFileRepository,
        knowledge: Knowledge,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._repository = repository
        self._knowledge = knowledge
        self._now = now

    @asynccontextmanager
    async def upload(self, caller: Caller, conversation_id: UUID) -> AsyncIterator[Upload]:
        """Receive a file; leaving without `finish` leaves nothing. Raises NotFound, Conflict."""
        if len(await self.files(caller, conversation_id)) >= MOST_FILES:
            raise Conflict(Told("chat_files_most", most=MOST_FILES))
        async with self._knowledge.upload(caller) as receiving:
            yield receiving

    async def attach(self, caller: Caller, conversation_id: UUID, file_id: UUID) -> CollectionFile:
        """Have an uploaded file read into the chat. Raises NotFound."""
        collection_id = await self._repository.collection(caller.viewer, conversation_id)
        if collection_id is None:
            wanted = new_id(int(self._now().timestamp() * 1000))
            collection_id = await self._repository.make_collection(caller.viewer, conversation_id, wanted)
        return await self._knowledge.attach(caller, collection_id, file_id)

    async def files(self, caller: Caller, conversation_id: UUID) -> Sequence[CollectionFile]:
        """In the order they were added. Raises NotFound."""
        collection_id = await self._repository.collection(caller.viewer, conversation_id)
        return () if collection_id is None else await self._listed(caller, collection_id)

    async def _listed(self, caller: Caller, collection_id: UUID) -> Sequence[CollectionFile]:
        page = PageRequest(_MOST_LISTED, is_ascending=True)
        found, _ = await self._knowledge.all_attached(caller, collection_id, page)
        return [file for file in found if file.parent_id is None]  # what lies inside of one goes with it

    async def file(self, caller: Caller, conversation_id: UUID, file_id: UUID) -> CollectionFile:
        """Raises NotFound."""
        collection_id = await self._repository.collection(caller.viewer, conversation_id)
        if collection_id is None:
            raise NotFound(f"No file has the id 'file-{file_id.hex}' in this chat.")
        return await self._knowledge.attached(caller, collection_id, file_id)

    async def remove(self, caller: Caller, conversation_id: UUID, file_id: UUID) -> None:
        """Take a file out of the chat and delete it; one that is being read is not read on. Raises NotFound."""
        await self.file(caller, conversation_id, file_id)
        await self._knowledge.remove_file(caller, file_id)

    async def attached(self, caller: Caller, conversation_id: UUID) -> UUID | None:
        """The collection that is asked in this chat; None: it has no files. Raises NotFound."""
        collection_id = await self._repository.collection(caller.viewer, conversation_id)
        return collection_id if collection_id and await self.files(caller, conversation_id) else None

    async def forget(
        self, caller: Caller, conversation_id: UUID, *, leaves_receipts: bool = True
    ) -> Mapping[str, int]:
        """Delete every file of a chat, hidden or not, before the chat goes; what was removed. Raises NotFound."""
        removed: Counter[str] = Counter()
        collection_id = await self._repository.collection(caller.viewer, conversation_id, even_hidden=True)
        if collection_id is None:
            return removed
        while files := await self._listed(caller, collection_id):
            for file in files:
                if leaves_receipts:
                    removed.update((await self._knowledge.remove_file(caller, file.file_id)).removed)
                else:
                    await self._knowledge.discard_file(caller, file.file_id)
        removed["collections"] = 1  # it is empty now, and goes with the chat's row
        return removed
