"""Joins tools: our own, the MCP door that offers them, and what pipelines may call."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fastapi import APIRouter
from redis.asyncio import Redis
from starlette.types import Receive, Scope, Send

from appliance.api.identity import Identity
from appliance.api.mcp_door import PATH, McpDoor
from appliance.api.pipeline_answers import annotation
from appliance.api.tool_servers import tool_routes, tool_server_routes
from appliance.bootstrap.box import Box
from appliance.bootstrap.data import DataRoom
from appliance.bootstrap.egress import way_out
from appliance.bootstrap.knowledge import KnowledgeParts
from appliance.bootstrap.tool_strangers import KnownStrangers
from appliance.domain.answers import AnswerEvent, AnswerRequest, Citation, Tabled
from appliance.domain.documents import Collection, PageRequest
from appliance.domain.people import Caller
from appliance.fairness.background import end
from appliance.ports.tools import Tools
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.chat import Chat
from appliance.services.knowledge import identifiers
from appliance.services.knowledge.passage_links import as_location, passage_link
from appliance.services.table_shapes import as_table
from appliance.services.tools.calling import SharedTools
from appliance.services.tools.cancelling import Cancellations
from appliance.services.tools.consent import Consents
from appliance.services.tools.desk import ToolDesk
from appliance.services.tools.own import OwnTools
from appliance.storage.database import Database
from appliance.storage.leaving import PostgresLeaving
from appliance.storage.tool_servers import PostgresToolServers
from appliance.storage.tool_use import PostgresToolUse
from appliance.tools import ToolParts, load_tools
from inference.personal_data.patterns import PatternDetector
from rag.documents import Passage

if TYPE_CHECKING:
    from appliance.mcp_server.protocol import McpProtocol

_MOST_COLLECTIONS = 200


class ToolRoom:
    """open() and close() it around everything; attach() the chat before the first call."""

    def __init__(
        self,
        box: Box,
        database: Database,
        valkey: Redis,
        knowledge: KnowledgeParts,
        data: DataRoom,
        identity: Identity,
        live: LiveRequests,
    ) -> None:
        self._knowledge, self._data, self._identity = knowledge, data, identity
        settings, out = box.settings.tools, way_out(box)
        secrets = Path(settings.secrets_folder) if settings.secrets_folder else box.data / "tool-secrets"
        strangers = KnownStrangers(out, settings, secrets)
        use = PostgresToolUse(database)
        self._consents = Consents(valkey, use, patience_s=settings.consent_timeout_s)
        self._desk = ToolDesk(PostgresToolServers(database), strangers)
        self._own = {"mcp": OwnTools("mcp"), "pipeline": OwnTools("pipeline")}
        shared = partial(
            SharedTools,
            use=use,
            strangers=strangers,
            consents=self._consents,
            leaving=PostgresLeaving(database),
            detector=PatternDetector(),
        )
        self.tools: Tools = shared(self._own["pipeline"], via="pipeline", offers_strangers=True)
        """What pipelines may call."""
        self._protocol = _LoadedLate(shared(self._own["mcp"], via="mcp", offers_strangers=False))
        self._cancellations = Cancellations(valkey)
        self._listening: asyncio.Task[None] | None = None
        self.door = McpDoor(identity, live, self._protocol, self._cancellations)

    def attach(self, chat: Chat) -> None:
        """chat: answers what `ask` and `query_data` ask."""
        parts = ToolParts(self._knowledge.search, chat, _Shelf(self._knowledge), _Wire(), self._data.desk)
        self._own["pipeline"].attach(load_tools(parts))
        self._own["mcp"].attach(load_tools(replace(parts, answers=_ThroughMcp(chat))))

    def routers(self) -> list[APIRouter]:
        """/api/tools."""
        return [
            tool_server_routes(self._desk, self._identity),
            tool_routes(self.tools, self._consents, self._identity),
        ]

    async def open(self) -> None:
        """Nothing of the protocol is loaded until a client asks."""
        self._listening = asyncio.create_task(self._cancellations.run())

    async def close(self) -> None:
        await end([self._listening])
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
