"""One gateway process's accounts with a small application in front, on the real PostgreSQL and Valkey of the test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from redis.asyncio import Redis

from appliance.api.accounts import account_routers
from appliance.api.app import create_app
from appliance.api.http_server import KEEP_ALIVE_S
from appliance.api.identity import Identity
from appliance.api.origins import Origins
from appliance.domain.people import Caller, Role, User
from appliance.fairness.accounting.contact import PostgresContact
from appliance.services.accounts import Accounts, FirstAdministrator, mint_first_administrator
from appliance.services.accounts.passwords import Passwords
from appliance.services.accounts.people import PolicyChanged
from appliance.services.accounts.sign_in import NeedsCompany
from appliance.services.settings import AccountSettings
from appliance.storage.accounts import PostgresUsers
from appliance.storage.credentials import PostgresCredentials
from appliance.storage.database import Database
from appliance.storage.preferences import PostgresPreferences

BASE = "http://127.0.0.1:8080"
SAME_SITE = {"sec-fetch-site": "same-origin"}
PASSWORD = "correct horse battery"


@dataclass
class Clock:
    """A clock that only moves when told."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Worker:
    """A gateway process: accounts, and an application at BASE."""

    accounts: Accounts
    identity: Identity
    client: httpx.AsyncClient
    app: Any
    clock: Clock
    changed: list[User]

    def browser(self, base: str = BASE) -> httpx.AsyncClient:
        """A client with cookies of its own, which says that our own page sends its requests."""
        transport = httpx.ASGITransport(self.app, client=("203.0.113.9", 4711))
        return httpx.AsyncClient(transport=transport, base_url=base, headers=SAME_SITE)


def probe_routes(accounts: Accounts, identity: Identity) -> APIRouter:
    """/probe tells who asks; /v1/stream runs until its credential is withdrawn."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/probe", methods=["GET", "POST"])
    @routes.api_route("/v1/models", methods=["GET", "POST"])
    async def probe(caller: Caller = Depends(identity.caller)) -> dict[str, str | None]:
        return {"email": caller.email, "role": caller.role, "key": caller.key_id and str(caller.key_id)}

    @routes.get("/v1/stream")
    async def stream(request: Request, caller: Caller = Depends(identity.caller)) -> StreamingResponse:
        async def frames() -> AsyncIterator[bytes]:
            with accounts.live.track(caller) as live:
                yield b"data: begun\n\n"
                await live.withdrawn()
                yield b"event: error\ndata: withdrawn\n\n"

        return StreamingResponse(frames(), media_type="text/event-stream")

    return routes


@asynccontextmanager
async def worker(
    database: Database,
    valkey: Redis,
    *,
    origins: Origins | None = None,
    allow_plain_http: bool = False,
    clock: Clock | None = None,
    wait_for_news: bool = True,
    contact: PostgresContact | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    policy_changed: PolicyChanged | None = None,
    more_routes: Callable[[Accounts, Identity], list[APIRouter]] | None = None,
    needs_company: NeedsCompany | None = None,
    **settings: Any,
) -> AsyncIterator[Worker]:
    """A running one. settings: of AccountSettings."""
    changed: list[User] = []
    ticking = clock or Clock()
    accounts = Accounts(
        PostgresUsers(database),
        PostgresCredentials(database),
        valkey,
        AccountSettings(**settings),
        b"secret of the box",
        passwords=Passwords(memory_kib=256, passes=1),
        password_changed=changed.append,
        clock=ticking,
        contact=contact,
        monotonic=monotonic,
        policy_changed=policy_changed,
        needs_company=needs_company,
    )
    identity = Identity(accounts.authentication, origins, allow_plain_http=allow_plain_http)
    more = more_routes(accounts, identity) if more_routes is not None else []
    routers = account_routers(accounts, identity, PostgresPreferences(database))
    app = create_app([*routers, probe_routes(accounts, identity), *more])
    transport = httpx.ASGITransport(app, client=("203.0.113.7", 4711), raise_app_exceptions=False)
    await accounts.start()
    try:
        if wait_for_news:
            await until(lambda: accounts.withdrawals.hears_news)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield Worker(accounts, identity, client, app, ticking, changed)
    finally:
        await accounts.close()


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """The application on a real port."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_keep_alive=KEEP_ALIVE_S)
    )
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        await task


async def first_administrator(accounts: Accounts) -> FirstAdministrator:
    """The one every box begins with."""
    first = mint_first_administrator("admin@box.example")
    assert await accounts.create_first_administrator(first)
    return first


async def add_person(accounts: Accounts, email: str = "ana@box.example", role: Role = Role.USER) -> User:
    """Somebody whose password is PASSWORD."""
    return await accounts.people.add(None, email, name="Ana", role=role, password=PASSWORD)


async def key_of(accounts: Accounts, user: User, **options: Any) -> str:
    """A key of somebody, made at the machine."""
    return (await accounts.keys.make(None, user.id, **options)).secret


async def signed_in(
    worker: Worker, email: str = "ana@box.example", password: str = PASSWORD
) -> httpx.AsyncClient:
    """A browser with a session."""
    browser = worker.browser()
    answer = await browser.post("/api/sessions", json={"email": email, "password": password})
    assert answer.status_code == 201, answer.text
    keep_cookie(browser, answer)
    return browser


def keep_cookie(browser: httpx.AsyncClient, answer: httpx.Response) -> None:
    """As real browsers do: Python's cookie jar does not know that loopback is as good as TLS."""
    browser.cookies.clear()
    browser.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]


def token_of(browser: httpx.AsyncClient) -> str:
    """The session's token."""
    return browser.headers["cookie"].partition("=")[2]


async def until(holds: Callable[[], bool | Awaitable[bool]], within_s: float = 60.0) -> None:
    """Wait for something that happens elsewhere; fails when it does not."""
    async with asyncio.timeout(within_s):
        while True:
            result = holds()
            if await result if isinstance(result, Awaitable) else result:
                return
            await asyncio.sleep(0.005)


def bearer(key: str) -> dict[str, str]:
    """OpenAI's way to send a key."""
    return {"authorization": f"Bearer {key}"}
