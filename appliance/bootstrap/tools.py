"""Joins tools: our own, the MCP door that offers them, and what pipelines may call."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette.types import Receive, Scope, Send

from appliance.api.identity import Identity
from appliance.api.mcp_door import PATH, McpDoor
from appliance.api.pipeline_answers import annotation
from appliance.bootstrap.data import DataRoom
from appliance.bootstrap.knowledge import KnowledgeParts
from appliance.domain.answers import AnswerEvent, AnswerRequest, Citation, Tabled
from appliance.domain.documents import Collection, PageRequest
from appliance.domain.people import Caller
from appliance.ports.tools import Tools
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.chat import Chat
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.passage_links import as_location, passage_link
from appliance.services.table_shapes import as_table
from appliance.services.tools.own import OwnTools
from appliance.tools import ToolParts, load_tools
from rag.documents import Passage

if TYPE_CHECKING:
    from appliance.mcp_server.protocol import McpProtocol

_MOST_COLLECTIONS = 200


class ToolRoom:
    """open() and close() it around everything; attach() the chat before the first call."""

    def __init__(
        self, knowledge: KnowledgeParts, data: DataRoom, identity: Identity, live: LiveRequests
    ) -> None:
        self._knowledge, self._data = knowledge, data
        self._for_clients, self._for_pipelines = OwnTools("mcp"), OwnTools("pipeline")
        self._protocol = _LoadedLate(self._for_clients)
        self.door = McpDoor(identity, live, self._protocol)

    @property
    def tools(self) -> Tools:
        """What pipelines may call."""
        return self._for_pipelines

    def attach(self, chat: Chat) -> None:
        """chat: answers what `ask` and `query_data` ask."""
        shelf = _Shelf(self._knowledge)
        parts = ToolParts(self._knowledge.search, chat, shelf, _Wire(), self._data.desk)
        self._for_pipelines.attach(load_tools(parts))
        self._for_clients.attach(load_tools(replace(parts, answers=_ThroughMcp(chat))))

    async def open(self) -> None:
        """Nothing is loaded until a client asks."""

    async def close(self) -> None:
        await self._protocol.close()


class _ThroughMcp:
    """Asks the chat so that the ledger knows by which door."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def answer(self, caller: Caller, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        return self._chat.answer(caller, request, PATH)


class _LoadedLate:
    """The protocol, loaded in a thread by the first client: the SDK takes a second and most boxes never need it."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._loading: asyncio.Task[McpProtocol] | None = None
        self._running: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, caller: Caller, request_id: str
    ) -> None:
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        protocol = await asyncio.shield(self._loading)
        module = importlib.import_module("appliance.mcp_server.protocol")
        told = {module.CALLER: caller, module.REQUEST_ID: request_id}
        await protocol({**scope, "state": {**scope.get("state", {}), **told}}, receive, send)

    async def _load(self) -> McpProtocol:
        module = await asyncio.to_thread(importlib.import_module, "appliance.mcp_server.protocol")
        protocol: McpProtocol = module.McpProtocol(self._tools)
        ready = asyncio.Event()
        self._running = asyncio.create_task(self._run(protocol, ready))
        await ready.wait()
        return protocol

    async def _run(self, protocol: McpProtocol, ready: asyncio.Event) -> None:
        """In one task: a task group has to be left where it was entered."""
        async with protocol.run():
            ready.set()
            await self._closing.wait()

    async def close(self) -> None:
        self._closing.set()
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)


class _Shelf:
    """Fulfils ports.tools.CollectionShelf."""

    def __init__(self, knowledge: KnowledgeParts) -> None:
        self._knowledge = knowledge.knowledge

    async def seen(self, caller: Caller) -> Sequence[Collection]:
        found, _ = await self._knowledge.collections(caller, PageRequest(_MOST_COLLECTIONS))
        return found


class _Wire:
    """Fulfils ports.tools.Wire."""

    def collection(self, text: str) -> UUID:
        return identifiers.parse(identifiers.COLLECTION, text, "collection_ids")

    def of_collection(self, collection_id: UUID) -> str:
        return identifiers.wire(identifiers.COLLECTION, collection_id)

    def of_passage(self, passage: Passage) -> dict[str, Any]:
        place = Citation(
            0,
            passage.file_id,
            passage.filename,
            "",
            passage.page,
            passage.headings,
            unit=passage.unit,
            label=passage.label,
            ref=passage.ref,
            page_start=passage.start,
            page_end=passage.end,
        )
        return {
            "file_id": identifiers.wire(identifiers.FILE, passage.file_id),
            "filename": passage.filename,
            "collection_id": self.of_collection(passage.collection_id),
            "location": as_location(place),
            "url": passage_link(place),
        }

    def of_citation(self, citation: Citation) -> dict[str, Any]:
        return annotation(citation)

    def of_table(self, table: Tabled) -> dict[str, Any]:
        return as_table(table)
