"""The one way out to the identity provider: nothing followed, nothing endless, nothing inside that was not named."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from appliance.errors import IdentityProviderUnavailable
from appliance.services.single_sign_on.outgoing import AddressRefused, GuardedResolver, OutgoingHttp
from tests.accounts_world import serving


async def _answer(request: Request) -> Response:
    return JSONResponse({"cookie": request.headers.get("cookie")}, headers={"set-cookie": "a=b"})


async def _redirect(request: Request) -> Response:
    return RedirectResponse("/answer")


async def _flood(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):  # 4 MiB
            yield b"x" * 65536
            await asyncio.sleep(0)

    return StreamingResponse(pieces())


async def _silent(request: Request) -> Response:
    await asyncio.Event().wait()
    raise AssertionError


ROUTES = {"/answer": _answer, "/redirect": _redirect, "/flood": _flood, "/silent": _silent}


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """Answers, redirects, sends too much, never begins."""
    async with serving(Starlette(routes=[Route(path, one) for path, one in ROUTES.items()])) as url:
        yield url


async def test_an_answer_comes_whole_and_no_cookie_is_kept(server: str) -> None:
    """Twice: the second request carries nothing of the first answer."""
    http = OutgoingHttp(["127.0.0.1"])
    try:
        replies = [await http.get(f"{server}/answer") for _ in range(2)]
    finally:
        await http.close()

    assert [(reply.status, reply.body) for reply in replies] == [(200, b'{"cookie":null}')] * 2


@pytest.mark.parametrize("path", ["/redirect", "/flood", "/silent"])
async def test_what_is_no_plain_answer_is_refused(server: str, path: str) -> None:
    """A redirect is not followed, a flood is cut at 1 MiB, silence ends with the time-out."""
    http = OutgoingHttp(["127.0.0.1"], timeout=aiohttp.ClientTimeout(total=0.5 if path == "/silent" else 30))
    try:
        with pytest.raises(IdentityProviderUnavailable):
            await http.get(server + path)
    finally:
        await http.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.7/token",
        "https://[::ffff:10.0.0.7]/token",
        "https://127.0.0.1:5432/",
        "file:///etc/passwd",
        "https://user:secret@login.corp.example/",
        "http://login.corp.example/token",
        "https://",
    ],
)
async def test_addresses_that_nobody_named_are_not_called(url: str) -> None:
    """Before any connection is made."""
    http = OutgoingHttp(["login.corp.example"])
    try:
        with pytest.raises(IdentityProviderUnavailable, match="not safe to call"):
            await http.get(url)
    finally:
        await http.close()


class KnownNames(AbstractResolver):
    """Name → addresses."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self._names[host]
        ]

    async def close(self) -> None:
        pass


async def test_a_name_that_leads_inside_is_refused_unless_it_was_named() -> None:
    """Looked at with the answer that the connection uses; one private address among public ones is enough."""
    names = KnownNames(
        {
            "rebinding.example": ["8.8.8.8", "10.0.0.7"],
            "oauth2.example": ["8.8.8.8"],
            "login.corp.example": ["10.0.0.7"],
        }
    )
    resolver = GuardedResolver(frozenset({"login.corp.example"}), names)

    with pytest.raises(AddressRefused, match="internal_hosts"):
        await resolver.resolve("rebinding.example")
    assert [one["host"] for one in await resolver.resolve("oauth2.example")] == ["8.8.8.8"]
    assert [one["host"] for one in await resolver.resolve("login.corp.example")] == ["10.0.0.7"]
