"""A storm of retries by clients is not multiplied by us, and ends when the engines are well again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine, Fault
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, running_gateway, until

CLIENTS, ATTEMPTS = 20, 3  # as often as OpenAI's clients try


@pytest.fixture
async def engines() -> AsyncIterator[list[FakeEngine]]:
    """Two that serve the same model and fail."""
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(FakeEngine()) for _ in range(2)]
        for engine in started:
            engine.behaviour.fault = Fault.HTTP_500
        yield started


@pytest.fixture
async def gateway(
    servers: Servers, valkey: Redis, owner_url: str, engines: list[FakeEngine]
) -> AsyncIterator[Gateway]:
    """Four slots on each."""
    settings = {f"e{n}": engine_settings(engine.base_url, max_running=4) for n, engine in enumerate(engines)}
    url = url_as(owner_url, DatabaseRole.API, ROLE_SECRET)
    async with running_gateway(settings, valkey_url=servers.valkey.url, database_url=url) as running:
        yield running


def calls(engine: FakeEngine) -> int:
    """How often it was asked for an answer."""
    return sum(request.path.endswith("/chat/completions") for request in engine.requests)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_request_is_tried_once_on_each_engine(
    gateway: Gateway, engines: list[FakeEngine], stream: bool
) -> None:
    """Twenty clients try three times, at once: no attempt reaches an engine twice, most reach none; no slot is left."""
    question = {"model": "fake", "messages": [{"role": "user", "content": "Hello"}], "stream": stream}

    async def ask() -> int:
        for _ in range(ATTEMPTS):
            async with gateway.post("chat/completions", question) as response:
                await response.read()
                if response.status == 200:
                    break
        return response.status

    statuses = await asyncio.gather(*(ask() for _ in range(CLIENTS)))

    assert all(status >= 500 for status in statuses)
    assert all(calls(engine) <= CLIENTS * ATTEMPTS for engine in engines)
    assert sum(map(calls, engines)) < CLIENTS * ATTEMPTS  # both are soon out of rotation
    leases = gateway.room.gate.leases
    await until(lambda: leases.requests.waiting == 0 and not leases.requests.running)

    for engine in engines:
        engine.behaviour.fault = Fault.NONE
    breakers = gateway.room.circuits.breakers
    await until(lambda: breakers.is_closed("e0", "fake") and breakers.is_closed("e1", "fake"))
    assert set(await asyncio.gather(*(ask() for _ in range(CLIENTS)))) == {200}
