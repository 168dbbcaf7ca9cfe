"""How a sign-in by the company's provider ends: who is removed there is out here, within a bounded time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.services.single_sign_on.settings import OidcSettings
from appliance.services.single_sign_on.sign_on import longest_access
from appliance.storage.database import Database
from tests.identity_provider import BACK_CHANNEL, IdentityProvider, identity_provider
from tests.single_sign_on_world import World, single_sign_on_world

BACK = "/api/sign-in/oidc/back-channel-logout"


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """One with Ana and Ben."""
    async with identity_provider() as running:
        running.people["ben"] = {**running.people["ana"], "email": "ben@corp.example"}
        yield running


@pytest.fixture
async def world(database: Database, valkey: Redis, provider: IdentityProvider) -> AsyncIterator[World]:
    """Asks again every 15 minutes and bears an hour of silence."""
    oidc = {"group_map": {"staff": "Staff"}, "role_map": {"it": "admin"}, "keys_days": 1}
    async with single_sign_on_world(database, valkey, provider, **oidc) as running:
        yield running


async def test_who_is_removed_at_the_provider_is_out_at_the_next_look(world: World) -> None:
    """Not before it is due, and nobody else with them; a running request ends as well."""
    ana, ben = world.browser(), world.browser()
    await ana.sign_in("ana")
    await ben.sign_in("ben")
    world.provider.remove("ana")

    world.clock.pass_time(minutes=14)
    await world.recheck()
    early = await ana.me()
    caller = await world.one.accounts.authentication.by_session(ana.cookies["__Host-appliance"])
    with world.one.accounts.live.track(caller) as running:
        world.clock.pass_time(minutes=1)
        await world.recheck()
        was_ended = running.is_withdrawn

    assert early["email"] == "ana@corp.example"
    assert await ana.me() == {} and was_ended
    assert (await ben.me())["email"] == "ben@corp.example"


async def test_a_sign_in_that_holds_goes_on_and_its_token_is_renewed(world: World) -> None:
    """Each refresh token is good once: three looks need three tokens."""
    ana = world.browser()
    await ana.sign_in()
    for _ in range(3):
        world.clock.pass_time(minutes=15)
        await world.recheck()

    assert (await ana.me())["email"] == "ana@corp.example"
    assert world.provider.asked.count("/token") == 4


async def test_role_and_groups_are_brought_up_to_date_on_the_way(world: World) -> None:
    """Without a new sign-in, for the open session as well."""
    ana = world.browser()
    world.provider.people["ana"]["groups"] = ["staff", "it"]
    await world.browser().sign_in("ben")
    await ana.sign_in()
    before = await ana.me()
    world.provider.people["ben"]["groups"] = ["it"]
    world.clock.pass_time(minutes=15)
    await world.recheck()
    world.provider.people["ana"]["groups"] = []
    world.clock.pass_time(minutes=15)
    await world.recheck()
    after = await ana.me()

    assert (before["role"], len(before["group_ids"])) == ("admin", 1)
    assert (after["role"], after["group_ids"]) == ("user", [])


async def test_who_may_not_come_in_any_more_is_out_too(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """Still known there, but out of the group that may use this."""
    async with single_sign_on_world(database, valkey, provider, allowed_groups=["staff"]) as world:
        ana = world.browser()
        await ana.sign_in()
        world.provider.people["ana"]["groups"] = ["leavers"]
        world.clock.pass_time(minutes=15)
        await world.recheck()

        assert await ana.me() == {}


async def test_a_provider_that_is_away_is_borne_for_a_while(world: World) -> None:
    """Nobody loses an hour's work to its restart; nobody goes on for ever either."""
    ana = world.browser()
    await ana.sign_in()
    world.clock.pass_time(minutes=15)
    world.provider.is_away = True
    await world.recheck()
    world.clock.pass_time(minutes=58)
    await world.recheck()
    during = await ana.me()
    world.clock.pass_time(minutes=3)
    await world.recheck()

    assert during["email"] == "ana@corp.example" and await ana.me() == {}


async def test_a_provider_that_comes_back_in_time_costs_nothing(world: World) -> None:
    """And the count begins anew."""
    ana = world.browser()
    await ana.sign_in()
    for _ in range(2):
        world.clock.pass_time(minutes=16)
        world.provider.is_away = True
        await world.recheck()
        world.clock.pass_time(minutes=40)
        world.provider.is_away = False
        await world.recheck()

    assert (await ana.me())["email"] == "ana@corp.example"


async def test_without_a_refresh_token_the_sign_in_is_short(world: World) -> None:
    """The provider cannot be asked again, so it is asked at the next sign-in; however busy the session is."""
    world.provider.issues_refresh = False
    ana = world.browser()
    await ana.sign_in()
    world.clock.pass_time(hours=11, minutes=59)
    before = await ana.me()
    await world.one.accounts.note_uses()
    world.clock.pass_time(minutes=2)

    assert before["email"] == "ana@corp.example" and await ana.me() == {}


async def test_the_bound_is_what_the_settings_add_up_to() -> None:
    """As the handbook says it."""
    bound = longest_access(OidcSettings(recheck_minutes=15, grace_minutes=60, session_hours=1))

    assert timedelta(minutes=75) < bound < timedelta(minutes=77)
    assert longest_access(OidcSettings(session_hours=12)) == timedelta(hours=12)


async def test_a_back_channel_logout_ends_the_sign_in_it_names(world: World) -> None:
    """One by its `sid`, all of a person by their subject; the other person stays."""
    phone, laptop, ben = world.browser(), world.browser(), world.browser()
    await ben.sign_in("ben")
    for browser in (phone, laptop):
        await browser.sign_in("ana")
    sids = [sid for subject, sid in world.provider.refresh_tokens.values() if subject == "ana"]

    one = await _post(world, world.provider.logout_token(sid=sids[0]))
    after_one = [bool(await phone.me()), bool(await laptop.me())]
    everything = await _post(world, world.provider.logout_token(sub="ana"))
    after_all = [bool(await browser.me()) for browser in (phone, laptop, ben)]

    assert (one, everything) == (200, 200)
    assert after_one == [False, True] and after_all == [False, False, True]


async def test_a_logout_token_must_hold_like_any_other(world: World) -> None:
    """Signed by the provider, for us, fresh, once, and not an ID token in disguise."""
    ana = world.browser()
    await ana.sign_in()
    provider = world.provider
    now = int(provider.now())
    tokens = [
        provider.logout_token(sub="ana", aud="another-client"),
        provider.logout_token(sub="ana", iss="https://login.evil.example"),
        provider.logout_token(sub="ana", nonce="n"),
        provider.logout_token(sub="ana", events={}),
        provider.logout_token(sub="ana", events={BACK_CHANNEL: True}),
        provider.logout_token(sub="ana", jti=None),
        provider.logout_token(sub="ana", exp=now - 100),
        provider.logout_token(sub="ana", iat=now - 3600, exp=None),
        provider.logout_token(),
        "garbage",
    ]
    statuses = [await _post(world, token) for token in tokens]
    still = await ana.me()
    sound = provider.logout_token(sub="ana")
    first, again = await _post(world, sound), await _post(world, sound)

    assert statuses == [400] * len(tokens) and still["email"] == "ana@corp.example"
    assert (first, again) == (200, 400) and await ana.me() == {}


async def _post(world: World, token: str) -> Any:
    answer = await world.browser().client.post(BACK, data={"logout_token": token})
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code
