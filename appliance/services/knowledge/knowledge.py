"""Files, collections and what is in them, as a caller may see and change them. Knows neither SQL nor HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from appliance.domain.documents import (
    Audience,
    Collection,
    CollectionFile,
    FileBatch,
    IngestionStatus,
    PageRequest,
    Receipt,
    StoredFile,
)
from appliance.domain.people import Caller
from appliance.domain.refusals import Told
from appliance.errors import Conflict, NotFound, NotPermitted
from appliance.services.knowledge.identifiers import new_id
from appliance.services.knowledge.ports import (
    Attributes,
    BlobStore,
    CollectionRepository,
    FileRepository,
)
from appliance.services.knowledge.uploads import Upload
from appliance.services.settings import KnowledgeSettings


class Knowledge:
    """The use cases behind `/v1/files` and `/v1/vector_stores`."""

    def __init__(
        self,
        files: FileRepository,
        collections: CollectionRepository,
        blobs: BlobStore,
        settings: KnowledgeSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._files = files
        self._collections = collections
        self._blobs = blobs
        self._settings = settings
        self._now = now

    # Files

    @asynccontextmanager
    async def upload(self, caller: Caller) -> AsyncIterator[Upload]:
        """Receive a file; leaving without `finish` leaves nothing. Raises Conflict at the caller's limit of files."""
        limit = self._settings.max_files_per_user
        if await self._files.count(caller.viewer) >= limit:
            raise Conflict(Told("files_most", most=limit))
        async with self._blobs.writer(self._settings.max_file_mib * 2**20) as writer:
            yield Upload(caller, writer, self._files, self._now)

    async def file(self, caller: Caller, file_id: UUID) -> StoredFile:
        return await self._files.file(caller.viewer, file_id)

    async def files(
        self, caller: Caller, page: PageRequest, purpose: str | None = None
    ) -> tuple[list[StoredFile], bool]:
        return await self._files.files(caller.viewer, page, purpose)

    async def content(
        self, caller: Caller, file_id: UUID, first: int = 0, length: int | None = None
    ) -> tuple[StoredFile, AsyncIterator[bytes]]:
        """The file and its bytes, as they were uploaded: all, or so many from the first on."""
        file = await self._files.file(caller.viewer, file_id)
        if not await self._blobs.has(file.sha256):
            raise NotFound(Told("content_missing"))
        return file, self._blobs.read(file.sha256, first, length)

    async def remove_file(self, caller: Caller, file_id: UUID) -> Receipt:
        """Forget the file, what lies inside, whatever was read from them, and bytes that no other file has."""
        gone, receipt = await self._files.remove_with_receipt(caller.viewer, file_id, self._blobs.pictures)
        await self._blobs.forget_all([file.sha256 for file in gone])
        return receipt

    async def discard_file(self, caller: Caller, file_id: UUID) -> None:
        """The same, and nothing says that it was there."""
        gone = await self._files.remove(caller.viewer, file_id)
        await self._blobs.forget_all([file.sha256 for file in gone])

    # Collections

    async def create(
        self,
        caller: Caller,
        name: str,
        audience: Audience,
        *,
        description: str = "",
        metadata: Mapping[str, str] | None = None,
        additions: Sequence[tuple[UUID, Attributes]] = (),
    ) -> Collection:
        """Raises NotPermitted where the caller may not make a collection of this audience."""
        _require_may_own(caller, audience)
        moment = self._now()
        collection = Collection(
            id=new_id(_ms(moment)),
            name=name,
            audience=audience,
            created_at=moment,
            last_active_at=moment,
            description=description,
            metadata=metadata or {},
        )
        for file_id, _ in additions:  # before the collection exists, so that a wrong id leaves none behind
            await self._require_own(caller, file_id)
        await self._collections.add(caller.viewer, collection)
        if not additions:
            return collection
        await self._collections.attach(caller.viewer, collection.id, additions)
        return await self.collection(caller, collection.id)

    async def collection(self, caller: Caller, collection_id: UUID) -> Collection:
        return await self._collections.collection(caller.viewer, collection_id)

    async def collections(self, caller: Caller, page: PageRequest) -> tuple[list[Collection], bool]:
        return await self._collections.collections(caller.viewer, page)

    async def change(
        self,
        caller: Caller,
        collection_id: UUID,
        *,
        name: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Collection:
        """None leaves a field as it is."""
        await self._collections.change(caller.viewer, collection_id, name, description, metadata)
        return await self.collection(caller, collection_id)

    async def remove_collection(self, caller: Caller, collection_id: UUID) -> Receipt:
        """The files in it stay their owners'."""
        return await self._collections.remove(caller.viewer, collection_id)

    async def remove_collection_with_files(
        self, caller: Caller, collection_id: UUID
    ) -> tuple[Receipt, Mapping[str, int]]:
        """And the caller's own files that are in no other one; returns its receipt, and all that went.

        Every file has a receipt of its own.
        """
        receipt, removed, unused = await self._collections.remove_with_files(
            caller.viewer, collection_id, self._blobs.pictures
        )
        await self._blobs.forget_all(unused)
        return receipt, removed

    # What is in a collection

    async def attach(
        self,
        caller: Caller,
        collection_id: UUID,
        file_id: UUID,
        attributes: Attributes | None = None,
        *,
        source: str | None = None,
        replaces: UUID | None = None,
    ) -> CollectionFile:
        """Have a file of the caller's own read into a collection.

        source: its path, in a folder that is kept in step; replaces: a file there of which it is a newer version. What
        was read before is found until the new version is.
        """
        if replaces is not None:
            source = await self._collections.source(caller.viewer, collection_id, replaces)
        sources = {file_id: source} if source else {}
        additions = [(file_id, attributes or {})]
        await self._collections.attach(caller.viewer, collection_id, additions, sources=sources)
        return await self.attached(caller, collection_id, file_id)

    async def attached(self, caller: Caller, collection_id: UUID, file_id: UUID) -> CollectionFile:
        return await self._collections.attached(caller.viewer, collection_id, file_id)

    async def all_attached(
        self,
        caller: Caller,
        collection_id: UUID,
        page: PageRequest,
        status: IngestionStatus | None = None,
        batch_id: UUID | None = None,
    ) -> tuple[list[CollectionFile], bool]:
        if batch_id is not None:
            await self._collections.batch(caller.viewer, collection_id, batch_id)
        return await self._collections.all_attached(caller.viewer, collection_id, page, status, batch_id)

    async def attributes(
        self, caller: Caller, collection_id: UUID, file_ids: Sequence[UUID]
    ) -> dict[UUID, Attributes]:
        """What the owners noted on these files."""
        return await self._collections.attributes(caller.viewer, collection_id, file_ids)

    async def annotate(
        self, caller: Caller, collection_id: UUID, file_id: UUID, attributes: Attributes
    ) -> CollectionFile:
        await self._collections.annotate(caller.viewer, collection_id, file_id, attributes)
        return await self.attached(caller, collection_id, file_id)

    async def detach(self, caller: Caller, collection_id: UUID, file_id: UUID) -> None:
        await self._collections.detach(caller.viewer, collection_id, file_id)

    async def retry(self, caller: Caller, collection_id: UUID, file_id: UUID) -> CollectionFile:
        """Read a document again that failed or was cancelled; any other stays as it is."""
        await self._collections.retry(caller.viewer, collection_id, file_id)
        return await self.attached(caller, collection_id, file_id)

    async def retry_failed(self, caller: Caller, collection_id: UUID) -> int:
        """Read everything again that failed; returns how many documents."""
        return await self._collections.retry(caller.viewer, collection_id)

    async def cancel(self, caller: Caller, collection_id: UUID, file_id: UUID) -> CollectionFile:
        """Stop reading a document, and what lies inside of it; one that has been read stays as it is."""
        await self._collections.cancel(caller.viewer, collection_id, file_id)
        return await self.attached(caller, collection_id, file_id)

    async def attach_batch(
        self, caller: Caller, collection_id: UUID, additions: Sequence[tuple[UUID, Attributes]]
    ) -> FileBatch:
        batch_id = new_id(_ms(self._now()))
        await self._collections.attach(caller.viewer, collection_id, additions, batch_id)
        return await self.batch(caller, collection_id, batch_id)

    async def batch(self, caller: Caller, collection_id: UUID, batch_id: UUID) -> FileBatch:
        return await self._collections.batch(caller.viewer, collection_id, batch_id)

    async def cancel_batch(self, caller: Caller, collection_id: UUID, batch_id: UUID) -> FileBatch:
        await self._collections.cancel_batch(caller.viewer, collection_id, batch_id)
        return await self.batch(caller, collection_id, batch_id)

    async def _require_own(self, caller: Caller, file_id: UUID) -> None:
        file = await self._files.file(caller.viewer, file_id)
        if file.owner_id != caller.user_id:
            raise NotPermitted(Told("file_not_own"), param="file_ids")


def _require_may_own(caller: Caller, audience: Audience) -> None:
    if audience.is_everybody and not caller.is_admin:
        raise NotPermitted(Told("collection_everybody"), param="owner")
    if audience.group_id is not None and audience.group_id not in caller.group_ids:
        raise NotFound(Told("group_not_own"), param="owner")


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
