"""Choosing a password with a one-time link, in a real browser and against the page's real files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Page, expect
from redis.asyncio import Redis

from appliance.bootstrap.page import join_page
from appliance.storage.database import Database
from tests.accounts_world import PASSWORD, Worker, add_person, serving, signed_in, until, worker
from tests.api.test_cookies_in_chromium import CHROMIUM, page

pytestmark = pytest.mark.slow

__all__ = ["page"]


@asynccontextmanager
async def box(database: Database, valkey: Redis, socket: Path) -> AsyncIterator[tuple[Worker, str]]:
    """Accounts and the page's forwarder on one port; the ui's server listens on the socket, or does not."""
    async with worker(database, valkey) as one:
        delegate = one.accounts.authentication.delegate
        joined = join_page(
            database,
            valkey,
            None,
            one.identity,
            delegate,
            socket,
            [],
            live=one.accounts.live,  # type: ignore[arg-type]
        )

        async def application(scope: Any, receive: Any, send: Any) -> None:
            door = one.app if scope["path"].startswith("/api/") else joined.forwarder
            await door(scope, receive, send)

        await joined.forwarder.open()
        try:
            async with serving(application) as url:
                yield one, url
        finally:
            await joined.forwarder.close()


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize(("language", "lead"), [("en", "You have been invited"), ("es", "Te han invitado")])
async def test_an_invitation_leads_into_the_page(
    database: Database, valkey: Redis, page: Page, tmp_path: Path, language: str, lead: str
) -> None:
    """Open the link, choose a password, be signed in; a short one is refused with a sentence."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    await page.set_extra_http_headers({"accept-language": language})
    async with box(database, valkey, tmp_path / "nobody.sock") as (one, url):
        user = await one.accounts.people.add(None, "new@box.example")
        link = await one.accounts.links.make(None, "invitation", user.id)

        await page.goto(url + link.path)
        await expect(page.locator("[name=email]")).to_have_value("new@box.example")
        assert lead in await page.inner_text("main")
        assert "12" in await page.inner_text(".hint")
        await page.fill("[name=password]", "short")
        await page.click("button[type=submit]")
        await page.wait_for_selector(".problem:not([hidden])")
        await page.fill("[name=password]", PASSWORD)
        await page.click("button[type=submit]")
        await page.wait_for_url(f"{url}/")
        email = await page.evaluate('async () => (await (await fetch("/api/me")).json()).email')

        await page.goto(url + "/about:blank")
        await page.goto(url + link.path)
        await page.wait_for_selector(".problem:not([hidden])")

    assert email == "new@box.example"
    assert problems == []


async def test_events_of_the_ui_end_with_the_session(
    database: Database, valkey: Redis, tmp_path: Path
) -> None:
    """A tab that follows the ui's events through the forwarder is cut off when its session is withdrawn."""
    socket = tmp_path / "ui.sock"
    left = asyncio.Event()

    async def heartbeat(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: ALIVE\n\n")
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return response

    ui = web.Application()
    ui.router.add_get("/gradio_api/heartbeat/{hash}", heartbeat)
    runner = web.AppRunner(ui, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    try:
        async with box(database, valkey, socket) as (one, url):
            user = await add_person(one.accounts)
            browser = await signed_in(one)
            headers = {"cookie": browser.headers["cookie"]}
            async with (
                aiohttp.ClientSession(url, headers=headers) as client,
                client.get("/gradio_api/heartbeat/abcdef123") as events,
            ):
                assert await events.content.readuntil(b"\n\n") == b"data: ALIVE\n\n"

                await one.accounts.people.change(None, user.id, is_suspended=True)

                async with asyncio.timeout(60):
                    with pytest.raises(aiohttp.ClientError):
                        await events.content.read()
            await until(left.is_set)
    finally:
        await runner.cleanup()
