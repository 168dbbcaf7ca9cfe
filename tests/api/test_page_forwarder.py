"""The page's door: what passes to the ui, what never does, and what stands in its place."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from appliance.api.identity import SECURE_COOKIE
from appliance.storage.database import Database
from tests.page_box import PASSWORD, PageBox, Serving, make_box, until_started

PAGE = """<!doctype html><html><head><base href="./" />
<meta property="og:image" content="https://elsewhere.example/x.jpg" />
<script>window.gradio_config = {"label": "\\u003c/script\\u003e\\u003cscript\\u003e"};</script>
<script type="module" src="./assets/index.js"></script></head><body><gradio-app></gradio-app></body></html>"""


@dataclass
class FakeUi:
    """A server that notes what reaches it and answers as Gradio's routes do."""

    seen: list[Request] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    page: str = PAGE
    left: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> Starlette:
        async def anything(request: Request) -> Response:
            self.seen.append(request)
            if request.method == "POST":
                self.bodies.append(await request.json())
            if request.url.path == "/":
                return HTMLResponse(self.page, headers={"set-cookie": "gradio=1"})
            if request.url.path.endswith("queue/data"):
                return StreamingResponse(self._events(), media_type="text/event-stream")
            return JSONResponse({"event_id": "e1"})

        return Starlette(routes=[Route("/{path:path}", anything, methods=["GET", "POST", "PUT", "DELETE"])])

    async def _events(self) -> AsyncIterator[bytes]:
        try:
            yield b'data: {"msg": "process_starts"}\n\n'
            await asyncio.Event().wait()
        finally:
            self.left.set()


@asynccontextmanager
async def _serving(ui: FakeUi, socket: Path) -> AsyncIterator[None]:
    server = Serving(ui.app())
    server.config.port, server.config.uds = 0, str(socket)
    task = await until_started(server)
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        await task


@pytest.fixture
async def box(database: Database, valkey: Redis, tmp_path: Path) -> AsyncIterator[PageBox]:
    """The page's rooms; the ui is there where a test starts one on `ui.sock`."""
    made = make_box(database, valkey, tmp_path / "ui.sock")
    for name in ("ana", "luis"):
        made.people.add(f"{name}@example.org")
    await made.page.open()
    yield made
    await made.page.close()


@pytest.fixture
async def ui(box: PageBox, tmp_path: Path) -> AsyncIterator[FakeUi]:
    """A ui that notes what reaches it."""
    made = FakeUi()
    async with _serving(made, tmp_path / "ui.sock"):
        yield made


def _client(box: PageBox, email: str | None = "ana@example.org", **headers: str) -> httpx.AsyncClient:
    cookies = {SECURE_COOKIE: box.people.sign_in(email)} if email else {}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=box),
        base_url="http://127.0.0.1",
        cookies=cookies,
        headers={"sec-fetch-site": "same-origin", **headers},
        timeout=120,
    )


async def test_signing_in_stands_in_for_the_page_and_needs_nothing_of_the_ui(box: PageBox) -> None:
    """Without a session every page address shows the sign-in form, with status 200 and nothing in the console."""
    async with _client(box, None) as client:
        for path in ("/", "/c/0b7cf2a4-0000-4000-8000-000000000000"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert 'id="sign-in"' in answer.text
            assert "<gradio-app" not in answer.text
        refused = await client.post("/api/sessions", json={"email": "ana@example.org", "password": "wrong"})
        accepted = await client.post("/api/sessions", json={"email": "ana@example.org", "password": PASSWORD})

    assert refused.status_code == 401
    assert accepted.status_code == 200


async def test_our_own_files_are_served_to_everybody_and_kept_for_ever(box: PageBox) -> None:
    """Scripts, styles, icon and manifest come before the session check; another version is another address."""
    async with _client(box, None) as client:
        page = (await client.get("/")).text
        addresses = re.findall(r'(?:src|href)="(/page/[^"]+)"', page)
        answers = [await client.get(address) for address in addresses]
        icon, manifest = await client.get("/favicon.ico"), await client.get("/manifest.json")
        missing = await client.get(addresses[0].rpartition("/")[0] + "/texts.py")

    assert len(addresses) >= 3
    assert all(answer.status_code == 200 for answer in answers)
    assert all("immutable" in answer.headers["cache-control"] for answer in answers)
    assert icon.headers["content-type"] == "image/svg+xml"
    assert manifest.json()["start_url"] == "/"
    assert missing.status_code == 404


async def test_the_page_is_gradios_with_our_parts_and_a_policy(box: PageBox, ui: FakeUi) -> None:
    """Every script carries the nonce of its own response, our element stands before Gradio's, nothing names others."""
    async with _client(box) as client:
        first, second = await client.get("/"), await client.get("/c/0b7cf2a4-0000-4000-8000-000000000000")

    policy = first.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([\w-]+)'", policy)
    assert nonce is not None
    scripts = re.findall(r"<script[^>]*>", first.text)
    assert all(f'nonce="{nonce[1]}"' in script or "application/json" in script for script in scripts)
    assert nonce[1] not in second.text
    assert "unsafe-eval" not in policy
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert first.text.index("<chat-transcript>") < first.text.index("<gradio-app")
    assert '<base href="/">' in second.text
    assert "elsewhere.example" not in first.text
    assert "set-cookie" not in first.headers
    assert first.headers["cache-control"] == "no-store"


async def test_a_label_cannot_bring_a_script_of_its_own(box: PageBox, ui: FakeUi) -> None:
    """Gradio escapes what stands in its configuration, and blessing its scripts does not undo that."""
    async with _client(box) as client:
        page = (await client.get("/")).text

    assert "\\u003c/script\\u003e\\u003cscript\\u003e" in page
    assert len(re.findall(r"<script", page)) == 2 + 3  # Gradio's two, our head's three


async def test_the_chat_stands_alone_while_the_ui_is_not_there(box: PageBox) -> None:
    """A ui that starts or has died costs the tabs, not the questions."""
    async with _client(box) as client:
        answer = await client.get("/")

    assert answer.status_code == 200
    assert "<chat-transcript>" in answer.text
    assert 'id="waiting-ui"' in answer.text
    assert "nonce-" in answer.headers["content-security-policy"]


async def test_an_unknown_page_of_the_ui_is_not_patched_up(box: PageBox, ui: FakeUi) -> None:
    """A ui whose page has changed its shape shows the chat alone instead of something half blessed."""
    ui.page = "<html><script>new shape</script></html>"
    async with _client(box) as client:
        page = (await client.get("/")).text

    assert 'id="waiting-ui"' in page
    assert "new shape" not in page


REFUSED = [
    "GET /config", "GET /gradio_api/startup-events", "GET /gradio_api/info", "GET /gradio_api/openapi.json",
    "POST /gradio_api/upload", "GET /gradio_api/upload_progress", "GET /gradio_api/file=/etc/passwd",
    "GET /gradio_api/file/etc/passwd", "GET /gradio_api/proxy=http://elsewhere.example", "POST /gradio_api/run/predict",
    "POST /gradio_api/api/predict", "POST /gradio_api/call/read", "POST /gradio_api/component_server",
    "GET /gradio_api/stream/a/b/c", "GET /gradio_api/deep_link", "POST /gradio_api/process_recording",
    "GET /gradio_api/app_id", "GET /custom_component/x/client/component/index.js", "POST /login", "GET /logout",
    "GET /gradio_api/token", "GET /token", "GET /user", "GET /monitoring", "GET /gradio_api/dev/reload",
    "POST /gradio_api/queue/join/", "GET /gradio_api/queue/data/", "GET /theme.css/", "GET //theme.css",
    "GET /assets/../config", "GET /assets/%2e%2e/config", "GET /static/..%2fconfig", "GET /gradio_api/queue/join",
    "POST /gradio_api/queue/data", "DELETE /gradio_api/queue/join", "PUT /", "POST /", "OPTIONS /gradio_api/queue/join",
    "GET /c/0b7cf2a4-0000-4000-8000-000000000000/config", "GET /gradio_api/runs", "GET /run-history/x",
    "GET /GRADIO_API/queue/data?session_hash=abcdefgh", "GET /svelte/svelte.js", "GET /robots.txt",
]  # fmt: skip


@pytest.mark.parametrize("route", REFUSED)
async def test_what_is_not_on_the_list_never_reaches_the_ui(box: PageBox, ui: FakeUi, route: str) -> None:
    """Gradio's other routes, twins with a slash, other methods and paths that climb are 404 at our door."""
    method, _, path = route.partition(" ")
    async with _client(box) as client:
        url = httpx.URL("http://127.0.0.1").copy_with(raw_path=path.encode())
        body = {"session_hash": "abcdefgh"} if method in ("POST", "PUT") else None
        answer = await client.request(method, url, json=body)

    assert answer.status_code == 404
    assert ui.seen == []


async def test_assets_pass_with_few_headers_and_are_kept(box: PageBox, ui: FakeUi) -> None:
    """The ui sees no cookie and nothing a client claims about itself, but a token that stands for the person."""
    forged = {
        "x-forwarded-host": "evil.example",
        "x-forwarded-for": "1.2.3.4",
        "x-anything": "1",
        "user-agent": "me",
    }
    async with _client(box, **forged) as client:
        answer = await client.get("/assets/index-Dab.js?x=1")

    (seen,) = ui.seen
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert "cookie" not in seen.headers
    assert "x-anything" not in seen.headers
    assert "x-forwarded-for" not in seen.headers
    assert seen.headers["x-forwarded-host"] == "127.0.0.1"
    token = seen.headers["authorization"].removeprefix("Bearer ")
    assert (await box.people.by_key(token)).email == "ana@example.org"
    assert seen.url.query == "x=1"


async def test_nothing_is_forwarded_without_a_session(box: PageBox, ui: FakeUi) -> None:
    """Neither nobody nor somebody's API key gets anything of the ui's server."""
    caller = box.people.add("key@example.org")
    box.people.delegated["apl_key"] = caller
    async with _client(box, None) as nobody, _client(box, None, authorization="Bearer apl_key") as key:
        answers = [await client.get("/theme.css?v=1") for client in (nobody, key)]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert ui.seen == []


async def test_a_session_hash_belongs_to_whoever_used_it_first(box: PageBox, ui: FakeUi) -> None:
    """Knowing somebody's hash gives neither their events nor a way to act in their tab: it is a 404."""
    async with _client(box) as ana, _client(box, "luis@example.org") as luis:
        joined = await ana.post("/gradio_api/queue/join", json={"session_hash": "anashash01", "data": []})
        answers = [
            await luis.get("/gradio_api/queue/data?session_hash=anashash01"),
            await luis.post("/gradio_api/queue/join", json={"session_hash": "anashash01", "data": []}),
            await luis.get("/gradio_api/heartbeat/anashash01"),
            await luis.post("/gradio_api/cancel", json={"session_hash": "anashash01", "event_id": "e1"}),
            await luis.post("/gradio_api/reset", json={"session_hash": "anashash01", "event_id": "e1"}),
        ]
        own = await luis.post("/gradio_api/queue/join", json={"session_hash": "luishash01", "data": []})

    assert joined.status_code == own.status_code == 200
    assert [answer.status_code for answer in answers] == [404] * 5
    assert [body["session_hash"] for body in ui.bodies] == ["anashash01", "luishash01"]


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/gradio_api/queue/join", b"{}", 404),
        ("POST", "/gradio_api/reset", b'{"event_id": "e1"}', 404),
        ("POST", "/gradio_api/cancel", b'{"session_hash": null, "event_id": "e1"}', 404),
        ("POST", "/gradio_api/queue/join", b'{"session_hash": ["a"]}', 404),
        ("POST", "/gradio_api/queue/join", b'{"session_hash": "../../x"}', 404),
        ("POST", "/gradio_api/queue/join", b"[]", 400),
        ("POST", "/gradio_api/queue/join", b"not json", 400),
        ("POST", "/gradio_api/queue/join", b'{"session_hash": "' + b"x" * 2_000_000 + b'"}', 413),
        ("GET", "/gradio_api/queue/data", b"", 404),
        ("GET", "/gradio_api/queue/data?session_hash=aaaaaaaa&session_hash=bbbbbbbb", b"", 404),
        ("GET", "/gradio_api/heartbeat/x", b"", 404),
    ],
)
async def test_a_request_must_name_one_well_formed_hash(
    box: PageBox, ui: FakeUi, method: str, path: str, content: bytes, status: int
) -> None:
    """No hash, two hashes, or something else in its place never gets through."""
    async with _client(box) as client:
        answer = await client.request(method, path, content=content)

    assert answer.status_code == status
    assert ui.seen == []


async def test_a_duplicate_key_cannot_split_what_is_checked_from_what_is_done(
    box: PageBox, ui: FakeUi
) -> None:
    """The body is forwarded in the form that was checked."""
    async with _client(box) as ana, _client(box, "luis@example.org") as luis:
        await ana.post("/gradio_api/queue/join", json={"session_hash": "anashash01"})
        twice = b'{"session_hash": "anashash01", "session_hash": "luishash01"}'
        answer = await luis.post("/gradio_api/queue/join", content=twice)

    assert answer.status_code == 200
    assert ui.bodies[-1] == {"session_hash": "luishash01"}


async def test_another_site_cannot_press_buttons_here(box: PageBox, ui: FakeUi) -> None:
    """An unsafe request that our page did not send is refused although the cookie is good."""
    async with _client(box) as client:
        answer = await client.post(
            "/gradio_api/queue/join",
            json={"session_hash": "anashash01"},
            headers={"sec-fetch-site": "cross-site"},
        )

    assert answer.status_code == 403
    assert ui.seen == []


async def test_leaving_the_page_ends_its_events_at_the_ui(box: PageBox, ui: FakeUi) -> None:
    """The ui's side of an event stream is closed when the browser goes, so that nothing piles up there."""
    server = Serving(box)
    task = await until_started(server)
    try:
        cookies = {SECURE_COOKIE: box.people.sign_in("ana@example.org")}
        async with (
            httpx.AsyncClient(base_url=server.url, cookies=cookies, timeout=120) as client,
            client.stream("GET", "/gradio_api/queue/data?session_hash=anashash01") as stream,
        ):
            first = await anext(stream.aiter_bytes())
        assert b"process_starts" in first
        async with asyncio.timeout(60):
            await ui.left.wait()
    finally:
        server.should_exit = server.force_exit = True
        await task


@pytest.mark.parametrize(
    ("cookie", "accept", "expected"),
    [
        ("", "es-ES,es;q=0.9,en;q=0.5", "es"),
        ("", "en-GB,en;q=0.9,es;q=0.8", "en"),
        ("", "fr-FR,es;q=0.3,en;q=0.2", "es"),
        ("", "de", "en"),
        ("", "", "en"),
        ("appliance_language=es", "en", "es"),
        ("appliance_language=de</script>", "es", "es"),
        ('appliance_language="></script><script>alert(1)</script>', "en", "en"),
    ],
)
async def test_the_language_follows_the_switch_then_the_browser(
    box: PageBox, cookie: str, accept: str, expected: str
) -> None:
    """One of two languages, whatever a cookie or a header holds; it goes into a script, so nothing else may."""
    async with _client(box, None) as client:
        answer = await client.get("/", headers={"accept-language": accept, "cookie": cookie})

    assert f'<html lang="{expected}">' in answer.text
    assert "alert(1)" not in answer.text


async def test_what_a_person_is_called_cannot_become_a_script(box: PageBox) -> None:
    """The settings in the page are data: an address with markup in it stays text."""
    box.people.add("</script><script>alert(1)//@example.org")
    async with _client(box, "</script><script>alert(1)//@example.org") as client:
        page = (await client.get("/")).text

    assert "<script>alert(1)" not in page
    assert "\\u003c/script\\u003e" in page
