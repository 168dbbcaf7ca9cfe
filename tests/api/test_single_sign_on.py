"""Signing in with the company's identity provider: the whole way over HTTP, with a provider that checks everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from appliance.api.origins import Origins
from appliance.domain.people import Caller, Role
from appliance.storage.database import Database
from tests.accounts_world import PASSWORD, add_person, bearer, key_of, signed_in
from tests.identity_provider import IdentityProvider, identity_provider
from tests.single_sign_on_world import World, problem_of, single_sign_on_world


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """One with Ana, of the group staff."""
    async with identity_provider() as running:
        yield running


async def test_the_first_sign_in_makes_an_account(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """With the provider's address and name, no password, and the page that was asked for at the end."""
    async with single_sign_on_world(database, valkey, provider) as world:
        browser = world.browser()

        answer = await browser.sign_in(next_path="/c/0198c5a0-0000-7000-8000-000000000000")
        me = await browser.me()
        events = await world.one.accounts.people.events((await _admin(world)), None, 100)

    assert answer.headers["location"] == "/c/0198c5a0-0000-7000-8000-000000000000"
    assert (me["email"], me["name"], me["role"]) == ("ana@corp.example", "Ana Pérez", "user")
    assert set(browser.cookies) == {"__Host-appliance"}
    assert {"user.added", "sign_in"} <= {event.action for event in events}


async def test_the_second_sign_in_finds_the_account_by_its_subject(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """Whatever their address is by then; and an old address that was given to somebody else opens nothing."""
    async with single_sign_on_world(database, valkey, provider) as world:
        first, second, heir = world.browser(), world.browser(), world.browser()
        await first.sign_in()
        old = dict(provider.people["ana"])
        provider.people["ana"]["email"] = "ana.perez@corp.example"
        provider.people["another-ana"] = old

        await second.sign_in()
        refused = await heir.sign_in("another-ana")
        mes = (await first.me(), await second.me(), await heir.me())

    assert mes[0]["id"] == mes[1]["id"]
    assert mes[2] == {} and problem_of(refused) == "company_account_not_linked"


async def test_the_request_carries_pkce_nonce_and_state_and_the_cookie_is_the_hosts(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """S256, three fresh secrets, and nothing of the browser's secret in the address."""
    async with single_sign_on_world(database, valkey, provider) as world:
        browser = world.browser()
        answer = await browser.get("/api/sign-in/oidc")

    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    cookie = answer.headers["set-cookie"]
    assert asked["code_challenge_method"] == ["S256"] and asked["response_type"] == ["code"]
    assert len({asked[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    assert cookie.startswith("__Host-appliance-begun=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert browser.cookies["__Host-appliance-begun"] not in answer.headers["location"]
    assert (
        answer.headers["cache-control"] == "no-store" and answer.headers["referrer-policy"] == "no-referrer"
    )


async def test_after_signing_in_nobody_is_sent_elsewhere(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """`next` is one of our pages, or it is the first one (tests/appliance/test_own_pages.py has the many ways)."""
    async with single_sign_on_world(database, valkey, provider) as world:
        answer = await world.browser().sign_in(next_path="//evil.example/c/1")

    assert answer.headers["location"] == "/"


async def test_groups_and_roles_follow_the_provider(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """At every sign-in; a group that an administrator gave here stays, one that the provider gave goes with it."""
    oidc = {"group_map": {"sales-eu": "Sales", "ops": "Operations"}, "role_map": {"it-admins": "admin"}}
    async with single_sign_on_world(database, valkey, provider, **oidc) as world:
        people, browser = world.one.accounts.people, world.browser()
        boss = await _admin(world)
        local = await people.add_group(None, "Choir")
        provider.people["ana"]["groups"] = ["sales-eu", "ops", "it-admins", "unknown"]
        await browser.sign_in()
        before = await browser.me()
        await people.set_members(boss, local.id, [UUID(before["id"])])

        provider.people["ana"]["groups"] = ["ops"]
        await browser.sign_in()
        after = await browser.me()
        names = {str(group.id): group.name for group in await people.groups(boss)}

    assert before["role"] == "admin" and after["role"] == "user"
    assert {names[one] for one in before["group_ids"]} == {"Sales", "Operations"}
    assert {names[one] for one in after["group_ids"]} == {"Operations", "Choir"}


async def test_groups_of_the_same_name_count_where_the_operator_says_so(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """A nested claim, a name in other letters, and none is made that was not there."""
    oidc = {"same_group_names": True, "group_claim": "realm_access.roles"}
    async with single_sign_on_world(database, valkey, provider, **oidc) as world:
        group = await world.one.accounts.people.add_group(None, "Logistics")
        provider.people["ana"]["realm_access"] = {"roles": ["LOGISTICS", "something else"]}
        browser = world.browser()
        await browser.sign_in()
        me = await browser.me()
        count = len(await world.one.accounts.people.groups(await _admin(world)))

    assert me["group_ids"] == [str(group.id)] and count == 1


async def test_the_last_administrator_is_not_taken_away_by_a_map(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """Somebody must be able to correct the map."""
    async with single_sign_on_world(database, valkey, provider, role_map={"it-admins": "admin"}) as world:
        browser = world.browser()
        provider.people["ana"]["groups"] = ["it-admins"]
        await browser.sign_in()
        provider.people["ana"]["groups"] = []

        await browser.sign_in()
        me = await browser.me()

    assert me["role"] == "admin"


async def test_claims_come_from_userinfo_where_the_token_has_none(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """As with providers that keep ID tokens small."""
    provider.in_userinfo = ("email", "email_verified", "name", "groups")
    async with single_sign_on_world(database, valkey, provider, group_map={"staff": "Staff"}) as world:
        browser = world.browser()
        await browser.sign_in()
        me = await browser.me()

    assert me["email"] == "ana@corp.example" and len(me["group_ids"]) == 1
    assert "/userinfo" in provider.asked


async def test_a_local_account_is_linked_only_as_configured(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """By a verified address, where the operator allows it; from then on its password alone is not enough."""
    body = {"email": "ana@corp.example", "password": PASSWORD}
    told, by_password = [], []
    for may_link, is_verified in ((False, True), (True, False), (True, True)):
        provider.people["ana"]["email_verified"] = is_verified
        async with single_sign_on_world(database, valkey, provider, link_by_email=may_link) as world:
            local = await world.one.accounts.people.by_email("ana@corp.example") or await add_person(
                world.one.accounts, "Ana@Corp.example", Role.AUDITOR
            )
            browser = world.browser()
            told.append((await browser.sign_in()).headers["location"].rpartition("=")[2])
            me = await browser.me()
            by_password.append(await browser.client.post("/api/sessions", json=body))

    assert told == ["company_account_not_linked", "company_email_unverified", "/"]
    assert (me["id"], me["role"]) == (str(local.id), "auditor")
    assert [answer.status_code for answer in by_password] == [201, 201, 401]
    assert by_password[2].json()["error"]["code"] == "company_account_only"


REFUSALS: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("company_email_missing", {"email": None}, {}),
    ("company_email_unverified", {"email_verified": None}, {}),
    ("company_email_unverified", {"email_verified": False}, {"require_verified_email": False}),
    ("company_domain_not_allowed", {}, {"allowed_domains": ["another.example"]}),
    ("company_group_not_allowed", {}, {"allowed_groups": ["board"]}),
    ("company_account_unknown", {}, {"create_users": False}),
]


async def test_who_may_not_come_in_is_told_why(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """By the code whose sentence the sign-in page shows; no account is made, no session begun."""
    sound = provider.people["ana"]
    told = []
    for _, claims, oidc in REFUSALS:
        changed = {**sound, **claims}
        provider.people["ana"] = {name: value for name, value in changed.items() if value is not None}
        async with single_sign_on_world(database, valkey, provider, **oidc) as world:
            browser = world.browser()
            told.append(problem_of(await browser.sign_in()))
            assert await browser.me() == {}
            assert await world.one.accounts.people.by_email("ana@corp.example") is None

    assert told == [problem for problem, _, _ in REFUSALS]


async def test_an_address_that_nobody_calls_unverified_is_enough_where_the_operator_says_so(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """As with Entra ID, which says nothing, and names the address elsewhere."""
    provider.people["ana"] = {"preferred_username": "ana@corp.example", "name": "Ana"}
    oidc = {"require_verified_email": False, "email_claim": "preferred_username"}
    async with single_sign_on_world(database, valkey, provider, **oidc) as world:
        browser = world.browser()
        await browser.sign_in()
        me = await browser.me()

    assert me["email"] == "ana@corp.example"


async def test_a_suspended_account_stays_out(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """Though the provider would let it in; an open session ends as well."""
    async with single_sign_on_world(database, valkey, provider) as world:
        browser = world.browser()
        await browser.sign_in()
        user = await world.one.accounts.people.by_email("ana@corp.example")
        assert user is not None
        await world.one.accounts.people.change(None, user.id, is_suspended=True)

        again = await browser.sign_in()
        me = await browser.me()

    assert problem_of(again) == "account_suspended" and me == {}


async def test_saying_no_and_a_provider_that_is_away_are_different_sentences(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """On the way out, on the way back, and when the person declines; each leads back to the sign-in page."""
    async with single_sign_on_world(database, valkey, provider) as world:
        denied = await world.browser().sign_in("deny")
        browser = world.browser()
        back = await provider.visit(await browser.leave(), "ana")
        provider.is_away = True
        on_the_way_back = await browser.come_back(back)
        world.clock.pass_time(hours=25)
        on_the_way_out = await world.browser().get("/api/sign-in/oidc")

    assert problem_of(denied) == "company_sign_in_denied"
    assert problem_of(on_the_way_back) == "identity_provider_unavailable"
    assert problem_of(on_the_way_out) == "identity_provider_unavailable"


async def test_signing_out_goes_on_to_the_provider(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """With the hint it asks for and our address to come back to; a local sign-in just ends."""
    async with single_sign_on_world(database, valkey, provider) as world:
        browser, local = world.browser(), world.browser()
        await browser.sign_in()
        left = await browser.delete("/api/sessions/current")
        await add_person(world.one.accounts, "ben@box.example")
        local.cookies["__Host-appliance"] = (
            (await signed_in(world.one, "ben@box.example")).headers["cookie"].partition("=")[2]
        )
        left_locally = await local.delete("/api/sessions/current")
        me = await browser.me()

    url = urlsplit(left.json()["sign_out_url"])
    wish = parse_qs(url.query)
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{provider.issuer}/end_session"
    assert wish["post_logout_redirect_uri"] == [f"{world.base}/"]
    assert wish["client_id"] == ["appliance"] and wish["id_token_hint"][0].count(".") == 2
    assert left_locally.status_code == 204 and me == {}


async def test_behind_a_proxy_the_public_address_counts(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """The redirect URI is the public one, whichever way the browser came; from elsewhere it is sent there first."""
    public = "https://assistant.corp.example"
    origins = Origins.of(["203.0.113.9/32"], public)
    async with single_sign_on_world(database, valkey, provider, base=public, origins=origins) as world:
        browser = world.browser()
        answer = await browser.sign_in(next_path="/c/0198c5a0-0000-7000-8000-000000000000")
        me = await browser.me()
        elsewhere = await browser.get("/api/sign-in/oidc?next=/", host="10.0.0.7:8080")

    assert answer.headers["location"].startswith("/c/") and me["email"] == "ana@corp.example"
    assert elsewhere.headers["location"] == f"{public}/api/sign-in/oidc?moved=1&next=%2F"


async def test_keys_stop_when_their_owner_has_not_been_seen_for_long(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """A script of somebody who left does not go on for ever; one sign-in makes it go on."""
    provider.issues_refresh = False
    async with single_sign_on_world(database, valkey, provider, keys_days=30) as world:
        browser = world.browser()
        await browser.sign_in()
        user = await world.one.accounts.people.by_email("ana@corp.example")
        assert user is not None
        key = bearer(await key_of(world.one.accounts, user))
        fresh = await browser.client.get("/probe", headers=key)
        world.clock.pass_time(days=31)
        stale = await browser.client.get("/probe", headers=key)
        await browser.sign_in()
        again = await browser.client.get("/probe", headers=bearer(await key_of(world.one.accounts, user)))

    assert (fresh.status_code, stale.status_code, again.status_code) == (200, 401, 200)
    assert "has not signed in" in stale.json()["error"]["message"]


async def test_an_account_can_be_linked_anew_by_an_administrator(
    database: Database, valkey: Redis, provider: IdentityProvider
) -> None:
    """As when the provider made somebody's account again; until then the newcomer is somebody else."""
    async with single_sign_on_world(database, valkey, provider, link_by_email=True) as world:
        browser, again = world.browser(), world.browser()
        await browser.sign_in("ana")
        me = await browser.me()
        provider.people["new-ana"] = provider.people["ana"]
        refused = await again.sign_in("new-ana")
        path = f"/api/users/{me['id']}/company-account"
        boss = await world.one.accounts.people.by_email((await _admin(world)).email)
        assert boss is not None
        of_boss = bearer(await key_of(world.one.accounts, boss))
        by_herself = await browser.delete(path)

        answers = [await browser.client.delete(path, headers=of_boss) for _ in range(2)]
        ended = await browser.me()
        await again.sign_in("new-ana")
        linked = await again.me()

    assert problem_of(refused) == "company_account_not_linked"
    assert [by_herself.status_code, *(answer.status_code for answer in answers)] == [403, 204, 404]
    assert ended == {} and linked["id"] == me["id"]


async def _admin(world: World) -> Caller:
    """Somebody who administers, as a caller."""
    boss = await add_person(world.one.accounts, f"boss-{uuid4().hex[:8]}@box.example", Role.ADMIN)
    return Caller(boss.id, boss.email, Role.ADMIN)
