"""The account routes over HTTP: cookies, bodies, and whose things are whose."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis

from appliance.domain.people import Role
from appliance.storage.database import Database
from tests.accounts_world import (
    PASSWORD,
    SAME_SITE,
    Worker,
    add_person,
    bearer,
    first_administrator,
    keep_cookie,
    key_of,
    signed_in,
    token_of,
    worker,
)


@pytest.fixture
async def one(database: Database, valkey: Redis) -> AsyncIterator[Worker]:
    """A gateway process."""
    async with worker(database, valkey) as running:
        yield running


async def boss_of(one: Worker) -> httpx.AsyncClient:
    """An administrator's browser."""
    first = await first_administrator(one.accounts)
    return await signed_in(one, first.email, first.password)


async def test_signing_in_and_out(one: Worker) -> None:
    """The cookie is the only place where the token is told; signing out takes it away on both sides."""
    await add_person(one.accounts)
    browser = await signed_in(one)

    me = await browser.get("/api/me")
    assert me.json()["email"] == "ana@box.example"
    assert me.headers["set-cookie"].startswith(f"__Host-appliance={token_of(browser)}")
    assert me.headers["cache-control"] == "no-store"
    sessions = (await browser.get("/api/sessions")).json()["data"]
    assert [(s["is_current"], s["address"]) for s in sessions] == [(True, "203.0.113.9")]
    gone = await browser.delete("/api/sessions/current")
    assert (gone.status_code, "Max-Age=0" in gone.headers["set-cookie"]) == (204, True)
    assert (await browser.get("/api/me")).status_code == 401


async def test_signing_in_ends_the_session_the_browser_had(one: Worker) -> None:
    """Session fixation: the token a browser brings is never the one it leaves with."""
    await add_person(one.accounts)
    browser = await signed_in(one)
    before = browser.headers["cookie"]

    again = await browser.post("/api/sessions", json={"email": "ana@box.example", "password": PASSWORD})
    keep_cookie(browser, again)

    assert browser.headers["cookie"] != before
    assert len((await browser.get("/api/sessions")).json()["data"]) == 1
    browser.headers["cookie"] = before
    assert (await browser.get("/api/me")).status_code == 401


async def test_another_site_cannot_sign_its_visitor_in(one: Worker) -> None:
    """Nor use a one-time link in the visitor's browser."""
    await add_person(one.accounts)
    foreign = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
    body = {"email": "ana@box.example", "password": PASSWORD}

    refused = await one.client.post("/api/sessions", json=body, headers=foreign)

    assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
    for path in ("/api/invitations/use", "/api/password-resets/use"):
        link = {"token": "A" * 43, "password": PASSWORD}
        assert (await one.client.post(path, json=link, headers=foreign)).status_code == 403


async def test_a_wrong_password_is_a_401_and_too_many_a_429(one: Worker) -> None:
    """With OpenAI's body, and with the seconds to wait."""
    await add_person(one.accounts)
    body = {"email": "ana@box.example", "password": "not the password"}

    answers = [await one.client.post("/api/sessions", json=body) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[0].json()["error"]["code"] == "sign_in_failed"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60


BAD_BODIES = {
    "not JSON": (b"{", "invalid_json", None),
    "nothing": (b"", "invalid_request", None),
    "a list": (b"[]", "invalid_json", None),
    "missing field": (b'{"email": "a@b.example"}', "invalid_request", "password"),
    "wrong type": (b'{"email": 5, "password": "x"}', "invalid_request", "email"),
    "an object": (b'{"email": {"$ne": null}, "password": "x"}', "invalid_request", "email"),
    "unknown field": (
        b'{"email": "a@b.example", "password": "x", "role": "admin"}',
        "invalid_request",
        "role",
    ),
    "very long": (
        b'{"email": "a@b.example", "password": "' + b"x" * 2000 + b'"}',
        "invalid_request",
        "password",
    ),
    "ten thousand deep": (b"[" * 10_000 + b"]" * 10_000, "nested_too_deep", None),
    "invalid UTF-8": (b'{"email": "\xff\xfe", "password": "x"}', "invalid_json", None),
    "NaN": (b'{"email": NaN, "password": "x"}', "invalid_json", None),
    "a key twice": (
        b'{"email": "a@b.example", "password": "x", "email": "c@d.example"}',
        "duplicate_key",
        "email",
    ),
}


async def test_a_bad_body_is_a_400_that_names_the_field(one: Worker) -> None:
    """And never repeats what was sent: there may be a password in it."""
    for case, (body, code, param) in BAD_BODIES.items():
        answer = await one.client.post(
            "/api/sessions", content=body, headers={"content-type": "application/json"}
        )

        assert answer.status_code == 400, (case, answer.text)
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}, case
        if code is not None:
            assert (error["code"], error["param"]) == (code, param), case
        assert "xxxx" not in answer.text, case


@pytest.mark.parametrize("tells_length", [True, False])
async def test_a_huge_body_is_refused_while_it_comes(one: Worker, tells_length: bool) -> None:
    """Ten megabytes to a route that needs a hundred bytes: refused at the limit, whatever Content-Length says."""
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(160):
            sent += 65_536
            yield b" " * 65_536

    content = b" " * (10 * 1024 * 1024) if tells_length else pieces()
    answer = await one.client.post(
        "/api/sessions", content=content, headers={"content-type": "application/json"}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
    assert sent <= 1024 * 1024 + 2 * 65_536


async def test_a_person_is_added_with_a_password_or_invited(one: Worker) -> None:
    """The made password works; the invitation's token stands behind # and lets its holder choose a password."""
    boss = await boss_of(one)

    made = (await boss.post("/api/users", json={"email": "ana@box.example", "role": "auditor"})).json()
    invited = (await boss.post("/api/users", json={"email": "luis@box.example", "invite": True})).json()

    assert (await (await signed_in(one, "ana@box.example", made["password"])).get("/api/me")).json()[
        "role"
    ] == "auditor"
    assert "password" not in invited
    page, _, token = invited["invitation"]["url"].partition("#")
    assert page == "http://127.0.0.1:8080/invitation"
    stranger = one.browser()
    looked = await stranger.post("/api/invitations/look", json={"token": token})
    assert looked.json()["email"] == "luis@box.example"
    used = await stranger.post("/api/invitations/use", json={"token": token, "password": PASSWORD})
    again = await stranger.post("/api/invitations/use", json={"token": token, "password": "something else"})
    assert (used.status_code, again.status_code, again.json()["error"]["code"]) == (
        204,
        404,
        "link_not_valid",
    )
    await signed_in(one, "luis@box.example")


async def test_a_key_is_shown_once(one: Worker) -> None:
    """Listing tells the first characters; revoking refuses the next request."""
    await add_person(one.accounts)
    browser = await signed_in(one)

    made = (await browser.post("/api/keys", json={"name": "laptop", "routes": ["/v1"]})).json()
    listed = await browser.get("/api/keys")

    assert made["key"] not in listed.text
    assert listed.json()["data"][0]["prefix"] == made["key"][:10]
    assert (await one.client.get("/v1/models", headers=bearer(made["key"]))).status_code == 200
    assert (await one.client.get("/api/me", headers=bearer(made["key"]))).status_code == 403
    await browser.delete(f"/api/keys/{made['id']}")
    assert (await one.client.get("/v1/models", headers=bearer(made["key"]))).status_code == 401


async def test_every_id_of_somebody_else_is_closed(one: Worker) -> None:
    """Each route with an id, asked by another person: 403 or 404, and nothing has changed."""
    boss = await boss_of(one)
    ana = (await boss.post("/api/users", json={"email": "ana@box.example", "password": PASSWORD})).json()
    group = (await boss.post("/api/groups", json={"name": "Legal"})).json()
    key = (await boss.post("/api/keys", json={"name": "of the boss"})).json()
    session = (await boss.get("/api/sessions")).json()["data"][0]
    me = (await boss.get("/api/me")).json()
    browser = await signed_in(one)
    attempts = [
        ("GET", f"/api/users/{me['id']}", None),
        ("PATCH", f"/api/users/{me['id']}", {"name": "x"}),
        ("PATCH", f"/api/users/{ana['id']}", {"role": "admin"}),
        ("PATCH", f"/api/users/{ana['id']}", {"is_suspended": False}),
        ("GET", "/api/users", None),
        ("POST", "/api/users", {"email": "x@box.example"}),
        ("POST", "/api/users/import", {"csv": "email\nx@box.example"}),
        ("GET", "/api/account-events", None),
        ("POST", "/api/groups", {"name": "x"}),
        ("PATCH", f"/api/groups/{group['id']}", {"name": "x"}),
        ("DELETE", f"/api/groups/{group['id']}", None),
        ("PUT", f"/api/groups/{group['id']}/members", {"user_ids": [ana["id"]]}),
        ("DELETE", f"/api/keys/{key['id']}", None),
        ("POST", "/api/keys", {"user_id": me["id"]}),
        ("GET", "/api/keys?everybody=true", None),
        ("DELETE", f"/api/sessions/{session['id']}", None),
        ("POST", "/api/invitations", {"user_id": me["id"]}),
        ("POST", "/api/password-resets", {"user_id": me["id"]}),
        ("GET", f"/api/users/{uuid4()}", None),
    ]

    for method, path, body in attempts:
        asked = await browser.request(method, path, json=body)
        unasked = await one.client.request(method, path, json=body)
        assert asked.status_code in (403, 404), (method, path, asked.text)
        assert unasked.status_code == 401, (method, path, unasked.text)

    assert (await boss.get("/api/me")).json() == me
    assert (await boss.get(f"/api/users/{ana['id']}")).json()["role"] == "user"
    assert (await boss.get("/api/groups")).json()["data"] == [group]
    assert (await browser.get("/api/groups")).json()["data"] == []


async def test_only_the_fields_a_route_names_can_be_written(one: Worker) -> None:
    """Nobody raises their own role by sending it to a route about names."""
    await add_person(one.accounts)
    browser = await signed_in(one)

    for field in ({"role": "admin"}, {"is_suspended": False}, {"id": str(uuid4())}, {"email": "x@y.example"}):
        answer = await browser.patch("/api/me", json=field)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(field)))
    assert (await browser.patch("/api/me", json={"language": "es"})).json()["language"] == "es"


async def test_groups_over_http(one: Worker) -> None:
    """Made, filled, renamed, removed; the name is unique in every spelling."""
    boss = await boss_of(one)
    ana = await add_person(one.accounts)
    group = (await boss.post("/api/groups", json={"name": "Legal"})).json()

    assert (await boss.post("/api/groups", json={"name": "LEGAL"})).status_code == 409
    path = f"/api/groups/{group['id']}"
    assert (await boss.put(f"{path}/members", json={"user_ids": [str(ana.id)]})).status_code == 204
    assert (await boss.put(f"{path}/members", json={"user_ids": [str(uuid4())]})).status_code == 404
    browser = await signed_in(one)
    assert (await browser.get("/api/me")).json()["group_ids"] == [group["id"]]
    assert (await boss.patch(path, json={"name": "Law"})).json()["name"] == "Law"
    assert (await boss.delete(path)).status_code == 204
    assert (await browser.get("/api/me")).json()["group_ids"] == []
    assert (await boss.delete(path)).status_code == 404


async def test_an_auditor_reads_and_changes_nothing(one: Worker) -> None:
    """People, groups, keys and events, but no verb that writes."""
    await first_administrator(one.accounts)
    auditor = await add_person(one.accounts, "eva@box.example", Role.AUDITOR)
    browser = await signed_in(one, "eva@box.example")

    for path in ("/api/users", "/api/groups", "/api/keys?everybody=true", "/api/account-events"):
        assert (await browser.get(path)).status_code == 200
    assert (await browser.patch(f"/api/users/{auditor.id}", json={"role": "admin"})).status_code == 403
    assert (await browser.post("/api/groups", json={"name": "x"})).status_code == 403


async def test_a_suspended_person_is_out_of_every_door(one: Worker) -> None:
    """Session, key and delegated token end together; a day later they are all welcome again."""
    boss = await boss_of(one)
    user = await add_person(one.accounts)
    browser, key = await signed_in(one), await key_of(one.accounts, user)
    caller = await one.accounts.authentication.by_session(token_of(browser))
    delegated = one.accounts.authentication.delegate(caller)

    async def statuses() -> list[int]:
        answers = [
            await browser.get("/probe"),
            await one.client.get("/probe", headers=bearer(key)),
            await one.client.get("/probe", headers=bearer(delegated)),
        ]
        return [answer.status_code for answer in answers]

    assert await statuses() == [200, 200, 200]
    await boss.patch(f"/api/users/{user.id}", json={"is_suspended": True})
    assert await statuses() == [401, 401, 401]
    await boss.patch(f"/api/users/{user.id}", json={"is_suspended": False})
    assert await statuses() == [200, 200, 200]


async def test_headers_cannot_be_injected(one: Worker) -> None:
    """What a client sends as an id or as text never becomes a header of ours."""
    hostile = "x\r\nset-cookie: a=b"
    answers = [
        await one.client.get("/probe", headers={"x-request-id": "a b; <script>"}),
        await one.client.get("/probe", headers=[(b"x-request-id", b"x" * 500)]),
        await one.client.get(f"/api/users/{'%0d%0aset-cookie:a=b'}"),
        await one.client.post("/api/sessions", json={"email": hostile, "password": hostile}),
    ]

    for answer in answers:
        assert "set-cookie" not in answer.headers
        assert answer.headers["x-request-id"].startswith("req_")
    kept = await one.client.get("/probe", headers={"x-request-id": "mine-1"})
    assert kept.headers["x-request-id"] == "mine-1"


async def test_the_description_is_open_and_its_page_is_not_there(one: Worker) -> None:
    """/api/openapi.json describes the API; the interactive page loads foreign scripts and is off."""
    described = await one.client.get("/api/openapi.json")

    assert "/api/sessions" in json.loads(described.content)["paths"]
    for path in ("/api/docs", "/docs", "/redoc", "/openapi.json"):
        answer = await one.client.get(path, headers=SAME_SITE)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_lone_surrogates_and_nul_are_text_like_any_other(one: Worker) -> None:
    """JSON can carry what PostgreSQL cannot hold: a 4xx, never a 500."""
    boss = await boss_of(one)
    bodies = [
        ("/api/sessions", '{"email": "\\u0000@x", "password": "\\ud800"}'),
        ("/api/users", '{"email": "a\\u0000@x.example"}'),
        ("/api/users", '{"email": "a@x.example", "name": "\\ud800"}'),
        ("/api/groups", '{"name": "\\u0000"}'),
        ("/api/keys", '{"name": "\\ud83d"}'),
        ("/api/keys", '{"models": ["\\u0000"]}'),
        ("/api/users/import", '{"csv": "email,groups\\na@x.example,\\u0000"}'),
        ("/api/invitations/look", '{"token": "\\ud800"}'),
    ]

    for path, body in bodies:
        answer = await boss.post(path, content=body, headers={"content-type": "application/json"})
        if path == "/api/users/import":
            assert answer.json()["data"][0]["error"]
        else:
            assert 400 <= answer.status_code < 500, (path, answer.text)
