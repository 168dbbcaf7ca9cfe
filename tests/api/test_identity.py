"""Who a request speaks for, whatever form its credential has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from redis.asyncio import Redis

from appliance.api.origins import Origins
from appliance.domain.people import Scopes
from appliance.storage.database import Database
from tests.accounts_world import (
    BASE,
    PASSWORD,
    SAME_SITE,
    Worker,
    add_person,
    bearer,
    key_of,
    signed_in,
    token_of,
    worker,
)

HEADER_FORMS = {
    "bearer": lambda key: {"authorization": f"Bearer {key}"},
    "lower-case bearer": lambda key: {"authorization": f"bearer {key}"},
    "x-api-key": lambda key: {"x-api-key": key},
    "api-key": lambda key: {"api-key": key},
}
BAD_KEYS = {
    "empty": "",
    "garbage": "sk-1234",
    "unknown": "apl_" + "0" * 43,
    "too short": "apl_abc",
    "very long": "apl_" + "a" * 60_000,
    "SQL": "' OR 1=1 --",
    "percent": "%s%(x)s",
    "script": "apl_<script>alert(1)</script>aaaaaaaaaaaaaaaaaaaa",
    "delegated garbage": "apd_" + "A" * 75,
    "Latin-1": "apl_\xe9" + "a" * 42,
}


@pytest.fixture
async def one(database: Database, valkey: Redis) -> AsyncIterator[Worker]:
    """A gateway process."""
    async with worker(database, valkey) as running:
        yield running


def raw(value: str) -> bytes:
    """A header's bytes."""
    return value.encode("latin-1")


@pytest.mark.parametrize("form", HEADER_FORMS)
async def test_a_key_is_accepted_in_every_form(one: Worker, form: str) -> None:
    """OpenAI's, Anthropic's and Azure's header all lead to the same caller."""
    key = await key_of(one.accounts, await add_person(one.accounts))

    answer = await one.client.get("/v1/models", headers=HEADER_FORMS[form](key))

    assert answer.json()["email"] == "ana@box.example"


@pytest.mark.parametrize("form", HEADER_FORMS)
async def test_a_withdrawn_or_expired_key_is_refused_in_every_form(one: Worker, form: str) -> None:
    """No header form is a way around revocation, expiry or suspension."""
    user = await add_person(one.accounts)
    made = await one.accounts.keys.make(None, user.id)
    await one.accounts.keys.revoke(None, made.key.id)
    soon = one.clock.now + timedelta(minutes=1)
    expiring = await key_of(one.accounts, user, expires_at=soon)
    assert (await one.client.get("/probe", headers=HEADER_FORMS[form](expiring))).status_code == 200
    one.clock.pass_time(minutes=1)

    revoked = await one.client.get("/probe", headers=HEADER_FORMS[form](made.secret))
    expired = await one.client.get("/probe", headers=HEADER_FORMS[form](expiring))
    suspended_key = await key_of(one.accounts, user)
    await one.accounts.people.change(None, user.id, is_suspended=True)
    suspended = await one.client.get("/probe", headers=HEADER_FORMS[form](suspended_key))

    assert [a.status_code for a in (revoked, expired, suspended)] == [401, 401, 401]
    assert "revoked" in revoked.json()["error"]["message"]
    assert "expired" in expired.json()["error"]["message"]
    assert "suspended" in suspended.json()["error"]["message"]


@pytest.mark.parametrize("form", HEADER_FORMS)
async def test_a_bad_key_is_a_401_in_openais_body(one: Worker, form: str) -> None:
    """Whatever stands in the header, the answer is a plain 401 that does not repeat it."""
    for what, bad in BAD_KEYS.items():
        headers = [(name.encode(), raw(value)) for name, value in HEADER_FORMS[form](bad).items()]

        answer = await one.client.get("/v1/models", headers=headers)

        assert answer.status_code == 401, what
        assert answer.headers["www-authenticate"] == "Bearer"
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["code"] == "invalid_api_key", what
        assert len(bad) < 5 or bad not in error["message"], what


async def test_a_nul_in_a_key_never_reaches_the_database(one: Worker) -> None:
    """PostgreSQL cannot hold NUL in text; such a key is simply unknown."""
    scope = one_scope(headers=[(b"authorization", b"Bearer apl_\x00" + b"a" * 42)])

    with pytest.raises(Exception, match="not a key"):
        await one.identity.identify(scope)


async def test_two_different_keys_are_refused_and_the_same_one_twice_is_not(one: Worker) -> None:
    """Nobody can have one part of us check one key and another part use the other."""
    user = await add_person(one.accounts)
    first, second = await key_of(one.accounts, user), await key_of(one.accounts, user)

    across = await one.client.get("/probe", headers={**bearer(first), "x-api-key": second})
    repeated = await one.client.get(
        "/probe", headers=[("authorization", f"Bearer {first}"), ("authorization", f"Bearer {second}")]
    )
    same = await one.client.get("/probe", headers={**bearer(first), "x-api-key": first, "api-key": first})

    assert (across.status_code, across.json()["error"]["code"]) == (400, "conflicting_credentials")
    assert (repeated.status_code, same.status_code) == (400, 200)


async def test_a_bad_key_is_not_rescued_by_a_good_cookie(one: Worker) -> None:
    """A header counts before the cookie, for better and for worse."""
    await add_person(one.accounts)
    browser = await signed_in(one)

    assert (await browser.get("/probe")).status_code == 200
    assert (await browser.get("/probe", headers=bearer("apl_" + "0" * 43))).status_code == 401


async def test_basic_credentials_of_a_proxy_are_not_ours(one: Worker) -> None:
    """A proxy's own Authorization disturbs no sign-in, and signs nobody in."""
    await add_person(one.accounts)
    browser = await signed_in(one)

    with_cookie = await browser.get("/probe", headers={"authorization": "Basic YTpi"})
    alone = await one.client.get("/probe", headers={"authorization": "Basic YTpi"})

    assert (with_cookie.status_code, alone.status_code) == (200, 401)
    assert "Bearer" in alone.json()["error"]["message"]


async def test_a_key_may_be_limited_to_routes(one: Worker) -> None:
    """A scope is a path prefix that ends at a slash, so /v1/models does not open /v1/models-of-others."""
    key = await key_of(one.accounts, await add_person(one.accounts), scopes=Scopes(routes=("/v1/models",)))

    assert (await one.client.get("/v1/models", headers=bearer(key))).status_code == 200
    refused = await one.client.get("/probe", headers={"x-api-key": key})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_permitted")


async def test_a_delegated_token_speaks_for_a_session_and_dies_with_it(one: Worker) -> None:
    """The page's process acts for who is signed in, for a quarter of an hour at most."""
    await add_person(one.accounts)
    browser = await signed_in(one)
    token = one.accounts.authentication.delegate(await caller_of(one, browser))

    assert (await one.client.get("/probe", headers=bearer(token))).json()["email"] == "ana@box.example"
    one.clock.pass_time(minutes=16)
    assert (await one.client.get("/probe", headers=bearer(token))).status_code == 401
    fresh = one.accounts.authentication.delegate(await caller_of(one, browser))
    await browser.delete("/api/sessions/current")
    assert (await one.client.get("/probe", headers=bearer(fresh))).status_code == 401


async def test_a_delegated_token_cannot_be_altered(one: Worker) -> None:
    """Every bit of it is signed."""
    await add_person(one.accounts)
    browser = await signed_in(one)
    token = one.accounts.authentication.delegate(await caller_of(one, browser))

    for position in range(4, len(token) - 1):
        other = "A" if token[position] != "A" else "B"
        altered = token[:position] + other + token[position + 1 :]
        assert (await one.client.get("/probe", headers=bearer(altered))).status_code == 401


UNSAFE = {
    "our page": (SAME_SITE, 200),
    "our origin, old browser": ({"origin": BASE}, 200),
    "our origin in capitals": ({"origin": BASE.upper()}, 200),
    "another site": ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, 403),
    "a sibling": ({"sec-fetch-site": "same-site"}, 403),
    "the address bar": ({"sec-fetch-site": "none"}, 403),
    "another site that says nothing of itself": ({"origin": "https://evil.example"}, 403),
    "another port": ({"origin": "http://127.0.0.1:9090"}, 403),
    "another scheme": ({"origin": "https://127.0.0.1:8080"}, 403),
    "a look-alike": ({"origin": BASE + ".evil.example"}, 403),
    "a sandbox": ({"origin": "null"}, 403),
    "two origins": ([("origin", BASE), ("origin", "https://evil.example")], 403),
    "nothing": ({}, 403),
    "a lie about the host": ({"origin": "https://evil.example", "x-forwarded-host": "evil.example"}, 403),
}


async def test_a_cookie_writes_only_for_our_own_page(one: Worker) -> None:
    """Another site can make a browser send our cookie, but not say that we asked for it."""
    await add_person(one.accounts)
    browser = await signed_in(one)
    del browser.headers["sec-fetch-site"]

    for case, (headers, expected) in UNSAFE.items():
        answer = await browser.post("/probe", headers=headers)  # type: ignore[arg-type]

        assert answer.status_code == expected, case
        if expected == 403:
            assert answer.json()["error"]["code"] == "cross_site_request", case
    assert (await browser.get("/probe")).status_code == 200


async def test_a_key_needs_no_origin(one: Worker) -> None:
    """No site can make a browser send a key, so scripts are not asked where they come from."""
    key = await key_of(one.accounts, await add_person(one.accounts))

    answer = await one.client.post("/probe", headers={**bearer(key), "sec-fetch-site": "cross-site"})

    assert answer.status_code == 200


COOKIES = {
    "loopback": ("http://127.0.0.1:8080", False, "__Host-appliance"),
    "loopback, IPv6": ("http://[::1]:8080", False, "__Host-appliance"),
    "localhost": ("http://localhost:8080", False, "__Host-appliance"),
    "TLS": ("https://box.example", False, "__Host-appliance"),
    "plain HTTP, allowed": ("http://192.168.1.5:8080", True, "appliance_session"),
    "plain HTTP": ("http://192.168.1.5:8080", False, None),
    "a name that begins like loopback": ("http://127.0.0.1.evil.example", False, None),
}


@pytest.mark.parametrize("case", COOKIES)
async def test_the_cookie_fits_the_connection(database: Database, valkey: Redis, case: str) -> None:
    """Secure and __Host- where the browser keeps such cookies; elsewhere only when the operator allowed it."""
    base, allowed, name = COOKIES[case]
    async with worker(database, valkey, allow_plain_http=allowed) as running:
        await add_person(running.accounts)
        async with running.browser(base) as browser:
            answer = await browser.post(
                "/api/sessions", json={"email": "ana@box.example", "password": PASSWORD}
            )

    if name is None:
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "plain_http_refused")
        assert "allow_plain_http" in answer.json()["error"]["message"]
        return
    parts = answer.headers["set-cookie"].split("; ")
    assert parts[0].startswith(f"{name}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(parts)
    assert ("Secure" in parts) is (name == "__Host-appliance")
    assert not any(part.startswith("Domain") for part in parts)


async def test_an_unprotected_cookie_does_not_count_where_it_was_not_allowed(one: Worker) -> None:
    """The plain cookie's name opens nothing on loopback or under TLS, where another site could have set it."""
    await add_person(one.accounts)
    browser = await signed_in(one)
    token = token_of(browser)

    answer = await one.client.get("/probe", headers={"cookie": f"appliance_session={token}"})

    assert answer.status_code == 401


async def test_several_cookies_of_our_name_are_refused(one: Worker) -> None:
    """A tossed second cookie cannot decide who somebody is."""
    await add_person(one.accounts)
    token = token_of(await signed_in(one))

    twice = await one.client.get(
        "/probe", headers={"cookie": f"__Host-appliance={token}; __Host-appliance=x{token[1:]}"}
    )

    assert twice.status_code == 400


async def test_forwarded_headers_count_from_trusted_proxies_only(one: Worker) -> None:
    """Anybody can write X-Forwarded-For; only the operator's proxy is believed, and only its own last word."""
    origins = Origins.of(["10.0.0.0/8"])
    headers = [
        (b"host", b"inside"),
        (b"x-forwarded-for", b"6.6.6.6, 198.51.100.4, 10.0.0.3"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"box.example"),
    ]
    trusted, stranger = one_scope(headers, client="10.0.0.2"), one_scope(headers, client="192.0.2.1")

    assert (origins.client(trusted), origins.own(trusted)) == ("198.51.100.4", "https://box.example")
    assert (origins.client(stranger), origins.own(stranger)) == ("192.0.2.1", "http://inside")
    assert origins.client(one_scope([(b"x-forwarded-for", b"<script>")], client="10.0.0.2")) == "10.0.0.2"


def one_scope(headers: list[tuple[bytes, bytes]], client: str = "192.0.2.1") -> dict[str, object]:
    """A raw ASGI request."""
    return {
        "type": "http",
        "method": "GET",
        "path": "/probe",
        "scheme": "http",
        "client": (client, 1),
        "headers": headers,
    }


async def caller_of(one: Worker, browser: httpx.AsyncClient):  # noqa: ANN201 - a Caller
    """Who the browser is signed in as."""
    cookie = f"__Host-appliance={token_of(browser)}".encode()
    return await one.identity.identify(
        one_scope([(b"host", b"127.0.0.1:8080"), (b"cookie", cookie)], client="127.0.0.1")
    )
