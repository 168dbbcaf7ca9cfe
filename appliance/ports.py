"""What the use cases need from outside; storage, queues and pipelines fulfil these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from appliance.domain.answers import AnswerEvent, AnswerRequest, Cited
from appliance.domain.conversations import ContextUse, FittedChat
from appliance.domain.documents import CollectionFile, IngestionStatus, StoredFile
from appliance.domain.origins import Origins
from appliance.domain.people import Caller, Language, Role, Scopes, Theme, User, Viewer
from inference.ports import ChatEngine
from inference.types import ChatMessage
from rag.analysis import Analyzer
from rag.documents import Page, Passage, SearchResult, WholeDocument
from rag.filters import Filter
from rag.ports import Scope
from rag.quoter import Quoter

INGEST_JOB = "ingest"  # a document is to be read into a collection

JobHandler = Callable[[Mapping[str, Any]], Awaitable[None]]


class RetryLater(Exception):
    """A job could not be done for a reason that passes; raised by its handler. delay_s: when to try again."""

    def __init__(self, delay_s: float) -> None:
        super().__init__(f"again in {delay_s:.1f} s")
        self.delay_s = delay_s


class ReadingStopped(Exception):
    """The document that is being read is not wanted any more: it was removed, or reading it was cancelled."""


class ConversationMoved(Exception):
    """Another question was asked in the conversation meanwhile: it does not stand where the new one was to follow."""


class JobQueue(Protocol):
    """Durable work for the worker process; a handler may run again after a crash, so it must bear that."""

    async def enqueue(self, task: str, payload: Mapping[str, Any], *, lock: str | None = None) -> int:
        """Returns the job's number. Jobs with the same lock run one after the other."""
        ...

    async def cancel(self, job_id: int) -> None: ...


class Search(Protocol):
    """Passages from what the caller may see. Raises NotFound for a collection that is not theirs to see.

    only: of files whose attributes fulfil it. also: other wordings of the question, searched beside it.
    """

    async def search(
        self,
        caller: Caller,
        question: str,
        collection_ids: Sequence[UUID] | None,
        limit: int,
        *,
        only: Filter | None = None,
        also: Sequence[str] = (),
    ) -> SearchResult: ...

    async def surroundings(self, caller: Caller, passages: Sequence[Passage], reach: int) -> list[Passage]:
        """The same passages with the text around them, as far as it belongs to the same section."""
        ...

    async def page_text(self, caller: Caller, file_id: UUID, page: int | None) -> str | None:
        """The page as quotes are checked against it; None where the caller may not see it."""
        ...

    async def page(self, caller: Caller, file_id: UUID, number: int | None) -> Page | None:
        """The same with its anchors."""
        ...


class Documents(Protocol):
    """Whole documents of a collection, as the caller may see them. Raises NotFound."""

    async def listed(self, caller: Caller, collection_id: UUID) -> Sequence[CollectionFile]:
        """What is in it, in the order it was added, whatever state it is in."""
        ...

    async def whole(self, caller: Caller, collection_id: UUID, file_id: UUID) -> WholeDocument:
        """A document that has been read."""
        ...


@runtime_checkable
class GivesWay(Protocol):
    """An engine whose calls can stand behind everybody's who is waiting at a screen."""

    def giving_way(self) -> ChatEngine: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be searched for a chat. least_score: 0 to 1 within one search. only: by the files' attributes."""

    collection_ids: tuple[UUID, ...]
    most_results: int
    least_score: float = 0.0
    only: Filter | None = None


class Grounding(Protocol):
    """Passages beside somebody's own chat; for the doors whose clients keep their conversation themselves."""

    async def searched(
        self,
        caller: Caller,
        said: Sequence[ChatMessage],
        wanted: Wanted,
        engine: ChatEngine,
        request_id: str,
        origins: Origins,
    ) -> tuple[str, SearchResult]:
        """What was searched for and found for the last question of a conversation. origins: of what was said.

        Raises NotFound for a collection that the caller does not see.
        """
        ...

    async def grounded(
        self, payload: Mapping[str, Any], question: str, passages: Sequence[Passage], engine: ChatEngine
    ) -> tuple[list[Mapping[str, Any]], tuple[Passage, ...]]:
        """The chat's messages with the passages that fit, and which those are. Raises QuestionTooLong."""
        ...

    async def checked(self, caller: Caller, written: str, passages: Sequence[Passage]) -> Cited:
        """The verified citations of an answer, and the spans of it that nothing supports."""
        ...


@dataclass(frozen=True, slots=True)
class PipelineParts:
    """What pipelines may be made from."""

    quoter: Quoter
    analyzer: Analyzer
    documents: Documents


class Pipeline(Protocol):
    """A way to answer that is offered as a model name. engine is None where no chat engine is connected."""

    name: str

    def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> AsyncIterator[AnswerEvent]: ...


class Answerer(Protocol):
    """Any model name that a person may ask, pipeline or engine, as one stream of events."""

    def answer(self, caller: Caller, request: AnswerRequest) -> AsyncIterator[AnswerEvent]: ...


class HistoryFitting(Protocol):
    """A plain chat cut to what its model really reads. Raises QuestionTooLong where not even the question fits."""

    async def fitted(self, engine: ChatEngine, request: AnswerRequest) -> FittedChat: ...

    async def measured(self, engine: ChatEngine | None, request: AnswerRequest) -> ContextUse:
        """What would be sent; None: nobody reads it, and nobody counts."""
        ...


@dataclass(frozen=True, slots=True)
class PreferenceChanges:
    """None: as it is."""

    theme: Theme | None = None
    instructions: str | None = None
    has_shortcuts: bool | None = None


class Instructions(Protocol):
    """What a person wants every answer to heed; empty where they said nothing."""

    async def of(self, viewer: Viewer) -> str: ...


class ContextMeter(Protocol):
    """How much of a model's context a conversation fills."""

    async def context(self, caller: Caller, request: AnswerRequest) -> ContextUse:
        """messages end with the question to come, which may be empty. Raises NotPermitted, ModelNotFound."""
        ...


class ViewedDatabase(Protocol):
    """A database that can be read with somebody's eyes only (row-level security)."""

    def viewing(self, viewer: Viewer) -> AbstractAsyncContextManager[Any]: ...

    def scope(self, viewer: Viewer, collection_ids: Sequence[UUID]) -> Scope: ...


# What the accounts hand to be kept; their repositories are in services/accounts/ports.py -----------------

LinkKind = Literal["invitation", "password_reset"]


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Whom a list of people holds. words: all of them stand in the name, the address or a group's name, folded.

    role: of those who are not suspended; is_suspended None: suspended or not.
    """

    words: tuple[str, ...] = ()
    role: Role | None = None
    is_suspended: bool | None = None


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person to be added. email_key is the normalised address that is compared."""

    email: str
    email_key: str
    name: str = ""
    role: Role = Role.USER
    password_hash: str | None = None
    language: Language | None = None


class Keep(Enum):
    """Leave a field as it is, where None is a value of its own."""

    AS_IT_IS = "as it is"


@dataclass(frozen=True, slots=True)
class GroupChanges:
    """What is to be different about a group. weight None: it takes no part in sharing; parent_id None: none above."""

    name: str | None = None
    weight: float | Keep | None = Keep.AS_IT_IS
    parent_id: UUID | Keep | None = Keep.AS_IT_IS


@dataclass(frozen=True, slots=True, repr=False)
class ProviderProof:
    """What the company's identity provider left with a sign-in; both tokens are sealed.

    next_check_at None: it cannot be asked again. provider_session: its name for the sign-in, empty where it has none.
    """

    issuer: str
    subject: str
    provider_session: str
    id_token: bytes
    refresh_token: bytes | None
    next_check_at: datetime | None


@dataclass(frozen=True, slots=True)
class IdentityLink:
    """An account and whom it stands for at the provider. given: groups of ours that the provider put them in."""

    user: User
    issuer: str
    subject: str
    given: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class ProvenSession:
    """A sign-in that the provider vouched for. failing_since: it has not answered about it since then."""

    session_id: UUID
    user_id: UUID
    proof: ProviderProof
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in to be kept. proof: of who signed in with the company's account."""

    user_id: UUID
    token_hash: bytes
    user_agent: str
    address: str
    created_at: datetime
    expires_at: datetime
    ends_at: datetime
    proof: ProviderProof | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be kept."""

    user_id: UUID
    name: str
    prefix: str
    secret_hash: bytes
    scopes: Scopes
    created_at: datetime
    expires_at: datetime | None
    is_batch: bool = False
    stays_local: bool = False
    allows_smaller: bool = True


@dataclass(frozen=True, slots=True)
class NewLink:
    """A one-time link to be kept."""

    kind: LinkKind
    user_id: UUID
    token_hash: bytes
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime


# A document as a whole, as whoever may see it is told of it ----------------------------------------------


@dataclass(frozen=True, slots=True)
class Membership:
    """A document in a collection: how far it has been read there, and what came of it. is_chat: dropped into a chat."""

    collection_id: UUID
    name: str
    status: IngestionStatus
    stage: str
    progress: float
    pages: int
    chunks: int
    added_at: datetime
    notes: Sequence[Any] = ()
    error_code: str | None = None
    error_message: str | None = None
    source: str | None = None
    superseded_by: UUID | None = None
    superseded_at: datetime | None = None
    attributes: Mapping[str, str | float | bool] = field(default_factory=dict)
    is_chat: bool = False
    heard_s: float | None = None
    spoken: str | None = None


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """The parts of a recording in order; how long it is and the language in it, where that is known."""

    pages: Sequence[Page]
    heard_s: float | None = None
    spoken: str | None = None


@dataclass(frozen=True, slots=True)
class PageName:
    """A page as it is found: number counts from 1, also where the format itself has no pages."""

    number: int
    unit: str
    label: str


@dataclass(frozen=True, slots=True)
class Relative:
    """A document inside of another, or the one it is inside of."""

    file_id: UUID
    filename: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    """Another version of the same source in the same collection. superseded_at None: the one that is found."""

    file_id: UUID
    filename: str
    collection_id: UUID
    added_at: datetime
    superseded_at: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentCard:
    """All of it that the viewer may see."""

    file: StoredFile
    memberships: tuple[Membership, ...] = ()
    pages: tuple[PageName, ...] = ()
    children: tuple[Relative, ...] = ()
    versions: tuple[Version, ...] = ()
    parent: Relative | None = None
