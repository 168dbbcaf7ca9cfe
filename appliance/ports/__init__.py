"""What the use cases need from outside; storage, queues and pipelines fulfil these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from appliance.domain.answers import AnswerEvent, AnswerRequest, Cited
from appliance.domain.conversations import ContextUse, FittedChat
from appliance.domain.documents import CollectionFile
from appliance.domain.origins import Origins
from appliance.domain.people import Caller, Theme, Viewer
from appliance.ports.data import DataDesk, SavedQuestions
from appliance.ports.prompts import Prompts
from appliance.ports.tools import Tools
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
    """What pipelines may be made from. data, saved None: there are no tables to ask here.

    prompts None: the shipped ones.
    """

    quoter: Quoter
    analyzer: Analyzer
    documents: Documents
    data: DataDesk | None = None
    saved: SavedQuestions | None = None
    tools: Tools | None = None
    prompts: Prompts | None = None


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
