"""Engines of this machine are found by what they answer, and nothing else is taken for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from inference.discovery import FoundEngine, find_local
from inference.testing.fake_engine import FakeEngine
from inference.testing.fake_ollama import FakeOllama, FakeOllamaModel


@asynccontextmanager
async def serving(answers: Mapping[str, web.Response]) -> AsyncIterator[str]:
    """A server with these answers; yields its address."""

    async def answer(request: web.Request) -> web.Response:
        given = answers.get(request.path)
        return (
            web.Response(status=404) if given is None else web.Response(body=given.body, status=given.status)
        )

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_both_are_found_with_their_models(unused_tcp_port: int) -> None:
    """What is printed at the start names kind, address and models."""
    async with FakeEngine(["llama"]) as vllm, FakeOllama([FakeOllamaModel("qwen3:latest")]) as ollama:
        found = await find_local(vllm=vllm.root_url, ollama=ollama.root_url, timeout_s=5)

    assert found == [
        FoundEngine("vllm", vllm.base_url, ("llama",)),
        FoundEngine("ollama", ollama.root_url, ("qwen3",)),
    ]
    assert vllm.base_url in found[0].sentence()
    assert "qwen3" in found[1].sentence()


async def test_an_ollama_without_models_is_one_too() -> None:
    """A fresh Ollama has an empty list; its greeting tells who it is."""
    async with FakeOllama([]) as ollama:
        found = await find_local(vllm=ollama.root_url, ollama=ollama.root_url, timeout_s=5)

    assert [engine.kind for engine in found] == ["ollama"]


async def test_nobody_there_is_an_empty_list(unused_tcp_port: int) -> None:
    """A machine without an engine starts as fast as any other."""
    address = f"http://127.0.0.1:{unused_tcp_port}"

    assert await find_local(vllm=address, ollama=address) == []


OUR_GATEWAY = {
    "/v1/models": web.Response(body=b'{"error": {"message": "no key"}}', status=401),
    "/metrics": web.Response(body=b'{"error": {"message": "no key"}}', status=401),
    "/": web.Response(body=b"<!doctype html><title>appliance</title>"),
    "/healthz": web.Response(body=b"ok"),
}
OPEN_GATEWAY = {
    "/v1/models": web.Response(
        body=b'{"object": "list", "data": [{"id": "answer-with-sources", "owned_by": "appliance"}]}'
    ),
    "/metrics": web.Response(body=b"appliance_requests_total 1\n# vllm:num_requests_running\n"),
}
A_WEB_SITE = {
    path: web.Response(body=b"<html>hello</html>") for path in ("/", "/v1/models", "/metrics", "/api/tags")
}
ODD_JSON = {
    "/v1/models": web.Response(body=b'{"data": [1]}'),
    "/api/tags": web.Response(body=b'{"models": [{"id": "no name"}]}'),
}


@pytest.mark.parametrize("answers", [OUR_GATEWAY, OPEN_GATEWAY, A_WEB_SITE, ODD_JSON])
async def test_other_servers_on_these_ports_are_left_alone(answers: dict[str, web.Response]) -> None:
    """Our own gateway above all: an appliance that chats with itself would never answer."""
    async with serving(answers) as address:
        assert await find_local(vllm=address, ollama=address, timeout_s=5) == []


async def test_a_port_that_accepts_and_stays_silent_costs_only_the_limit() -> None:
    """A socket that is held open for a gateway that is not up yet does not hold up the start."""
    import asyncio

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stay_silent, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async with asyncio.timeout(60):
        assert await find_local(vllm=address, ollama=address, timeout_s=0.05) == []
    server.close()
