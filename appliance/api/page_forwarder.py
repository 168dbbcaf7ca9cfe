"""The page at `/`: our own files, signing in, and the ui's server behind an exact allow-list.

Gradio's routes trust whoever knows a session hash or a file's path, so nothing reaches them that is not on the list,
and no hash but by the session that used it first. The cookie stops here: the ui gets a token that dies with the
session. Knows nothing of what the ui draws.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol
from urllib.parse import parse_qs
from uuid import UUID

import aiohttp
import orjson
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from appliance.api.errors import send_error
from appliance.api.page_assets import PageAssets
from appliance.api.page_shell import (
    PageNotUsable,
    SignInOffer,
    View,
    link_page,
    page_around,
    preferred_language,
    sign_in_page,
    waiting_page,
)
from appliance.domain.people import Caller, Language
from appliance.errors import (
    ApplianceError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    PartUnavailable,
    TooLarge,
)
from appliance.services.accounts.live_requests import LiveRequest, LiveRequests

logger = logging.getLogger(__name__)

LANGUAGE_COOKIE = "appliance_language"
SIGN_IN_PAGE = "/sign-in"
_PAGE = re.compile(r"/(?:c/[0-9a-f-]{36})?")
_LINK_PAGES = {"/invitation": "link_invitation_lead", "/password-reset": "link_reset_lead"}
_OWN_FILE = re.compile(r"/page/[0-9a-f]{12}/((?:[a-z_]+/)?[a-z_]+\.[a-z0-9]+)")
# Everything that the page was seen to ask of Gradio; trailing-slash twins are other routes and are not on the list.
_ALLOWED = re.compile(
    r"GET (?:/theme\.css|/(?:assets|static)/[\w.@/-]+|/gradio_api/(?:queue/data|heartbeat/\w+))"
    r"|POST /gradio_api/(?:queue/join|cancel|reset)"
)
_SESSION_HASH = re.compile(r"[A-Za-z0-9]{6,40}")
_FORWARDED = (
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "if-none-match",
    "if-modified-since",
    "host",
)
_RETURNED = ("content-type", "content-encoding", "content-length", "etag", "last-modified", "vary")
_MAX_BODY = 1024 * 1024
# The microphone is for dictating; the page asks for nothing else that a browser guards.
_PERMISSIONS = "camera=(), display-capture=(), geolocation=(), microphone=(self), payment=(), usb=()"
_IMMUTABLE = "public, max-age=31536000, immutable"
_UI_PAGE_TIMEOUT_S = 5.0

Headers = list[tuple[bytes, bytes]]


class Bindings(Protocol):
    """Whose session a Gradio `session_hash` is."""

    async def check(self, session_hash: str, session_id: UUID) -> None: ...


@dataclass(frozen=True, slots=True)
class UiAddress:
    """Where the ui's server listens: a unix socket, or a URL when socket is None."""

    url: str = "http://ui"
    socket: str | None = None


class PageForwarder:
    """A raw ASGI application for every path that no API route has taken.

    identify raises NotAuthenticated; it also refuses unsafe requests that another site sent with our cookie.
    delegate: a bearer token for the caller that the public API accepts while the session lives.
    own_origin: our address as this browser knows it, such as `https://box.example`.
    live: ends the events of a tab whose session was withdrawn.
    offer: the ways to sign in.
    """

    def __init__(
        self,
        assets: PageAssets,
        ui: UiAddress,
        identify: Callable[[Request], Awaitable[Caller]],
        delegate: Callable[[Caller], str],
        bindings: Bindings,
        own_origin: Callable[[Scope], str],
        live: LiveRequests,
        offer: SignInOffer | None = None,
    ) -> None:
        self._assets = assets
        self._ui = ui
        self._identify = identify
        self._delegate = delegate
        self._bindings = bindings
        self._own_origin = own_origin
        self._live = live
        self._offer = offer or SignInOffer()
        self._http: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        # A connection each: one that was kept may be closed by the ui's server at the moment in which it is used again,
        # and what people do there is a POST, which nobody may send twice. Every open tab holds two for ever.
        connector = (
            aiohttp.UnixConnector(self._ui.socket, limit=0, force_close=True)
            if self._ui.socket
            else aiohttp.TCPConnector(limit=0, force_close=True)
        )
        self._http = aiohttp.ClientSession(
            connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError("the page is served over HTTP only")
        request = Request(scope, receive)
        answer = _Answer(send, is_head=request.method == "HEAD")
        try:
            await self._serve(request, answer)
        except ApplianceError as error:
            await send_error(error, scope, send)

    async def _serve(self, request: Request, answer: _Answer) -> None:
        method = "GET" if request.method == "HEAD" else request.method
        path = request.url.path
        own_file = _OWN_FILE.fullmatch(path)
        if method == "GET" and own_file:
            await self._send_own_file(own_file[1], request, answer)
        elif method == "GET" and path == "/favicon.ico":
            await self._send_own_file("shell/icon.svg", request, answer, cache="public, max-age=3600")
        elif method == "GET" and path == "/manifest.json":
            await answer.whole(
                200, self._manifest(), "application/manifest+json", {"cache-control": "no-cache"}
            )
        elif method == "GET" and _PAGE.fullmatch(path):
            await self._send_page(request, answer)
        elif method == "GET" and path == SIGN_IN_PAGE:
            view = View(_language(request, None), secrets.token_urlsafe(18))
            page = sign_in_page(self._assets, view, self._offer_for(request))
            await self._send_html(page, view, answer)
        elif method == "GET" and path in _LINK_PAGES:
            view = View(_language(request, None), secrets.token_urlsafe(18))
            await self._send_html(link_page(self._assets, view, _LINK_PAGES[path]), view, answer)
        elif ".." not in path and _ALLOWED.fullmatch(f"{method} {path}"):
            await self._forward(request, answer)
        else:
            raise NotFound

    async def _send_own_file(
        self, name: str, request: Request, answer: _Answer, cache: str = _IMMUTABLE
    ) -> None:
        file = self._assets.files.get(name)
        if file is None:
            raise NotFound
        headers = {"cache-control": cache, "vary": "accept-encoding", "x-content-type-options": "nosniff"}
        body = file.body
        if file.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"], body = "gzip", file.compressed
        await answer.whole(200, body, file.media_type, headers)

    def _manifest(self) -> bytes:
        name = self._assets.texts["en"]["product"]
        icon = {"src": self._assets.address("shell/icon.svg"), "sizes": "any", "type": "image/svg+xml"}
        return orjson.dumps(
            {"name": name, "short_name": name, "start_url": "/", "display": "standalone", "icons": [icon]}
        )

    async def _send_page(self, request: Request, answer: _Answer) -> None:
        caller = None
        with suppress(NotAuthenticated):
            caller = await self._identify(request)
        view = View(_language(request, caller), secrets.token_urlsafe(18), caller)
        if caller is None or caller.session_id is None:
            page = sign_in_page(self._assets, view, self._offer_for(request))
        else:
            try:
                page = page_around(await self._ui_page(request, caller), self._assets, view)
            except (PartUnavailable, PageNotUsable) as error:
                logger.info("the ui's page is not there (%r); sending the chat alone", error)
                page = waiting_page(self._assets, view)
        await self._send_html(page, view, answer)

    def _offer_for(self, request: Request) -> SignInOffer:
        """With what went wrong before, the page that was asked for, and the password form where it is wanted."""
        query, path = request.query_params, request.url.path
        return replace(
            self._offer,
            shows_password=self._offer.shows_password or "local" in query,
            problem=query.get("problem", "")[:60],
            next_path=path if path != SIGN_IN_PAGE else "/",
        )

    async def _send_html(self, page: str, view: View, answer: _Answer) -> None:
        headers = {
            "content-security-policy": view.policy,
            "cache-control": "no-store",
            "permissions-policy": _PERMISSIONS,
            "referrer-policy": "same-origin",
            "x-content-type-options": "nosniff",
        }
        await answer.whole(200, page.encode(), "text/html; charset=utf-8", headers)

    async def _ui_page(self, request: Request, caller: Caller) -> str:
        headers = {**self._headers(request, caller), "accept-encoding": "identity"}
        timeout = aiohttp.ClientTimeout(total=_UI_PAGE_TIMEOUT_S)
        async with self._upstream(request, "/", headers, None, timeout) as response:
            if response.status != HTTPStatus.OK:
                raise PartUnavailable("The ui answered with an error.")
            return await response.text()

    async def _forward(self, request: Request, answer: _Answer) -> None:
        moment = self._live.moment
        caller = await self._identify(request)
        if caller.session_id is None:
            raise NotAuthenticated
        body = await _checked_body(request) if request.method == "POST" else None
        session_hash = _session_hash(request, body)
        if session_hash is not None:
            await self._bindings.check(session_hash, caller.session_id)
        headers = self._headers(request, caller)
        # The body goes on in the form that was checked: a duplicate key cannot mean one thing here and another there.
        data = None if body is None else orjson.dumps(body)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_UI_PAGE_TIMEOUT_S)
        with self._live.track(caller, since=moment) as live:
            async with self._upstream(request, request.url.path, headers, data, timeout) as response:
                await self._relay(request, response, answer, live)

    async def _relay(
        self, request: Request, response: aiohttp.ClientResponse, answer: _Answer, live: LiveRequest
    ) -> None:
        """Pass bytes on until either side ends or the session does; leaving ends the tab's events at the ui."""
        path = request.url.path
        headers = {name: response.headers[name] for name in _RETURNED if name in response.headers}
        headers["cache-control"] = _IMMUTABLE if path.startswith("/assets/") else "no-cache"
        headers["x-content-type-options"] = "nosniff"
        await answer.start(response.status, headers)
        gone = asyncio.create_task(_disconnected(request))
        withdrawn = asyncio.create_task(live.withdrawn())
        relay = asyncio.create_task(answer.stream(response))
        tasks = {gone, withdrawn, relay}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if relay.done():
                await relay
        except aiohttp.ClientError:
            logger.info("the ui broke off in the middle of %s", path)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _upstream(
        self,
        request: Request,
        path: str,
        headers: Mapping[str, str],
        data: bytes | None,
        timeout: aiohttp.ClientTimeout,
    ) -> _Upstream:
        if self._http is None:
            raise PartUnavailable("The page is not open.")
        query = request.url.query if path == request.url.path else ""
        url = self._ui.url.rstrip("/") + path + (f"?{query}" if query else "")
        method = "GET" if request.method == "HEAD" else request.method
        return _Upstream(
            self._http.request(
                method, url, headers=headers, data=data, timeout=timeout, allow_redirects=False
            )
        )

    def _headers(self, request: Request, caller: Caller) -> dict[str, str]:
        headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        scheme, _, host = self._own_origin(request.scope).partition("://")
        headers["host"] = headers["x-forwarded-host"] = host or request.headers.get("host", "")
        headers["x-forwarded-proto"] = scheme or request.url.scheme
        headers["authorization"] = f"Bearer {self._delegate(caller)}"
        headers["x-appliance-language"] = _language(request, caller)
        return headers


class _Upstream:
    """An aiohttp request whose failure to connect is PartUnavailable."""

    def __init__(self, pending: Any) -> None:  # noqa: ANN401  (aiohttp's private context manager)
        self._pending = pending

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            response: aiohttp.ClientResponse = await self._pending.__aenter__()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PartUnavailable("The ui does not answer.") from error
        return response

    async def __aexit__(self, *reason: object) -> None:
        await self._pending.__aexit__(*reason)


class _Answer:
    """The ASGI side of one response."""

    def __init__(self, send: Send, *, is_head: bool) -> None:
        self._send = send
        self._is_head = is_head

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        raw: Headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def whole(self, status: int, body: bytes, media_type: str, headers: Mapping[str, str]) -> None:
        await self.start(status, {"content-type": media_type, "content-length": str(len(body)), **headers})
        await self._send({"type": "http.response.body", "body": b"" if self._is_head else body})

    async def stream(self, response: aiohttp.ClientResponse) -> None:
        if not self._is_head:
            async for piece in response.content.iter_any():
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})


async def _checked_body(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_BODY:
            raise TooLarge(f"The page sends at most {_MAX_BODY} bytes.")
    try:
        parsed = orjson.loads(bytes(body))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("The body is not JSON.") from error
    if not isinstance(parsed, dict):
        raise InvalidRequest("The body is not a JSON object.")
    return parsed


def _session_hash(request: Request, body: dict[str, Any] | None) -> str | None:
    """The hash a request speaks for; None for files, which have none. Raises NotFound where one is due and missing."""
    path = request.url.path
    if not path.startswith("/gradio_api/"):
        return None
    if body is not None:
        found = body.get("session_hash")
    elif path.startswith("/gradio_api/heartbeat/"):
        found = path.rpartition("/")[2]
    else:
        hashes = parse_qs(request.url.query).get("session_hash", [])
        found = hashes[0] if len(hashes) == 1 else None
    if not isinstance(found, str) or not _SESSION_HASH.fullmatch(found):
        raise NotFound
    return found


def _language(request: Request, caller: Caller | None) -> Language:
    chosen = None
    with suppress(CookieError):
        cookie = SimpleCookie(request.headers.get("cookie", "")).get(LANGUAGE_COOKIE)
        chosen = cookie.value if cookie else None
    profile = caller.language if caller else None
    return preferred_language(chosen, profile, request.headers.get("accept-language", ""))


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
