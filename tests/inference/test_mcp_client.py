"""What a stranger's MCP server can do to us: nothing but answer, in text, within bounds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from inference.errors import InferenceError, ToolServerBroken, ToolServerUnavailable
from inference.mcp.client import ToolServers
from inference.mcp.schemas import harmless, objection, plain
from inference.mcp.types import Bounds, Endpoint
from inference.testing.fake_mcp_server import ECHO, FakeMcpServer, Trouble
from tests.waiting import until

TIGHT = Bounds(seconds=20.0, most_bytes=256 * 1024)


@asynccontextmanager
async def plain_post(
    endpoint: Endpoint, body: bytes, headers: Mapping[str, str]
) -> AsyncIterator[aiohttp.ClientResponse]:
    """As to a neighbour, without looking at addresses."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session,
        session.post(endpoint.url, data=body, headers=headers, allow_redirects=False) as response,
    ):
        yield response


async def called(server: FakeMcpServer, bounds: Bounds = TIGHT) -> Any:
    """What its tool `echo` gives back."""
    return await ToolServers(plain_post).call(
        Endpoint(server.url, is_outside=False), "echo", {"text": "hola"}, bounds
    )


async def test_tools_are_listed_and_called() -> None:
    """With their schema and a fingerprint that changes with any word of theirs."""
    async with FakeMcpServer() as server:
        servers, endpoint = ToolServers(plain_post), Endpoint(server.url, is_outside=False)
        (tool,), left_out = await servers.listed(endpoint)
        assert (tool.name, left_out, tool.says_read_only) == ("echo", [], True)
        assert objection(tool.input_schema, {"text": "a"}) == ""
        assert "text" in objection(tool.input_schema, {})
        assert json.loads((await called(server)).text) == {"text": "hola"}
        server.tools = [{**ECHO, "description": "Gives back what it was told. "}]
        (changed,), _ = await servers.listed(endpoint)
        assert changed.description == tool.description and changed.fingerprint != tool.fingerprint


@pytest.mark.parametrize(
    "trouble", [Trouble.HUGE, Trouble.ENDLESS, Trouble.GARBAGE, Trouble.PACKED, Trouble.WANTS_INPUT]
)
async def test_too_much_or_nonsense_is_refused(trouble: Trouble) -> None:
    """A result of 20 MiB, a stream without end, no JSON, a packed body, a wish for our model: an error, soon."""
    async with FakeMcpServer(trouble=trouble, period_s=0.0) as server:
        with pytest.raises(ToolServerBroken):
            await called(server)


@pytest.mark.parametrize("trouble", [Trouble.DRIP, Trouble.SILENT])
async def test_who_takes_for_ever_is_left(trouble: Trouble) -> None:
    """A byte now and then does not keep a call alive."""
    async with FakeMcpServer(trouble=trouble) as server:
        with pytest.raises(ToolServerUnavailable, match="longer than"):
            await called(server, Bounds(seconds=0.5))


async def test_a_redirect_is_not_followed() -> None:
    """Not even on the same server: the one address alone is spoken to."""
    async with FakeMcpServer() as other, FakeMcpServer(trouble=Trouble.REDIRECT) as server:
        for there in (other.url, server.url + "/elsewhere", "http://169.254.169.254/latest/meta-data/"):
            server.redirect_to = there
            with pytest.raises(InferenceError):
                await called(server)
        assert other.requests == []
        assert {one.path for one in server.requests} == {"/mcp"}


async def test_what_it_asks_of_us_is_refused() -> None:
    """A model, our files, words of the person: each gets an error, and the call goes on."""
    async with FakeMcpServer(trouble=Trouble.ASKS, period_s=0.2) as server:
        assert json.loads((await called(server)).text) == {"text": "hola"}
        replies = [one.message for one in server.requests if "method" not in one.message and one.message]
        assert all("error" in reply and "result" not in reply for reply in replies)
        assert "hola" not in json.dumps(replies)
        capabilities = [
            one.message["params"]["capabilities"]
            for one in server.requests
            if one.message.get("method") == "initialize"
        ]
        assert capabilities == [{}]


async def test_nothing_is_sent_but_posts_without_cookies() -> None:
    """No stream to listen to, no session to end, no cookie given back; a picture is thrown away."""
    async with FakeMcpServer(trouble=Trouble.COOKIES) as server:
        await called(server)
        await called(server)
        assert {one.method for one in server.requests} == {"POST"}
        assert not [one for one in server.requests if "cookie" in {name.lower() for name in one.headers}]
        server.trouble = Trouble.BINARY
        outcome = await called(server)
        assert outcome.dropped == ("image",) and "AAAA" not in outcome.text


async def test_lists_without_end_end() -> None:
    """Pages for ever are read a few times; a list of 20 MB is refused."""
    async with FakeMcpServer(trouble=Trouble.LISTS_FOR_EVER) as server:
        servers, endpoint = ToolServers(plain_post), Endpoint(server.url, is_outside=False)
        tools, _ = await servers.listed(endpoint)
        assert [tool.name for tool in tools] == ["echo"]
        server.trouble = Trouble.LISTS_HUGE
        with pytest.raises(ToolServerBroken):
            await servers.listed(endpoint)


async def test_a_call_that_is_given_up_ends_at_the_server_too() -> None:
    """Its connection is closed."""
    async with FakeMcpServer() as server:
        server.held.clear()
        call = asyncio.create_task(called(server))
        await until(lambda: bool(server.calls))
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await until(lambda: server.is_gone > 0)


def test_a_schema_cannot_cost_time_or_lead_elsewhere() -> None:
    """Patterns, references and unknown words are gone; what is too deep, too large or no object is refused."""
    evil = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": "^(a+)+$", "$ref": "http://169.254.169.254/"}},
        "patternProperties": {"^(x+)+$": {}},
        "$defs": {"b": {"$ref": "#/$defs/b"}},
    }
    left = harmless(evil)
    assert left == {"type": "object", "properties": {"a": {"type": "string"}}}
    assert objection(left, {"a": "a" * 10_000 + "!"}) == ""
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(30):
        deep = {"type": "object", "properties": {"x": deep}}
    for bad in (
        deep,
        {"type": "array"},
        {"type": "object", "description": "x" * 20_000},
        {"type": "object", "required": 3},
    ):
        with pytest.raises(ValueError, match="its"):
            harmless(bad)
    assert plain("Sum\u202e\x00\x1b[31m  of\nit") == "Sum[31m of it"
