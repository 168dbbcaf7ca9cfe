"""The same sign-in against a provider that we did not write (oidc-provider-mock, on Authlib's server side)."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread
from redis.asyncio import Redis

from appliance.storage.database import Database
from tests.identity_provider import IdentityProvider
from tests.single_sign_on_world import Browser, single_sign_on_world


async def _walk(browser: Browser, subject: str) -> httpx.Response:
    """Click the button, fill in the provider's own form, come back."""
    url = await browser.leave("/c/0198c5a0-0000-7000-8000-000000000000")
    async with httpx.AsyncClient(trust_env=False, timeout=120) as client:
        form = await client.get(url)
        assert form.status_code == 200
        answer = await client.post(url, data={"sub": subject})
    assert answer.status_code == 302, answer.text
    return await browser.come_back(answer.headers["location"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_strangers_provider_is_understood(database: Database, valkey: Redis) -> None:
    """Discovery, code, token, userinfo and refresh as somebody else reads the standard; revoked there, out here."""
    ana = User(
        sub="ana",
        claims={"email": "ana@corp.example", "email_verified": True, "groups": ["staff"], "name": "Ana"},
    )
    with run_server_in_thread(require_nonce=True, user_claims=[ana]) as server:
        issuer = f"http://localhost:{server.server_port}"
        provider = IdentityProvider(issuer)  # only its address is used
        async with single_sign_on_world(database, valkey, provider, group_map={"staff": "Staff"}) as world:
            browser = world.browser()

            answer = await _walk(browser, "ana")
            me = await browser.me()
            world.clock.pass_time(minutes=15)
            await world.recheck()
            held = await browser.me()
            await asyncio.to_thread(httpx.post, f"{issuer}/users/ana/revoke-tokens", trust_env=False)
            world.clock.pass_time(minutes=15)
            await world.recheck()
            gone = await browser.me()
            again = await _walk(browser, "ana")
            left = await browser.delete("/api/sessions/current")

    assert urlsplit(answer.headers["location"]).path.startswith("/c/")
    assert me["email"] == "ana@corp.example" and len(me["group_ids"]) == 1
    assert held["email"] == "ana@corp.example" and gone == {}
    assert again.status_code == 302 and left.json()["sign_out_url"].startswith(
        f"{issuer}/oauth2/end_session?"
    )
