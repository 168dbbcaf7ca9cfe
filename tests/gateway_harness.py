"""A real gateway's fast path on a real port, in the test's own event loop: uvicorn, Valkey, PostgreSQL, engines.

Only who the caller is, is decided here: a key is a caller's name. Whatever else runs is the product's own code.
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import NAMESPACE_DNS, UUID, uuid5

import aiohttp
from fastapi import Request
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from appliance.api.app import create_app
from appliance.api.connections import Patience
from appliance.api.draining import Draining
from appliance.api.embedding_answers import EmbeddingAnswers
from appliance.api.fast_path import FastPath
from appliance.api.http_server import HttpServer
from appliance.api.metrics import metrics_router
from appliance.api.models import models_router
from appliance.api.rerank_answers import LocalReranker, RerankAnswers
from appliance.api.responses.door import ResponsesDoor
from appliance.api.responses.routes import responses_router
from appliance.api.speech.answers import SpeechAnswers
from appliance.api.speech.door import SpeechDoor
from appliance.bootstrap.budgets import BudgetRoom
from appliance.bootstrap.gate import NO_POLICY, GateRoom, build_gate
from appliance.bootstrap.inference import build_inference
from appliance.bootstrap.keeper.following import KeptRoster
from appliance.bootstrap.keeper.link import KeeperLink
from appliance.bootstrap.ladder import LadderPlan
from appliance.domain.people import Caller, Role, Scopes
from appliance.errors import NotAuthenticated
from appliance.fairness.accounting.pricing import NO_PRICES, Prices
from appliance.fairness.breakers.settings import BreakerSettings
from appliance.fairness.gate import SharesAndLimits
from appliance.fairness.settings import GateSettings
from appliance.fairness.valkey.valkey_link import ValkeyLink
from appliance.pipelines.grounding import Grounding
from appliance.ports import Pipeline, Search
from appliance.services.accounts.live_requests import LiveRequests
from appliance.services.chat import Chat
from appliance.services.offered_models import OfferedModels
from appliance.services.responses import Responses
from appliance.storage.database import Database
from appliance.storage.responses import PostgresResponses
from inference.egress import Egress
from inference.engines import load_engine_class
from inference.failover.settings import FailoverSettings
from inference.ports import Embedder, Transcriber
from inference.roster import Roster
from inference.settings import EngineSettings
from rag.analysis import Analyzer
from rag.documents import Page, Passage, SearchResult
from rag.filters import Filter
from tests.waiting import until

__all__ = ["Gateway", "NoDocuments", "engine_settings", "person", "running_gateway", "until"]


PEOPLE = ("ana", "bea")
"""Who has an account; everybody else is let in, but nothing can be kept for them."""


def person(name: str, scopes: Scopes | None = None) -> Caller:
    """A caller of that name, always the same."""
    return Caller(uuid5(NAMESPACE_DNS, name), f"{name}@example.com", Role.USER, scopes=scopes or Scopes())


class KeysAreNames:
    """`Authorization: Bearer ana` is Ana, unless she is listed with something else."""

    def __init__(self) -> None:
        self.callers: dict[str, Caller] = {}

    async def identify(self, scope: Scope) -> Caller:
        header = next((v for k, v in scope["headers"] if k == b"authorization"), b"").decode()
        name = header.removeprefix("Bearer ").strip()
        if not name or name == "nobody":
            raise NotAuthenticated
        return self.callers.get(name) or person(name)


class NoDocuments:
    """A Search over nothing."""

    async def search(
        self,
        caller: Caller,
        question: str,
        collection_ids: Sequence[UUID] | None,
        limit: int,
        *,
        only: Filter | None = None,
        also: Sequence[str] = (),
    ) -> SearchResult:
        return SearchResult([])

    async def surroundings(self, caller: Caller, passages: Sequence[Passage], reach: int) -> list[Passage]:
        return list(passages)

    async def page_text(self, caller: Caller, file_id: UUID, page: int | None) -> str | None:
        return None

    async def page(self, caller: Caller, file_id: UUID, number: int | None) -> Page | None:
        return None


@dataclass
class Gateway:
    """The running gateway."""

    base_url: str
    room: GateRoom
    roster: Roster
    live: LiveRequests
    identity: KeysAreNames
    session: aiohttp.ClientSession
    servers: list[HttpServer] = field(default_factory=list)

    def post(
        self, route: str, payload: object, key: str = "ana", **headers: str
    ) -> aiohttp.client._RequestContextManager:
        """POST JSON to /v1/ROUTE."""
        all_headers = {
            "authorization": f"Bearer {key}",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        return self.session.post(f"{self.base_url}/v1/{route}", json=payload, headers=all_headers)


def engine_settings(base_url: str, *, kind: str = "openai_compatible", **values: object) -> EngineSettings:
    """Settings of an engine that listens already."""
    settings = load_engine_class(kind).settings_type
    return settings.model_validate({"engine": kind, "base_url": base_url, **values})


async def _with_people(database_url: str) -> Database:
    """The gateway's database, opened, with the people whose responses are kept."""
    database = Database(database_url, pool_size=5)
    await database.open()
    async with database.connection() as connection:
        for caller in map(person, PEOPLE):
            await connection.execute(
                "INSERT INTO users (id, email, email_key, role) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (caller.user_id, caller.email, caller.email, caller.role.value),
            )
    return database


@asynccontextmanager
async def running_gateway(
    engines: Mapping[str, EngineSettings],
    *,
    valkey_url: str,
    database_url: str,
    settings: GateSettings | None = None,
    aliases: Mapping[str, str] | None = None,
    pipelines: Mapping[str, Pipeline] | None = None,
    search: Search | None = None,
    embedder: Embedder | None = None,
    reranker: LocalReranker | None = None,
    transcriber: Transcriber | None = None,
    patience: Patience | None = None,
    drain_s: float = 1.0,
    retention_days: int = 30,
    spool_folder: Path | None = None,
    policy: SharesAndLimits = NO_POLICY,
    prices: Prices = NO_PRICES,
    keeper_socket: Path | None = None,
    money: Callable[[ValkeyLink, CollectorRegistry], BudgetRoom] | None = None,
    failover: FailoverSettings | None = None,
    breaker: BreakerSettings | None = None,
    plan: LadderPlan | None = None,
    egress: Egress | None = None,
) -> AsyncIterator[Gateway]:
    """Yields when it answers. keeper_socket: where a keeper listens, whose models are offered too. egress: to clouds.

    spool_folder None: one of its own, removed at the end."""
    own_folder = tempfile.TemporaryDirectory(prefix="apl-spool-")
    settings = settings or GateSettings()
    inference = build_inference(engines, aliases or {}, egress=egress, offers_cloud=egress is not None)
    roster, connections = inference.roster, inference.connections
    await roster.refresh()
    link = KeeperLink(keeper_socket or Path("/nowhere"), "gateway of a test")
    kept = KeptRoster(link, roster, connections, taken=engines, key="")
    room = build_gate(
        settings,
        roster,
        valkey_url=valkey_url,
        database_url=database_url,
        spool_folder=spool_folder or Path(own_folder.name),
        policy=lambda: policy,
        prices=prices,
        kept=kept,
        money=money,
        failover=failover,
        breaker=breaker,
        engines=engines,
        plan=plan,
    )
    await room.open()
    kept.attach(room.gate.leases)
    link.attach(kept)
    following = asyncio.create_task(link.run() if keeper_socket is not None else asyncio.sleep(0))
    await room.gate.loads.look()
    identity, live = KeysAreNames(), LiveRequests()
    chat = Chat(room.gate, pipelines or {}, search or NoDocuments())
    database = await _with_people(database_url)
    responses = Responses(PostgresResponses(database), retention_days=retention_days)
    embeddings = EmbeddingAnswers(embedder, room.gate, aliases or {})
    fast_path = FastPath(
        identity,
        live,
        room.gate,
        chat,
        embeddings,
        RerankAnswers(reranker, embedder, embeddings, room.gate, aliases or {}),
        ResponsesDoor(
            room.gate,
            chat,
            responses,
            grounding=Grounding(search or NoDocuments(), Analyzer(("en", "es"))),
            shows_queue=settings.queue_comments,
        ),
        comment_after_s=settings.comment_after_s,
        shows_queue=settings.queue_comments,
    )
    offered = OfferedModels(
        room.gate,
        chat,
        embedder,
        aliases or {},
        transcriber,
        reranker=reranker.model if reranker else "",
    )
    speech = SpeechDoor(
        identity,
        live,
        SpeechAnswers(transcriber, room.gate, aliases or {}, shows_queue=settings.queue_comments),
        Path(own_folder.name) / "speech",
        max_file_bytes=16 * 2**20,
        comment_after_s=settings.comment_after_s,
    )

    async def identify(request: Request) -> Caller:
        return await identity.identify(request.scope)

    rest = create_app(
        [
            models_router(offered, identify),
            metrics_router(room.metrics, identify, room.before_scrape),
            responses_router(responses, identify),
        ]
    )

    draining = Draining()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if fast_path.serves(scope):
            await fast_path(scope, receive, send)
        elif speech.serves(scope):
            await speech(scope, receive, send)
        else:
            await draining.serve(rest, scope, receive, send)

    server = HttpServer(app, draining, drain_s=drain_s, patience=patience, lifespan=False)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(2048)
    serving = asyncio.create_task(server.serve([listening]))
    await until(lambda: server.started)
    base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        async with aiohttp.ClientSession() as session:
            yield Gateway(base_url, room, roster, live, identity, session, [server])
    finally:
        server.should_exit = server.is_hurried = True
        await serving
        following.cancel()
        await asyncio.wait([following])
        await room.close()
        await database.close()
        await inference.close()
        own_folder.cleanup()
