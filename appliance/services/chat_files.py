"""Files that were dropped into a chat: they belong to it, are seen by its person alone, and go with it.

Behind each chat with files stands a collection that nobody lists and no other search finds. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID, uuid4

from appliance.domain.answers import Conversation
from appliance.domain.documents import CollectionFile, PageRequest
from appliance.domain.people import Caller, Viewer
from appliance.errors import Conflict, NotFound
from appliance.services.knowledge.identifiers import new_id
from appliance.services.knowledge.knowledge import Knowledge
from appliance.services.knowledge.uploads import Upload

MOST_FILES = 20  # of one chat
PURPOSE = "user_data"
_MOST_LISTED = 1_000


class ChatFileRepository(Protocol):
    """Which collection is a conversation's. NotFound for a conversation that is not the viewer's."""

    async def begin(self, viewer: Viewer, conversation: Conversation) -> None:
        """Record a conversation in which nothing has been asked yet."""
        ...

    async def collection(self, viewer: Viewer, conversation_id: UUID) -> UUID | None:
        """None: it has never had a file."""
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

    async def begin(self, caller: Caller) -> Conversation:
        """A conversation for files that are there before the first question."""
        moment = self._now()
        conversation = Conversation(uuid4(), "", moment, moment)
        await self._repository.begin(caller.viewer, conversation)
        return conversation

    @asynccontextmanager
    async def upload(self, caller: Caller, conversation_id: UUID) -> AsyncIterator[Upload]:
        """Receive a file; leaving without `finish` leaves nothing. Raises NotFound, Conflict."""
        if len(await self.files(caller, conversation_id)) >= MOST_FILES:
            raise Conflict(f"A chat may have {MOST_FILES} files. Remove one, or make a collection of them.")
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
        if collection_id is None:
            return ()
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

    async def forget(self, caller: Caller, conversation_id: UUID) -> None:
        """Delete every file of the chat, before the chat itself goes. Raises NotFound."""
        collection_id = await self._repository.collection(caller.viewer, conversation_id)
        if collection_id is None:
            return
        while files := await self.files(caller, conversation_id):
            for file in files:
                await self._knowledge.remove_file(caller, file.file_id)
        await self._knowledge.remove_collection(caller, collection_id)
