"""The nouns that every room of the appliance shares. Values only; no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from inference.types import ChatMessage, Usage
from rag.coverage import Coverage
from rag.documents import Location, Passage, Unit, locate
from rag.filters import Filter
from rag.trace import Trace


class Role(StrEnum):
    """What a person may do: an auditor reads usage and audit, an administrator everything but other people's words."""

    ADMIN = "admin"
    USER = "user"
    AUDITOR = "auditor"


Language = Literal["en", "es"]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose eyes the database is read with."""

    user_id: UUID
    group_ids: frozenset[UUID] = frozenset()
    role: Role = Role.USER


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a key may be used for; None means everything its owner may. routes are prefixes such as `/v1/embeddings`."""

    models: frozenset[str] | None = None
    routes: tuple[str, ...] | None = None

    def allow_model(self, model: str) -> bool:
        return self.models is None or model in self.models

    def allow_route(self, path: str) -> bool:
        return self.routes is None or any(
            path == route or path.startswith(route.rstrip("/") + "/") for route in self.routes
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request speaks for, once its credential has been checked. is_batch: lets everybody else go first."""

    user_id: UUID
    email: str
    role: Role = Role.USER
    group_ids: frozenset[UUID] = frozenset()
    key_id: UUID | None = None
    session_id: UUID | None = None
    scopes: Scopes = field(default_factory=Scopes)
    language: Language | None = None
    is_batch: bool = False

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.user_id, self.group_ids, self.role)

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account. weight: the share of the engines, in comparison with others'."""

    id: UUID
    email: str
    name: str
    role: Role
    is_suspended: bool
    language: Language | None
    created_at: datetime
    last_login_at: datetime | None = None
    group_ids: frozenset[UUID] = frozenset()
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Group:
    """People who share collections, and limits. weight None: the group takes no part in sharing the engines."""

    id: UUID
    name: str
    member_ids: frozenset[UUID] = frozenset()
    weight: float | None = None
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is listed: its secret is shown once, at creation, and only a hash is kept."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    scopes: Scopes
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    is_batch: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in as it is listed: the token is known to the browser alone."""

    id: UUID
    user_id: UUID
    user_agent: str
    address: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """What a key or a session proves, as the database knows it now. expires_at None: never."""

    caller: Caller
    expires_at: datetime | None
    is_revoked: bool = False
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """One line of what was done to accounts. actor_id None: the operator at the machine, or nobody signed in."""

    action: str
    actor_id: UUID | None = None
    subject_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""
    happened_at: datetime | None = None
    id: int = 0


# An answer with its sources ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """A question in its conversation; messages end with the question. collection_ids None: all that the caller sees.

    attached: the collection of this chat's own files. only: of files with these attributes.
    """

    messages: Sequence[ChatMessage]
    model: str
    collection_ids: tuple[UUID, ...] | None = None
    language: Language | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    attached: UUID | None = None
    only: Filter | None = None

    @property
    def question(self) -> str:
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim's evidence. quote stands verbatim on its page when is_verified; start and end are offsets in the answer.

    marks: (start, end) offsets within quote of the words that match the question. page_start, page_end: of the quote in
    the page's text. next_page: where the quote runs on, if it does. unit, label, ref: as of a Passage, of the quote.
    """

    index: int
    file_id: UUID
    filename: str
    quote: str
    page: int | None = None
    headings: tuple[str, ...] = ()
    start: int = 0
    end: int = 0
    is_verified: bool = True
    marks: tuple[tuple[int, int], ...] = ()
    chunk_id: int | None = None
    unit: Unit = "page"
    label: str = ""
    ref: str = ""
    page_start: int | None = None
    page_end: int | None = None
    next_page: int | None = None

    @property
    def location(self) -> Location:
        """As the document's format has it: a page, a slide, or a sheet with cells."""
        return locate(self.unit, self.page, self.label, self.ref, self.headings)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The request stands in the queue; position counts from 1, eta_s is None while no rate is known."""

    position: int
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """The documents have been searched; passages best first. notes are codes such as `language_mismatch`."""

    passages: tuple[Passage, ...]
    notes: tuple[str, ...] = ()
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class Cited:
    """The checked citations of the whole answer, and the spans of it that nothing supports."""

    citations: tuple[Citation, ...]
    unsupported: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far work on documents has come before there is text: per cent of a file read, or parts of a summary."""

    stage: Literal["reading", "summarising"]
    done: int
    total: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an answer. kind tells how it came about: written by a model, quoted, or refused for want of evidence.

    dropped_messages: earlier messages of the conversation that did not fit into the model's context.
    """

    kind: Literal["written", "quoted", "refused"]
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    served_by: str = "local:documents"
    model: str = ""
    notes: tuple[str, ...] = ()
    dropped_messages: int = 0
    coverage: tuple[Coverage, ...] = ()


AnswerEvent = TextDelta | Waiting | Searched | Progressed | Cited | Finished


# A turn: one question and the answer that is being written to it --------------------------------------

TurnStatus = Literal["running", "done", "stopped", "failed", "interrupted"]
TurnEventKind = Literal["status", "block", "citations", "done", "error"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A series of turns of one person."""

    id: UUID
    title: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what has become of it. answer is Markdown, as far as it has been saved."""

    id: UUID
    conversation_id: UUID
    question: str
    model: str
    status: TurnStatus
    created_at: datetime
    answer: str = ""
    finished_at: datetime | None = None

    @property
    def is_running(self) -> bool:
        return self.status == "running"


@dataclass(frozen=True, slots=True)
class TurnEvent:
    """One change of what a page shows. It replaces whatever the same kind and slot showed before.

    seq counts from 1 within a turn. slot is the block's index for `block`, else 0.
    """

    seq: int
    kind: TurnEventKind
    slot: int
    data: Mapping[str, Any]

    @property
    def is_end(self) -> bool:
        return self.kind in ("done", "error")


# Files, and the collections they are in ---------------------------------------------------------------

IngestionStatus = Literal["in_progress", "completed", "failed", "cancelled"]
IngestionStage = Literal["waiting", "parsing", "embedding", "indexing", "done"]


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


ReceiptKind = Literal["file", "collection", "user"]


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
    """Files that are searched together. size_bytes counts the files that have been read."""

    id: UUID
    name: str
    audience: Audience
    created_at: datetime
    last_active_at: datetime
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    counts: FileCounts = field(default_factory=FileCounts)
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class CollectionFile:
    """A file in a collection and how far it has been read: progress 0 to 1, the reason where it failed.

    pages_done: pages through the current stage; pages_per_s: since reading began. source: its path in a folder that is
    kept in step. duplicate_of: a file of the same content that is found in its place. inside: files that lie in it.
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
class PageRequest:
    """A slice of a list: the rows after (or before) the one with this id, newest first unless is_ascending."""

    limit: int = 20
    is_ascending: bool = False
    after: UUID | None = None
    before: UUID | None = None


@dataclass(frozen=True, slots=True)
class ReadingTask:
    """A document that a worker is to read. attempts counts this one.

    copy_from: another collection in which the same file has been read already.
    """

    file: StoredFile
    collection_id: UUID
    attempts: int
    copy_from: UUID | None = None
