"""The page's rooms on real PostgreSQL and Valkey, with a scripted answerer and sign-ins that are known beforehand.

Stands in for the whole appliance where a test is about the page alone: credentials, documents and models are small
in-memory neighbours that speak the public API's shapes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response, UploadFile
from redis.asyncio import Redis
from starlette.types import Receive, Scope, Send

from appliance.api.app import create_app
from appliance.api.health import health_router
from appliance.api.http_server import KEEP_ALIVE_S
from appliance.api.identity import SECURE_COOKIE, Identity
from appliance.bootstrap.page import Page, join_page
from appliance.domain.answers import (
    AnswerEvent,
    AnswerRequest,
    Citation,
    Cited,
    Finished,
    Searched,
    TextDelta,
)
from appliance.domain.people import Caller
from appliance.errors import NotAuthenticated, SignInFailed
from appliance.services.accounts import LiveRequests
from appliance.services.health import READY, HealthCheck
from appliance.storage.database import Database
from inference.types import EngineState, ModelInfo
from rag.documents import Passage
from tests.handbook_page import page_of_handbook
from tests.shelf_in_memory import ShelfInMemory, shelf_routes

PASSWORD = "correct horse battery"
FILE = UUID(int=7)
PASSAGE = Passage(
    chunk_id=1,
    file_id=FILE,
    filename="employee-handbook.pdf",
    collection_id=UUID(int=9),
    text="Holidays are planned in January. Everybody has 23 days of holiday a year.\nUnused days lapse at the end of"
    " March of the following year.",
    page=12,
    headings=("Working here", "Holidays"),
    language="en",
)
QUOTE = "Everybody has 23 days of holiday a year."


@dataclass
class KnownPeople:
    """Sign-ins and delegated tokens: fulfils api.identity.Credentials."""

    by_email: dict[str, Caller] = field(default_factory=dict)
    sessions: dict[str, Caller] = field(default_factory=dict)
    delegated: dict[str, Caller] = field(default_factory=dict)
    languages: dict[str, str] = field(default_factory=dict)
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, email: str, **more: Any) -> Caller:
        caller = Caller(user_id=uuid4(), email=email, **more)
        self.by_email[email] = caller
        return caller

    def sign_in(self, email: str) -> str:
        """The session's token."""
        token = uuid4().hex
        caller = self.by_email[email]
        self.sessions[token] = Caller(
            user_id=caller.user_id,
            email=email,
            role=caller.role,
            session_id=uuid4(),
            language=caller.language,
        )
        return token

    def delegate(self, caller: Caller) -> str:
        token = f"apd_{caller.session_id}"
        self.delegated[token] = caller
        return token

    async def by_key(self, secret: str) -> Caller:
        if secret not in self.delegated:
            raise NotAuthenticated
        return self.delegated[secret]

    async def by_session(self, token: str) -> Caller:
        if token not in self.sessions:
            raise NotAuthenticated
        return self.sessions[token]


class ScriptedAnswerer:
    """Fulfils ports.Answerer: plays the events that `script` gives for a question; an awaitable in them is awaited."""

    def __init__(self, script: Callable[[AnswerRequest], Sequence[Any]] | None = None) -> None:
        self.script = script or quoted
        self.asked: list[tuple[Caller, AnswerRequest]] = []
        self.closed = 0

    async def answer(self, caller: Caller, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        self.asked.append((caller, request))
        try:
            for step in self.script(request):
                if asyncio.iscoroutine(step):
                    await step
                elif isinstance(step, Exception):
                    raise step
                else:
                    yield step
        finally:
            self.closed += 1


def quoted(_request: AnswerRequest) -> list[AnswerEvent]:
    """An answer as the documents give it without a language model."""
    head = "**employee-handbook.pdf › Working here › Holidays, page 12**\n\n> "
    start = len(head)
    at = QUOTE.index("holiday")
    cited = Citation(
        index=1,
        file_id=FILE,
        filename=PASSAGE.filename,
        quote=QUOTE,
        page=12,
        headings=PASSAGE.headings,
        start=start,
        end=start + len(QUOTE),
        marks=((QUOTE.index("23"), QUOTE.index("23") + 7), (at, at + 7)),
        chunk_id=1,
    )
    return [
        Searched((PASSAGE,)),
        TextDelta(head + QUOTE + " [1]\n\n"),
        TextDelta("_No language model is connected, so these are the documents’ own words._"),
        Cited((cited,)),
        Finished("quoted", model="answer-with-sources"),
    ]


def demonstration(request: AnswerRequest) -> list[Any]:
    """For looking at: a longer, slower answer when the question has the word 'long'."""
    if "long" not in request.question and "largo" not in request.question:
        return [asyncio.sleep(0.6), *quoted(request)]
    text = (
        "Everybody has **23 days** of holiday a year [1]. They are planned in January, and unused days lapse at the"
        " end of March [1].\n\n## How to ask for them\n\n1. Open the calendar and choose the days.\n2. Send them to"
        " your team lead. Approval takes a week at most.\n3. Put them into `calendar.yaml`:\n\n```yaml\nname: Ana\n"
        "days: [2026-08-03, 2026-08-14]\n```\n\n| Country | Days | Carry over |\n|:--|--:|:-:|\n"
        "| Spain | 23 | March |\n"
        "| Germany | 30 | March |\n\nThe lunch card is not touched by this."
    )
    start = text.index("Approval")
    steps: list[Any] = [asyncio.sleep(0.7), Searched((PASSAGE,))]
    for word in text.split(" "):
        steps += [asyncio.sleep(0.02), TextDelta(word + " ")]
    cited = Citation(
        index=1,
        file_id=FILE,
        filename=PASSAGE.filename,
        quote=QUOTE,
        page=12,
        headings=PASSAGE.headings,
        chunk_id=1,
    )
    unsupported = ((start, text.index("3. Put") - 1),)
    end = Finished("written", served_by="local:tiny", model="answer-with-sources", notes=("unsupported",))
    return [*steps, Cited((cited,), unsupported), end]


QUESTIONS = [
    {"id": "holidays", "text": "How many days of holiday do I have?", "language": "en"},
    {"id": "expenses", "text": "Who approves travel expenses over 500 euros?", "language": "en"},
    {"id": "vacaciones", "text": "¿Cuándo caducan las vacaciones que no he usado?", "language": "es"},
    {"id": "laptop", "text": "What do I do when my laptop is stolen?", "language": "en"},
    {"id": "teletrabajo", "text": "¿Cuántos días puedo trabajar desde casa?", "language": "es"},
    {"id": "moon", "text": "What does the handbook say about parking on the moon?", "language": "en"},
]


@dataclass
class PageBox:
    """Everything a test may turn."""

    people: KnownPeople
    answerer: ScriptedAnswerer
    page: Page
    app: FastAPI
    engines: list[EngineState]
    live: LiveRequests
    shelf: ShelfInMemory = field(default_factory=ShelfInMemory)
    requests: list[tuple[str, str]] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition, repr=False)

    async def was_asked(self, method: str, path: str) -> None:
        """Returns once a request has arrived."""
        async with self.news:
            await self.news.wait_for(lambda: (method, path) in self.requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """API routes, then the page."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        self.requests.append((scope["method"], scope["path"]))
        async with self.news:
            self.news.notify_all()
        is_api = scope["path"].startswith(("/api/", "/v1/", "/healthz", "/readyz"))
        await (self.app if is_api else self.page.forwarder)(scope, receive, send)
        return None


def make_box(
    database: Database, valkey: Redis, ui_socket: Path, answerer: ScriptedAnswerer | None = None
) -> PageBox:
    """ui_socket: where the ui's process listens; it need not be there."""
    people = KnownPeople()
    identity = Identity(people)
    answerer = answerer or ScriptedAnswerer()
    live = LiveRequests()
    page = join_page(database, valkey, answerer, identity, people.delegate, ui_socket, QUESTIONS, live)
    engines: list[EngineState] = []
    shelf = ShelfInMemory()
    shelf.add_store("Handbook")

    async def ready() -> str:
        return READY

    health = HealthCheck({"database": ready, "valkey": ready, "embedder": ready}, {"ui": ready})
    routers = [
        *page.routers,
        health_router(health, lambda: engines, identity.caller),
        _sessions(people, identity),
        shelf_routes(shelf),
        _chat_files(),
        page_of_handbook(identity),
        _models(engines),
    ]
    return PageBox(people, answerer, page, create_app(routers), engines, live, shelf)


def a_tiny_engine() -> EngineState:
    """What the roster says of a small local model."""
    return EngineState("local", "llama_cpp", True, (ModelInfo("tiny-chat", context_tokens=2048),))


def _sessions(people: KnownPeople, identity: Identity) -> APIRouter:
    routes = APIRouter()

    @routes.post("/api/sessions")
    async def sign_in(request: Request) -> Response:
        body = await request.json()
        if body["email"] not in people.by_email or body["password"] != PASSWORD:
            raise SignInFailed
        cookie = identity.session_cookie(request.scope, people.sign_in(body["email"]), 3600)
        return Response("{}", media_type="application/json", headers={"set-cookie": cookie})

    @routes.delete("/api/sessions/current", status_code=204)
    async def sign_out(request: Request) -> Response:
        people.sessions.pop(request.cookies.get(SECURE_COOKIE, ""), None)
        return Response(
            status_code=204, headers={"set-cookie": identity.session_cookie(request.scope, "", 0)}
        )

    @routes.get("/api/me")
    async def me(request: Request) -> dict[str, Any]:
        email = (await identity.caller(request)).email
        return {"email": email, **people.profiles.get(email, {})}

    @routes.patch("/api/me")
    async def change(request: Request) -> dict[str, Any]:
        email, changes = (await identity.caller(request)).email, await request.json()
        if "language" in changes:
            people.languages[email] = changes["language"]
        people.profiles.setdefault(email, {}).update(changes)
        return {"email": email, **people.profiles[email]}

    return routes


def _models(engines: list[EngineState]) -> APIRouter:
    routes = APIRouter()

    @routes.get("/v1/models")
    async def models() -> dict[str, Any]:
        names = ["answer-with-sources", *(model.id for engine in engines for model in engine.models)]
        return {
            "object": "list",
            "data": [{"id": name, "object": "model", "owned_by": "local"} for name in names],
        }

    @routes.get("/api/watchdog")
    async def nothing_is_the_matter() -> dict[str, Any]:
        return {"object": "list", "data": []}

    @routes.get("/api/data/questions/suggested")
    async def nobody_may_ask_a_table() -> dict[str, Any]:
        return {"data": []}

    @routes.get("/api/budgets/mine")
    async def nothing_is_capped() -> dict[str, Any]:
        return {"currency": "EUR", "data": []}

    return routes


def _chat_files() -> APIRouter:
    """Files of chats, kept in a list; named *bad* it is refused, *slow* it is read for ever, others are ready."""
    routes = APIRouter()
    chats: dict[str, list[dict[str, Any]]] = {}

    @routes.get("/api/conversations/{chat}/files")
    async def listed(chat: str) -> dict[str, Any]:
        return {"object": "list", "data": chats.get(chat, [])}

    @routes.post("/api/conversations/{chat}/files", status_code=201)
    async def add(chat: str, file: UploadFile) -> dict[str, Any]:
        name = file.filename or ""
        kept: dict[str, Any] = {
            "id": f"file-{uuid4().hex}",
            "filename": name,
            "status": "completed",
            "pages": 3,
        }
        kept |= {"progress": 1, "bytes": len(await file.read()), "created_at": datetime.now(UTC).isoformat()}
        if "bad" in name:
            kept |= {"status": "failed", "error": {"code": "document_damaged", "message": "damaged"}}
        if "slow" in name:
            kept |= {"status": "in_progress", "progress": 0.42}
        chats.setdefault(chat, []).append(kept)
        return kept

    @routes.delete("/api/conversations/{chat}/files/{file_id}", status_code=204)
    async def remove(chat: str, file_id: str) -> Response:
        chats[chat] = [one for one in chats[chat] if one["id"] != file_id]
        return Response(status_code=204)

    return routes


class Serving(uvicorn.Server):
    """An ASGI application on a loopback port chosen by the system."""

    def __init__(self, application: Any) -> None:
        config = uvicorn.Config(
            application,
            port=0,
            log_level="warning",
            lifespan="off",
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        super().__init__(config)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}"


async def until_started(server: Serving) -> asyncio.Task[None]:
    """Serve in the background; returns once it listens."""
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        if task.done():
            task.result()
    return task


def sse(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    """(id, event, data) of each server-sent event."""
    found = []
    for frame in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if not line.startswith(":"))
        if "event" in fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found
