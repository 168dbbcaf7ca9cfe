"""The cookie in a real browser: which it keeps, where, and what another site can do with it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright
from redis.asyncio import Redis

from appliance.storage.database import Database
from tests.accounts_world import PASSWORD, Worker, add_person, serving, worker

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]

SIGN_IN = """async ([email, password]) => (await fetch("/api/sessions", {method: "POST",
    headers: {"content-type": "application/json"}, body: JSON.stringify({email, password})})).status"""
FROM_ELSEWHERE = """async (url) => {
    try { return (await fetch(url, {method: "POST", credentials: "include", mode: "no-cors"})).type }
    catch (error) { return "refused" } }"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """An empty page; nothing of it leaves the machine."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield await browser.new_page()
        finally:
            await browser.close()


async def open_and_sign_in(page: Page, address: str) -> list[tuple[str, bool, bool, str]]:
    """Sign in by the page's own script; returns the cookies as (name, secure, httpOnly, sameSite)."""
    await page.goto(f"{address}/api/openapi.json")
    assert await page.evaluate(SIGN_IN, ["ana@box.example", PASSWORD]) == 201
    return [
        (cookie["name"], cookie["secure"], cookie["httpOnly"], cookie["sameSite"])
        for cookie in await page.context.cookies()
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_loopback_keeps_the_host_cookie_without_tls(
    database: Database, valkey: Redis, page: Page, host: str
) -> None:
    """Chromium trusts loopback like HTTPS: `__Host-` and Secure hold on plain HTTP there, and come back."""
    async with worker(database, valkey) as one, serving(one.app) as url:
        await add_person(one.accounts)

        cookies = await open_and_sign_in(page, url.replace("127.0.0.1", host))
        me = await page.evaluate('async () => (await (await fetch("/api/me")).json()).email')
        seen_by_script = await page.evaluate("document.cookie")
        written = await page.evaluate('async () => (await fetch("/probe", {method: "POST"})).status')

    assert cookies == [("__Host-appliance", True, True, "Lax")]
    assert (me, seen_by_script, written) == ("ana@box.example", "", 200)


@pytest.mark.parametrize("other", ["another port", "another name"])
async def test_another_page_in_the_same_browser_cannot_write(
    database: Database, valkey: Redis, page: Page, other: str
) -> None:
    """Another port gets the cookie sent along (it is the same site) and is refused all the same."""
    seen: list[int] = []

    async with (
        worker(database, valkey) as one,
        serving(watched(one, seen)) as url,
        serving(one.app) as second,
    ):
        await add_person(one.accounts)
        await open_and_sign_in(page, url)
        elsewhere = second if other == "another port" else second.replace("127.0.0.1", "localhost")
        await page.goto(f"{elsewhere}/api/openapi.json")

        await page.evaluate(FROM_ELSEWHERE, f"{url}/probe")

    assert seen[-1] == (403 if other == "another port" else 401)


def watched(one: Worker, seen: list[int]):  # noqa: ANN201 - an ASGI application
    """The application, noting each status it answers with."""

    async def application(scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        async def noting(message) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
            if message["type"] == "http.response.start":
                seen.append(message["status"])
            await send(message)

        await one.app(scope, receive, noting)

    return application
