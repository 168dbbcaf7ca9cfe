"""What somebody may try against a sign-in with the company's provider, each over HTTP; none of it makes a session."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from joserfc import jwt
from redis.asyncio import Redis

from appliance.storage.database import Database
from tests.identity_provider import CLIENT, IdentityProvider, identity_provider, signing_key
from tests.single_sign_on_world import CALLBACK, World, problem_of, single_sign_on_world

FAILED = "company_sign_in_failed"


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """One with Ana and Eve, who works there too."""
    async with identity_provider() as running:
        running.people["eve"] = {"email": "eve@corp.example", "email_verified": True}
        yield running


@pytest.fixture
async def world(database: Database, valkey: Redis, provider: IdentityProvider) -> AsyncIterator[World]:
    """A gateway beside it."""
    async with single_sign_on_world(database, valkey, provider) as running:
        yield running


async def test_an_answer_is_good_once(world: World) -> None:
    """The same address opened again, in the same browser, begins no second session."""
    browser = world.browser()
    kept = await browser.leave()
    begun = dict(browser.cookies)
    back = await world.provider.visit(kept, "ana")

    first = await browser.come_back(back)
    signed_in = browser.cookies
    browser.cookies = {**signed_in, **begun}
    reloaded = await browser.come_back(back)
    browser.cookies = begun  # as if the browser had not dropped it
    second = await browser.come_back(back)

    assert first.headers["location"] == "/" and problem_of(second) == "sign_in_state_lost"
    assert reloaded.headers["location"] == "/" and "set-cookie" not in reloaded.headers


async def test_nobody_is_signed_in_as_somebody_else_by_a_link(world: World) -> None:
    """Eve's answer, opened in Ana's browser, with and without a sign-in of Ana's under way."""
    eve, ana, idle = world.browser(), world.browser(), world.browser()
    back = await world.provider.visit(await eve.leave(), "eve")
    await ana.leave()

    refused = [await ana.come_back(back), await idle.come_back(back)]
    still = await eve.come_back(back)

    assert [problem_of(one) for one in refused] == ["sign_in_state_lost"] * 2
    assert "__Host-appliance" not in ana.cookies and still.headers["location"] == "/"


async def test_a_code_of_somebody_elses_sign_in_is_worth_nothing(world: World) -> None:
    """A stolen code put beside one's own state: PKCE binds it to the sign-in that it was made for."""
    ana, eve = world.browser(), world.browser()
    stolen = _query(await world.provider.visit(await ana.leave(), "ana"))["code"]
    own = _query(await world.provider.visit(await eve.leave(), "eve"))

    answer = await eve.get(f"{CALLBACK}?{urlencode({**own, 'code': stolen})}")

    assert problem_of(answer) == FAILED and await eve.me() == {}


async def test_without_pkce_at_the_provider_the_nonce_still_binds_the_code(world: World) -> None:
    """The token of a swapped code carries another sign-in's nonce."""
    ana, eve = world.browser(), world.browser()
    stolen = _query(await world.provider.visit(await ana.leave(), "ana"))["code"]
    own = _query(await world.provider.visit(await eve.leave(), "eve"))
    # A provider that does not look at the verifier: give the stolen code the challenge of Eve's own.
    world.provider.codes[stolen].challenge = world.provider.codes[own["code"]].challenge

    answer = await eve.get(f"{CALLBACK}?{urlencode({**own, 'code': stolen})}")

    assert problem_of(answer) == FAILED and await eve.me() == {}


async def test_a_state_that_was_not_given_out_is_refused(world: World) -> None:
    """Empty, short, and one of the right shape."""
    browser = world.browser()
    back = _query(await world.provider.visit(await browser.leave(), "ana"))

    answers = [
        await browser.get(f"{CALLBACK}?{urlencode({**back, 'state': state})}")
        for state in ("", "guessed", "A" * 43)
    ]

    assert [problem_of(answer) for answer in answers] == ["sign_in_state_lost"] * 3


async def test_a_parameter_that_comes_twice_is_refused(world: World) -> None:
    """Two readers could take two different ones."""
    browser = world.browser()
    back = await world.provider.visit(await browser.leave(), "ana")

    answer = await browser.come_back(back + "&code=another")

    assert problem_of(answer) == FAILED and await browser.me() == {}


async def test_the_answer_of_another_issuer_is_refused(world: World) -> None:
    """Mix-up (RFC 9207): named as somebody else's, or not named by a provider that always does."""
    browser = world.browser()
    back = _query(await world.provider.visit(await browser.leave(), "ana"))
    another = {**back, "iss": "https://login.evil.example"}
    unnamed = {name: value for name, value in back.items() if name != "iss"}

    answers = [await browser.get(f"{CALLBACK}?{urlencode(one)}") for one in (another, unnamed)]

    assert [problem_of(one) for one in answers] == [FAILED, FAILED]
    assert "/token" not in world.provider.asked  # the code went nowhere


async def test_a_planted_session_does_not_become_somebodys(world: World) -> None:
    """Session fixation: signing in makes a new token and ends whatever session the browser had."""
    eve, ana = world.browser(), world.browser()
    await eve.sign_in("eve")
    planted = eve.cookies["__Host-appliance"]
    ana.cookies["__Host-appliance"] = planted
    ana.cookies["__Host-appliance-begun"] = "chosen-by-eve"

    await ana.sign_in("ana")
    (me, of_eve) = (await ana.me(), await eve.me())

    assert ana.cookies["__Host-appliance"] != planted
    assert me["email"] == "ana@corp.example" and of_eve == {}


def _claims(**changes: Any) -> Callable[[IdentityProvider], None]:
    """A token that says something else; None: that does not say it at all."""

    def tell(provider: IdentityProvider) -> None:
        def change(claims: dict[str, Any]) -> None:
            for name, value in changes.items():
                if value is None:
                    claims.pop(name, None)
                else:
                    claims[name] = value(claims) if callable(value) else value

        provider.claims = change

    return tell


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unsigned(provider: IdentityProvider) -> None:
    provider.sign = lambda claims: f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."


def _signed_with_the_public_key(provider: IdentityProvider) -> None:
    """HMAC with what everybody can read: the oldest trick against libraries that believe the header."""
    key = provider.keys[0]

    def sign(claims: dict[str, Any]) -> str:
        text = f"{_encoded({'alg': 'HS256', 'kid': key.kid})}.{_encoded(claims)}"
        digest = hmac.digest(key.as_pem(private=False), text.encode(), "sha256")
        return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    provider.sign = sign


def _signed_by_a_stranger(provider: IdentityProvider) -> None:
    stranger, kid = signing_key(), provider.keys[0].kid
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": kid}, claims, stranger)


def _with_a_key_of_its_own(provider: IdentityProvider) -> None:
    stranger = signing_key()
    header = {"alg": "RS256", "jwk": stranger.as_dict(private=False), "jku": "https://evil.example/jwks"}
    provider.sign = lambda claims: jwt.encode(header, claims, stranger)


def _altered(provider: IdentityProvider) -> None:
    sound = provider.signed

    def sign(claims: dict[str, Any]) -> str:
        provider.sign = None
        header, _, signature = sound(claims).split(".")
        changed = json.dumps({**claims, "sub": "boss", "email": "boss@corp.example"}).encode()
        return f"{header}.{base64.urlsafe_b64encode(changed).decode().rstrip('=')}.{signature}"

    provider.sign = sign


LIES: dict[str, Callable[[IdentityProvider], None]] = {
    "wrong nonce": _claims(nonce="another"),
    "no nonce": _claims(nonce=None),
    "other audience": _claims(aud="another-client"),
    "two audiences no party": _claims(aud=[CLIENT, "another-client"]),
    "other party": _claims(azp="another-client"),
    "no audience": _claims(aud=None),
    "other issuer": _claims(iss="https://login.evil.example"),
    "almost the issuer": _claims(iss=lambda claims: claims["iss"] + "/"),
    "expired": _claims(exp=lambda claims: claims["iat"] - 61),
    "no expiry": _claims(exp=None),
    "expiry not a number": _claims(exp=float("nan")),
    "from the future": _claims(iat=lambda claims: claims["iat"] + 120),
    "not yet valid": _claims(nbf=lambda claims: claims["iat"] + 120),
    "nobody": _claims(sub=None),
    "empty subject": _claims(sub=""),
    "subject too long": _claims(sub="s" * 256),
    "no time of issue": _claims(iat=None),
    "subject is a number": _claims(sub=17),
    "alg none": _unsigned,
    "hmac with the public key": _signed_with_the_public_key,
    "strangers key": _signed_by_a_stranger,
    "key in the header": _with_a_key_of_its_own,
    "altered": _altered,
    "garbage": lambda provider: setattr(provider, "sign", lambda claims: "no.token"),
    "no token": lambda provider: setattr(provider, "sign", lambda claims: ""),
}


async def test_a_token_that_does_not_hold_is_refused(world: World) -> None:
    """Each check by itself: everything else about the sign-in is as it should be."""
    outcomes = {}
    for name, lie in LIES.items():
        world.provider.claims, world.provider.sign = (lambda claims: None), None
        lie(world.provider)
        browser = world.browser()
        outcomes[name] = problem_of(await browser.sign_in())
        assert "__Host-appliance" not in browser.cookies, name

    assert outcomes == dict.fromkeys(LIES, FAILED)
    assert await world.one.accounts.people.by_email("ana@corp.example") is None


async def test_userinfo_of_somebody_else_is_not_believed(world: World) -> None:
    """A token without an address, and an address for another subject."""
    provider = world.provider
    provider.in_userinfo = ("email",)
    sound = provider.people["ana"]
    provider.people["ana"] = {**sound, "sub": "eve"}
    provider.claims = lambda claims: claims.update(sub="ana")

    answer = await world.browser().sign_in()

    assert problem_of(answer) == FAILED


async def test_a_clock_a_little_off_is_no_attack(world: World) -> None:
    """Within `clock_skew_s` either way."""
    ahead, behind = world.browser(), world.browser()
    sound = world.provider.now
    world.provider.now = lambda: sound() + 45
    await ahead.sign_in()
    world.provider.now = lambda: sound() - 330  # its tokens last 300 s: 30 s past
    await behind.sign_in()

    assert (await ahead.me())["email"] == (await behind.me())["email"] == "ana@corp.example"


async def test_keys_are_read_again_when_they_have_changed(world: World) -> None:
    """A rotation is no outage; tokens of the old key are not taken once the new ones are known."""
    await world.browser().sign_in()
    old = world.provider.keys[0]
    world.provider.rotate()
    rotated = world.browser()
    await rotated.sign_in()
    world.provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": old.kid}, claims, old)

    refused = await world.browser().sign_in()

    assert (await rotated.me())["email"] == "ana@corp.example" and problem_of(refused) == FAILED


async def test_made_up_keys_do_not_make_us_ask_for_ever(world: World) -> None:
    """Looking for new keys is done at most twice a minute, however many bad tokens come."""
    await world.browser().sign_in()
    _signed_by_a_stranger(world.provider)
    for _ in range(4):
        await world.browser().sign_in()

    assert world.provider.asked.count("/jwks") == 2


async def test_a_crowd_of_beginnings_is_stopped(
    world: World, valkey: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each keeps something for ten minutes, so one address cannot fill the memory."""
    monkeypatch.setattr("appliance.services.single_sign_on.pending._BEGUN_A_MINUTE", 3)
    browser = world.browser()
    answers = [await browser.get("/api/sign-in/oidc") for _ in range(5)]
    kept = [key async for key in valkey.scan_iter("single-sign-on:pending:*")]

    assert problem_of(answers[-1]) == "too_many_attempts"
    assert len(kept) == 3 and all([await valkey.ttl(key) > 0 for key in kept])


async def test_nothing_secret_lies_readable_in_the_stores(
    world: World, database: Database, valkey: Redis
) -> None:
    """Neither state nor the browser's secret in Valkey, neither token in PostgreSQL."""
    browser = world.browser()
    url = await browser.leave()
    state, secret = parse_qs(urlsplit(url).query)["state"][0], browser.cookies["__Host-appliance-begun"]
    in_valkey = b"".join(
        [key + await valkey.get(key) async for key in valkey.scan_iter("single-sign-on:pending:*")]
    )
    await browser.come_back(await world.provider.visit(url, "ana"))
    async with database.connection() as connection:
        rows = await connection.execute("SELECT id_token, refresh_token FROM session_proofs")
        sealed = b"".join(bytes(one) for row in await rows.fetchall() for one in row)

    assert in_valkey and state.encode() not in in_valkey and secret.encode() not in in_valkey
    assert sealed and next(iter(world.provider.refresh_tokens)).encode() not in sealed
    assert b"eyJ" not in sealed


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
