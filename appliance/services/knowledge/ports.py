"""What the knowledge use cases need from outside: rows, bytes, readers and the index."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from appliance.domain.documents import (
    Collection,
    CollectionFile,
    Family,
    FileBatch,
    IngestionStatus,
    PageRequest,
    ReadingProgress,
    ReadingTask,
    Receipt,
    RetiredVersion,
    StoredFile,
)
from appliance.domain.people import Viewer
from rag.ports import Scope

Attributes = Mapping[str, str | float | bool]


class FileRepository(Protocol):
    """Where files are recorded. Everything raises NotFound for what the viewer may not see."""

    async def add(self, viewer: Viewer, file: StoredFile, place: Callable[[], Awaitable[None]]) -> None:
        """Record a file and put its bytes in place, both or neither."""
        ...

    async def file(self, viewer: Viewer, file_id: UUID) -> StoredFile: ...

    async def files(
        self, viewer: Viewer, page: PageRequest, purpose: str | None
    ) -> tuple[list[StoredFile], bool]:
        """The viewer's own files, and whether there are more."""
        ...

    async def count(self, viewer: Viewer) -> int:
        """How many files the viewer owns."""
        ...

    async def remove(self, viewer: Viewer, file_id: UUID) -> list[StoredFile]:
        """Forget a file, what lies inside of it and everything that was read from them; returns all of them.

        Raises NotPermitted for a file of somebody else.
        """
        ...

    async def remove_with_receipt(
        self, viewer: Viewer, file_id: UUID, pictures: Callable[[bytes], int]
    ) -> tuple[list[StoredFile], Receipt]:
        """The same, told in a receipt. pictures: how many pages of a content are kept as pictures."""
        ...


class CollectionRepository(Protocol):
    """Where collections and what is in them are recorded. NotFound for what the viewer may not see."""

    async def add(self, viewer: Viewer, collection: Collection) -> None: ...

    async def collection(self, viewer: Viewer, collection_id: UUID) -> Collection: ...

    async def collections(self, viewer: Viewer, page: PageRequest) -> tuple[list[Collection], bool]: ...

    async def visible_ids(self, viewer: Viewer, wanted: Sequence[UUID] | None) -> tuple[UUID, ...]:
        """wanted, or all that the viewer sees. Raises NotFound if one of wanted is not among them."""
        ...

    async def searched_ids(self, viewer: Viewer) -> tuple[UUID, ...]:
        """What the viewer sees but for the files of their chats, which are searched in their chat alone."""
        ...

    async def change(
        self,
        viewer: Viewer,
        collection_id: UUID,
        name: str | None,
        description: str | None,
        metadata: Mapping[str, str] | None,
    ) -> None:
        """None leaves a field as it is. Raises NotPermitted where the viewer may only read."""
        ...

    async def remove(self, viewer: Viewer, collection_id: UUID) -> Receipt: ...

    async def remove_with_files(
        self, viewer: Viewer, collection_id: UUID, pictures: Callable[[bytes], int]
    ) -> tuple[Receipt, Mapping[str, int], Sequence[bytes]]:
        """And the viewer's own files that are only in it, each with a receipt of its own; all at once or nothing.

        Returns the collection's receipt, all that went, and the contents that no file has any more. pictures: how many
        pages of a content are kept as pictures.
        """
        ...

    async def attach(
        self,
        viewer: Viewer,
        collection_id: UUID,
        additions: Sequence[tuple[UUID, Attributes]],
        batch_id: UUID | None = None,
        sources: Mapping[UUID, str] = ...,
    ) -> None:
        """Add files of the viewer's own and the jobs that read them, in one transaction.

        A file that is there already is read again only if it failed or was cancelled. sources: of which path a file
        is a version; what was read of that path before is found until the new version is.
        """
        ...

    async def source(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> str:
        """Of what a file is a version."""
        ...

    async def retry(self, viewer: Viewer, collection_id: UUID, file_id: UUID | None = None) -> int:
        """Read one document again that failed or was cancelled, or all that failed; returns how many."""
        ...

    async def cancel(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> None:
        """A document that has not been read yet, and what lies inside of it, is not going to be."""
        ...

    async def attached(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> CollectionFile: ...

    async def all_attached(
        self,
        viewer: Viewer,
        collection_id: UUID,
        page: PageRequest,
        status: IngestionStatus | None = None,
        batch_id: UUID | None = None,
    ) -> tuple[list[CollectionFile], bool]: ...

    async def attributes(
        self, viewer: Viewer, collection_id: UUID, file_ids: Sequence[UUID]
    ) -> dict[UUID, Attributes]: ...

    async def annotate(
        self, viewer: Viewer, collection_id: UUID, file_id: UUID, attributes: Attributes
    ) -> None: ...

    async def detach(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> None:
        """Take a file out of a collection and out of its index; the file itself stays."""
        ...

    async def batch(self, viewer: Viewer, collection_id: UUID, batch_id: UUID) -> FileBatch: ...

    async def cancel_batch(self, viewer: Viewer, collection_id: UUID, batch_id: UUID) -> None:
        """What has not been read yet is not going to be."""
        ...


class ReadingRepository(Protocol):
    """How far each document has been read; with its owner's eyes."""

    async def begin(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> ReadingTask | None:
        """None: there is nothing to do any more."""
        ...

    async def advance(
        self, viewer: Viewer, collection_id: UUID, file_id: UUID, progress: ReadingProgress
    ) -> None: ...

    async def wait(self, viewer: Viewer, collection_id: UUID, file_id: UUID, reason: str) -> None:
        """It is tried again later, and this try does not count; the reason is told until then."""
        ...

    async def note(self, viewer: Viewer, collection_id: UUID, file_id: UUID, notes: Sequence[str]) -> None:
        """Keep what the owner should know of the reading, instead of what was kept before."""
        ...

    async def heard(
        self, viewer: Viewer, collection_id: UUID, file_id: UUID, heard_s: float, spoken: str | None
    ) -> None:
        """How long a recording is, and the language in it."""
        ...

    async def fail(
        self,
        viewer: Viewer,
        collection_id: UUID,
        file_id: UUID,
        code: str,
        message: str,
        notes: Sequence[str] = (),
    ) -> None:
        """notes: what the message says beside its code, where that is known by a code too."""
        ...

    def scope(self, viewer: Viewer, collection_id: UUID, file_id: UUID) -> Scope:
        """Transactions in which the index may be changed: only while the document is wanted (else ReadingStopped)."""
        ...

    async def family(self, viewer: Viewer, file_id: UUID) -> Family: ...

    async def add_child(
        self, viewer: Viewer, collection_id: UUID, child: StoredFile, place: Callable[[], Awaitable[None]]
    ) -> None:
        """Register a file that lies in its parent, once, and the job that reads it, while the parent is wanted."""
        ...


class RetiredRepository(Protocol):
    """Versions that newer ones have replaced."""

    async def before(self, moment: datetime) -> Sequence[RetiredVersion]:
        """Some of those that were replaced earlier, the oldest first."""
        ...

    async def is_elsewhere(self, version: RetiredVersion) -> bool:
        """Whether another collection has the file too."""
        ...

    async def forget(self, version: RetiredVersion) -> None:
        """It is not to be removed by itself any more."""
        ...


class UploadWriter(Protocol):
    """Receives one upload; unless `place` was called, it is gone at the end."""

    size_bytes: int

    async def write(self, data: bytes) -> None: ...

    async def finish(self) -> bytes:
        """Returns the SHA-256 of what is safely on the disk now."""
        ...

    async def place(self) -> None: ...


class BlobStore(Protocol):
    """Where the bytes of files lie, each content once."""

    def writer(self, max_bytes: int) -> AbstractAsyncContextManager[UploadWriter]: ...

    async def has(self, sha256: bytes) -> bool: ...

    def read(self, sha256: bytes, first: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """From a byte on, so many bytes or all."""
        ...

    def path(self, sha256: bytes) -> Path: ...

    def pictures(self, sha256: bytes) -> int:
        """How many pictures of its pages are kept; they go with the content."""
        ...

    async def forget(self, sha256: bytes) -> bool:
        """Remove the content if no file needs it any more."""
        ...

    async def forget_all(self, hashes: Sequence[bytes]) -> int:
        """Of these contents those that no file needs any more; returns how many."""
        ...

    async def sweep(self) -> int:
        """Remove what crashes have left; returns how many."""
        ...
