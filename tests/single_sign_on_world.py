"""A gateway's accounts with the company's provider beside them, and browsers that walk the whole way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from redis.asyncio import Redis

from appliance.api.accounts import account_routers
from appliance.api.app import create_app
from appliance.bootstrap.accounts import company_only
from appliance.bootstrap.egress import way_out_at
from appliance.bootstrap.single_sign_on import SingleSignOnRoom, build_single_sign_on
from appliance.services.single_sign_on.settings import OidcSettings
from appliance.storage.database import Database
from appliance.storage.preferences import PostgresPreferences
from inference.egress.settings import EgressSettings
from tests.accounts_world import BASE, SAME_SITE, Clock, Worker, probe_routes, worker
from tests.identity_provider import CLIENT, SECRET, IdentityProvider

NOWHERE = way_out_at(Path("/nonexistent"), EgressSettings())
CALLBACK = "/api/sign-in/oidc/callback"


@dataclass
class Browser:
    """Keeps cookies as browsers do on loopback, and follows no redirect by itself."""

    client: httpx.AsyncClient
    provider: IdentityProvider
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return self._kept(await self.client.get(path, headers={**self._cookie_header(), **headers}))

    async def delete(self, path: str) -> httpx.Response:
        return self._kept(await self.client.delete(path, headers={**SAME_SITE, **self._cookie_header()}))

    async def leave(self, next_path: str | None = None) -> str:
        """Click the button: the provider's address with the request in it."""
        answer = await self.client.get(
            "/api/sign-in/oidc",
            params={"next": next_path} if next_path is not None else {},
            headers=self._cookie_header(),
        )
        assert answer.status_code == 302, answer.text
        return self._kept(answer).headers["location"]

    async def come_back(self, url: str) -> httpx.Response:
        """Where the provider sends the browser."""
        parts = urlsplit(url)
        return await self.get(f"{parts.path}?{parts.query}")

    async def sign_in(self, subject: str = "ana", next_path: str | None = None) -> httpx.Response:
        """The whole way; the answer to the callback."""
        return await self.come_back(await self.provider.visit(await self.leave(next_path), subject))

    async def me(self) -> dict[str, Any]:
        """Who the appliance says this is; {} for nobody."""
        answer = await self.get("/api/me")
        return answer.json() if answer.status_code == 200 else {}

    def _cookie_header(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if "max-age=0" in cookie.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer


@dataclass
class World:
    """One gateway process and the provider."""

    one: Worker
    room: SingleSignOnRoom
    provider: IdentityProvider
    app: Any
    base: str
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        return self.one.clock

    def browser(self) -> Browser:
        transport = httpx.ASGITransport(self.app, client=("203.0.113.9", 4711), raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=self.base)
        self.clients.append(client)
        return Browser(client, self.provider)

    async def recheck(self) -> None:
        """What the gateway does every few seconds."""
        await self.room.rechecking.sweep()


@asynccontextmanager
async def single_sign_on_world(
    database: Database,
    valkey: Redis,
    provider: IdentityProvider,
    *,
    base: str = BASE,
    origins: Any = None,
    **oidc: Any,
) -> AsyncIterator[World]:
    """oidc: settings beside issuer, client and secret. base: where browsers are."""
    settings = OidcSettings(
        **{"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, **oidc}
    )
    async with worker(
        database, valkey, origins=origins, needs_company=company_only(database, settings)
    ) as one:
        provider.now = lambda: one.clock().timestamp()
        room = build_single_sign_on(
            settings, one.accounts, one.identity, database, valkey, "secret of the box", NOWHERE, one.clock
        )
        assert room is not None
        provider.redirect_uris.add(base + CALLBACK)
        app = create_app(
            [
                *account_routers(one.accounts, one.identity, PostgresPreferences(database), room.leave),
                room.routes,
                probe_routes(one.accounts, one.identity),
            ]
        )
        world = World(one, room, provider, app, base)
        try:
            yield world
        finally:
            for client in world.clients:
                await client.aclose()
            await room.http.close()


def problem_of(answer: httpx.Response) -> str:
    """The error's code with which a browser was sent back to the sign-in page."""
    assert answer.status_code == 302, answer.text
    parts = urlsplit(answer.headers["location"])
    assert parts.path == "/sign-in" and not parts.netloc
    return parse_qs(parts.query)["problem"][0]
