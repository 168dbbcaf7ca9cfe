"""Files, collections and how far they have been read. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from appliance.domain.people import Viewer

# Files, and the collections they are in ---------------------------------------------------------------

IngestionStatus = Literal["in_progress", "completed", "failed", "cancelled"]
IngestionStage = Literal["waiting", "parsing", "hearing", "embedding", "indexing", "done"]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was uploaded, or that came in another one (its parent); its bytes lie under their SHA-256.

    media_type is a hint from its name, not a promise.
    """

    id: UUID
    owner_id: UUID
    filename: str
    media_type: str
    size_bytes: int
    sha256: bytes
    purpose: str
    created_at: datetime
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """Where a file stands among the files that lie in one another.

    depth: 0 for an uploaded file. count, size_bytes: of all in the outermost one. children: directly inside this one.
    """

    depth: int = 0
    count: int = 0
    size_bytes: int = 0
    children: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose a collection is: one person's, one group's, or (neither is set) everybody's."""

    user_id: UUID | None = None
    group_id: UUID | None = None

    @property
    def is_everybody(self) -> bool:
        return self.user_id is None and self.group_id is None

    @property
    def told(self) -> str:
        """`user:ID`, `group:ID` or `everybody`."""
        if self.is_everybody:
            return "everybody"
        return f"user:{self.user_id}" if self.user_id else f"group:{self.group_id}"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a collection is, and the person's address or the group's name."""

    audience: Audience
    name: str


ReceiptKind = Literal["file", "collection", "user", "conversation"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one deletion removed, as numbers by kind. deleted_by None: the operator at the machine."""

    id: UUID
    kind: ReceiptKind
    subject_id: UUID
    happened_at: datetime
    deleted_by: UUID | None
    removed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Share:
    """A collection that one person or one group may read, or read and write, beside whom it belongs to.

    name: the person's address or the group's name.
    """

    user_id: UUID | None
    group_id: UUID | None
    may_write: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class FileCounts:
    """How many files of a collection or batch are in which state."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        return self.in_progress + self.completed + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class Collection:
    """Files that are searched together. size_bytes counts the files that have been read.

    can_write: the viewer may change what is in it; can_manage: rename, share and delete it. owner_name: the address of
    the person, or the name of the group, whose it is. may_leave: answers made from it may be asked of a cloud.
    """

    id: UUID
    name: str
    audience: Audience
    created_at: datetime
    last_active_at: datetime
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    counts: FileCounts = field(default_factory=FileCounts)
    size_bytes: int = 0
    can_write: bool = True
    can_manage: bool = True
    owner_name: str = ""
    may_leave: bool = False


@dataclass(frozen=True, slots=True)
class CollectionFile:
    """A file in a collection and how far it has been read: progress 0 to 1, the reason where it failed.

    pages_done: pages through the current stage; pages_per_s: since reading began. source: its path in a folder that is
    kept in step. duplicate_of: a file of the same content that is found in its place. inside: files that lie in it.
    heard_s, spoken: a recording's length in seconds, and the language in it (ISO 639-1); while it is heard, pages_done
    counts seconds.
    """

    file_id: UUID
    collection_id: UUID
    filename: str
    status: IngestionStatus
    added_at: datetime
    progress: float = 0.0
    pages: int = 0
    chunks: int = 0
    size_bytes: int = 0
    error_code: str | None = None
    error_message: str | None = None
    attributes: Mapping[str, str | float | bool] = field(default_factory=dict)
    stage: IngestionStage = "waiting"
    notes: Sequence[str] = ()
    pages_done: int = 0
    pages_per_s: float | None = None
    sha256: bytes = b""
    source: str | None = None
    superseded_by: UUID | None = None
    duplicate_of: UUID | None = None
    parent_id: UUID | None = None
    inside: int = 0
    heard_s: float | None = None
    spoken: str | None = None


@dataclass(frozen=True, slots=True)
class RetiredVersion:
    """A file in a collection that a newer version has replaced, and with whose eyes it is removed."""

    collection_id: UUID
    file_id: UUID
    viewer: Viewer


@dataclass(frozen=True, slots=True)
class ReadingProgress:
    """How far a document is: share 0 to 1 of the whole work; pages_done are through this stage."""

    stage: IngestionStage
    share: float = 0.0
    pages_done: int = 0


@dataclass(frozen=True, slots=True)
class FileBatch:
    """Files that were added to a collection together."""

    id: UUID
    collection_id: UUID
    created_at: datetime
    is_cancelled: bool
    counts: FileCounts


@dataclass(frozen=True, slots=True)
class CollectionProgress:
    """How many of a collection's passages have an embedding model's vector."""

    collection_id: UUID
    chunks: int
    done: int
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A slice of a list: the rows after (or before) the one with this id, newest first unless is_ascending."""

    limit: int = 20
    is_ascending: bool = False
    after: UUID | None = None
    before: UUID | None = None


@dataclass(frozen=True, slots=True)
class ReadingTask:
    """A document that a worker is to read. attempts counts this one.

    copy_from: another collection in which the same file has been read already. has_equal: there is another file of
    the same content, which may be found in this collection.
    """

    file: StoredFile
    collection_id: UUID
    attempts: int
    copy_from: UUID | None = None
    has_equal: bool = True
