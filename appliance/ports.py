"""What the use cases need from outside; storage, queues and pipelines fulfil these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal, Protocol
from uuid import UUID

from appliance.domain import AnswerEvent, AnswerRequest, Caller, Language, Role, Scopes, Viewer
from inference.ports import ChatEngine
from rag.documents import SearchResult
from rag.ports import Scope

INGEST_JOB = "ingest"  # a document is to be read into a collection

JobHandler = Callable[[Mapping[str, Any]], Awaitable[None]]


class RetryLater(Exception):
    """A job could not be done for a reason that passes; raised by its handler. delay_s: when to try again."""

    def __init__(self, delay_s: float) -> None:
        super().__init__(f"again in {delay_s:.1f} s")
        self.delay_s = delay_s


class ReadingStopped(Exception):
    """The document that is being read is not wanted any more: it was removed, or reading it was cancelled."""


class JobQueue(Protocol):
    """Durable work for the worker process; a handler may run again after a crash, so it must bear that."""

    async def enqueue(self, task: str, payload: Mapping[str, Any], *, lock: str | None = None) -> int:
        """Returns the job's number. Jobs with the same lock run one after the other."""
        ...

    async def cancel(self, job_id: int) -> None: ...


class Search(Protocol):
    """Passages from what the caller may see. Raises NotFound for a collection that is not theirs to see."""

    async def search(
        self, caller: Caller, question: str, collection_ids: Sequence[UUID] | None, limit: int
    ) -> SearchResult: ...

    async def page_text(self, caller: Caller, file_id: UUID, page: int | None) -> str | None:
        """The page as quotes are checked against it; None where the caller may not see it."""
        ...


class Pipeline(Protocol):
    """A way to answer that is offered as a model name. engine is None where no chat engine is connected."""

    name: str

    def answer(
        self, caller: Caller, request: AnswerRequest, engine: ChatEngine | None, search: Search
    ) -> AsyncIterator[AnswerEvent]: ...


class Answerer(Protocol):
    """Any model name that a person may ask, pipeline or engine, as one stream of events."""

    def answer(self, caller: Caller, request: AnswerRequest) -> AsyncIterator[AnswerEvent]: ...


class ViewedDatabase(Protocol):
    """A database that can be read with somebody's eyes only (row-level security)."""

    def viewing(self, viewer: Viewer) -> AbstractAsyncContextManager[Any]: ...

    def scope(self, viewer: Viewer, collection_ids: Sequence[UUID]) -> Scope: ...


# What the accounts hand to be kept; their repositories are in services/accounts/ports.py -----------------

LinkKind = Literal["invitation", "password_reset"]


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


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in to be kept."""

    user_id: UUID
    token_hash: bytes
    user_agent: str
    address: str
    created_at: datetime
    expires_at: datetime
    ends_at: datetime


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


@dataclass(frozen=True, slots=True)
class NewLink:
    """A one-time link to be kept."""

    kind: LinkKind
    user_id: UUID
    token_hash: bytes
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """A response to be kept. thread_id: its conversation; items, body: its own input and the whole object, as JSON."""

    id: UUID
    thread_id: UUID
    previous_id: UUID | None
    created_at: datetime
    items: bytes
    body: bytes
