"""The sign-in page with the company's button: what it offers and what it says, over HTTP and in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect
from redis.asyncio import Redis

from appliance.bootstrap.page import join_page
from appliance.storage.database import Database
from tests.accounts_world import add_person, serving
from tests.api.test_cookies_in_chromium import CHROMIUM, page
from tests.identity_provider import IdentityProvider, identity_provider
from tests.single_sign_on_world import CALLBACK, World, single_sign_on_world

__all__ = ["page"]

WORDS = {"en": "Sign in with your company account", "es": "Entrar con la cuenta de la empresa"}


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """One with Ana."""
    async with identity_provider() as running:
        yield running


@asynccontextmanager
async def box(
    database: Database, valkey: Redis, provider: IdentityProvider, folder: Path, **oidc: Any
) -> AsyncIterator[tuple[World, str]]:
    """The API and the page's forwarder on one port; the ui's own server is not there."""
    async with single_sign_on_world(database, valkey, provider, **oidc) as world:
        accounts = world.one.accounts
        joined = join_page(
            database,
            valkey,
            None,  # type: ignore[arg-type]
            world.one.identity,
            accounts.authentication.delegate,
            folder / "nobody.sock",
            [],
            live=accounts.live,
            offer=world.room.offer,
        )

        async def application(scope: Any, receive: Any, send: Any) -> None:
            door = world.app if scope["path"].startswith("/api/") else joined.forwarder
            await door(scope, receive, send)

        await joined.forwarder.open()
        try:
            async with serving(application) as url:
                provider.redirect_uris.add(url + CALLBACK)
                yield world, url
        finally:
            await joined.forwarder.close()


async def _page(url: str, language: str = "en") -> str:
    async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
        answer = await client.get(url, headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.text


async def test_the_button_speaks_both_languages_and_keeps_the_page_that_was_asked_for(
    database: Database, valkey: Redis, provider: IdentityProvider, tmp_path: Path
) -> None:
    """Our words, or the operator's; beside the password form, or instead of it."""
    chat = "/c/0198c5a0-0000-7000-8000-000000000000"
    async with box(database, valkey, provider, tmp_path) as (_, url):
        plain = {language: await _page(url + chat, language) for language in WORDS}
    async with box(
        database, valkey, provider, tmp_path, hide_password=True, label_es="Entrar con <Corp>"
    ) as (_, url):
        named = await _page(url, "es")
        local = await _page(f"{url}/sign-in?local", "es")

    for language, text in plain.items():
        assert WORDS[language] in text and 'id="sign-in"' in text
        assert 'href="/api/sign-in/oidc?next=%2Fc%2F0198c5a0-0000-7000-8000-000000000000"' in text
    assert "Entrar con &lt;Corp&gt;" in named and 'id="sign-in"' not in named
    assert "Entrar con &lt;Corp&gt;" in local and 'id="sign-in"' in local


async def test_what_went_wrong_is_said_in_the_readers_language_with_a_way_back(
    database: Database, valkey: Redis, provider: IdentityProvider, tmp_path: Path
) -> None:
    """Only sentences of ours: what stands in the address is never repeated."""
    async with box(database, valkey, provider, tmp_path, hide_password=True) as (_, url):
        english = await _page(f"{url}/sign-in?problem=company_domain_not_allowed")
        spanish = await _page(f"{url}/sign-in?problem=identity_provider_unavailable", "es")
        planted = await _page(f"{url}/sign-in?problem=%3Cscript%3Ealert(1)%3C/script%3E")

    assert "may not sign in here" in english and WORDS["en"] in english
    assert "no responde" in spanish and 'href="/sign-in?local"' in spanish
    assert "alert(1)" not in planted and "did not work" in planted


async def test_without_a_provider_the_page_is_as_before(
    database: Database, valkey: Redis, provider: IdentityProvider, tmp_path: Path
) -> None:
    """No button, no line between, and the form."""
    async with single_sign_on_world(database, valkey, provider) as world:
        joined = join_page(
            database,
            valkey,
            None,  # type: ignore[arg-type]
            world.one.identity,
            world.one.accounts.authentication.delegate,
            tmp_path / "nobody.sock",
            [],
        )
        async with serving(joined.forwarder) as url:
            text = await _page(url)

    assert "/api/sign-in/oidc" not in text and 'id="sign-in"' in text
    assert replace(world.room.offer, company=None).shows_password


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
async def test_a_browser_goes_there_and_back_and_out_again(
    database: Database, valkey: Redis, provider: IdentityProvider, page: Page, tmp_path: Path
) -> None:
    """Decline, try again, arrive at the page that was asked for; sign out, here and there. Nothing in the console."""
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda told: problems.append(f"{told.location['url']} {told.text}") if told.type == "error" else None,
    )
    await page.set_extra_http_headers({"accept-language": "es"})
    async with box(database, valkey, provider, tmp_path) as (world, url):
        await add_person(world.one.accounts, "ben@box.example")
        await page.goto(f"{url}/c/0198c5a0-0000-7000-8000-000000000000")
        await page.get_by_role("link", name=WORDS["es"]).click()
        await page.get_by_role("link", name="deny").click()
        await expect(page.get_by_role("alert").first).to_contain_text("Se canceló")
        on_the_way = [one for one in problems if not one.startswith(provider.issuer)]

        await page.goto(f"{url}/c/0198c5a0-0000-7000-8000-000000000000")
        await page.get_by_role("link", name=WORDS["es"]).click()
        await page.get_by_role("link", name="ana").click()
        await page.wait_for_url(f"{url}/c/0198c5a0-0000-7000-8000-000000000000")
        await expect(page.locator("page-header")).to_contain_text("ana@corp.example")
        cookies = {cookie["name"] for cookie in await page.context.cookies()}

        await page.get_by_role("button", name="Salir").click()
        await expect(page.get_by_role("link", name=WORDS["es"])).to_be_visible()

    assert cookies == {"__Host-appliance"}
    assert "/end_session" in provider.asked
    assert on_the_way == []
