"""Neighbours of the pipelines that read whole documents: a shelf of them, and an engine whose every prompt is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from uuid import UUID, uuid4

from appliance.domain.answers import Finished, TextDelta
from appliance.domain.documents import CollectionFile, IngestionStatus
from appliance.domain.people import Caller
from inference.types import (
    ChatChunk,
    EngineLoad,
    EngineRequest,
    EngineResponse,
    ModelInfo,
    Usage,
)
from rag.documents import Page, Passage, SearchResult, WholeDocument

COLLECTION = UUID(int=11)
CALLER = Caller(uuid4(), "ana@example.com")

Reply = Callable[[EngineRequest], str | Exception]


def document(*pages: str, filename: str = "report.pdf") -> WholeDocument:
    """A document with these pages, a passage a paragraph."""
    file_id = uuid4()
    passages = []
    for number, text in enumerate(pages, start=1):
        at = 0
        for paragraph in text.split("\n"):
            if paragraph.strip():
                place = text.index(paragraph, at)
                at = place + len(paragraph)
                passages.append(
                    Passage(
                        len(passages) + 1,
                        file_id,
                        filename,
                        COLLECTION,
                        paragraph,
                        number,
                        place,
                        at,
                        (),
                        "en",
                    )
                )
    numbered = tuple(Page(number, text) for number, text in enumerate(pages, start=1))
    return WholeDocument(file_id, filename, numbered, tuple(passages))


class ShelfOf:
    """Fulfils ports.Documents and ports.Search over these documents; unread: further files with their state."""

    def __init__(self, *documents: WholeDocument, unread: Sequence[tuple[str, IngestionStatus]] = ()) -> None:
        self.documents = {one.file_id: one for one in documents}
        self.unread = list(unread)
        self.found: list[Passage] = []
        self.questions: list[tuple[str, Sequence[UUID] | None]] = []
        self.looks = 0

    async def listed(self, caller: Caller, collection_id: UUID) -> Sequence[CollectionFile]:
        """A file that is being read is done at the third look."""
        self.looks += 1
        moment = datetime.now(UTC)
        read = [
            CollectionFile(
                one.file_id, collection_id, one.filename, "completed", moment, 1.0, chunks=len(one.passages)
            )
            for one in self.documents.values()
        ]
        if self.looks == 3:
            self.unread = [
                (name, "failed" if state == "in_progress" else state) for name, state in self.unread
            ]
        return [
            *read,
            *(
                CollectionFile(uuid4(), collection_id, name, state, moment, 0.4)
                for name, state in self.unread
            ),
        ]

    async def whole(self, caller: Caller, collection_id: UUID, file_id: UUID) -> WholeDocument:
        return self.documents[file_id]

    async def search(
        self,
        caller: Caller,
        question: str,
        collection_ids: Sequence[UUID] | None,
        limit: int,
        **more: object,
    ) -> SearchResult:
        self.questions.append((question, collection_ids))
        return SearchResult(self.found[:limit], "en", is_relevant=bool(self.found))

    async def surroundings(self, caller: Caller, passages: Sequence[Passage], reach: int) -> list[Passage]:
        return list(passages)

    async def page_text(self, caller: Caller, file_id: UUID, page: int | None) -> str | None:
        found = await self.page(caller, file_id, page)
        return found.text if found else None

    async def page(self, caller: Caller, file_id: UUID, page: int | None) -> Page | None:
        pages = self.documents[file_id].pages if file_id in self.documents else ()
        return next((one for one in pages if one.number == page), None)


class Answering:
    """A chat engine that keeps what it was asked; reply says what comes back. gives_way: how many calls did."""

    name = "scripted"

    def __init__(self, reply: Reply, context_tokens: int = 2048) -> None:
        self.reply = reply
        self.context_tokens = context_tokens
        self.requests: list[EngineRequest] = []
        self.running = self.most_running = self.gave_way = 0
        self.hold: asyncio.Event | None = None

    def giving_way(self) -> Answering:
        self.gave_way += 1
        return self

    async def models(self) -> list[ModelInfo]:
        return [ModelInfo(self.name, context_tokens=self.context_tokens)]

    def relay(self, request: EngineRequest) -> AbstractAsyncContextManager[EngineResponse]:
        raise AssertionError("a pipeline streams")

    async def stream(self, request: EngineRequest) -> AsyncGenerator[ChatChunk, None]:
        self.requests.append(request)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.hold is not None:
                await self.hold.wait()
            await asyncio.sleep(0)
            reply = self.reply(request)
            if isinstance(reply, Exception):
                raise reply
            yield ChatChunk(reply)
            yield ChatChunk("", "stop", Usage(10, 5))
        finally:
            self.running -= 1

    async def load(self) -> EngineLoad:
        return EngineLoad()

    async def count_tokens(self, model: str, text: str) -> int | None:
        return len(text.split()) * 4 // 3

    async def close(self) -> None: ...


def text_of(events: Sequence[object]) -> str:
    """Everything that was written."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def end_of(events: Sequence[object]) -> Finished:
    """The last event."""
    assert isinstance(events[-1], Finished)
    return events[-1]
