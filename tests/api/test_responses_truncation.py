"""`truncation`: a conversation that has outgrown the model, asked for with the oldest left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from tests.api.test_responses import answered
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, running_gateway

LONG = " ".join(["word"] * 200)
SAID: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": f"first {LONG}"},
    {"role": "assistant", "content": f"second {LONG}"},
    {"role": "user", "content": f"third {LONG}"},
    {"role": "assistant", "content": "fourth"},
    {"role": "user", "content": "fifth"},
]


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """Reads 512 tokens; a word is one."""
    async with FakeEngine(models=("fake",), context_tokens=512) as started:
        yield started


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """Before that engine, which counts tokens as vLLM does."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, kind="vllm", max_running=2)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
    ) as running:
        yield running


async def _first_words(engine: FakeEngine) -> list[str]:
    chats = [request for request in engine.requests if request.path.endswith("chat/completions")]
    return [message["content"].split()[0] for message in chats[-1].payload["messages"]]


async def test_auto_leaves_out_the_oldest(gateway: Gateway, engine: FakeEngine) -> None:
    """As much as must go, beside the room for the answer; what was said to the system stays."""
    response = await answered(gateway, input=SAID, truncation="auto", max_output_tokens=100)

    assert await _first_words(engine) == ["Be", "third", "fourth", "fifth"]
    assert response["truncation"] == "auto"
    assert response["dropped"] == {"messages": 2, "tokens": 402}


async def test_disabled_refuses_with_the_numbers(gateway: Gateway, engine: FakeEngine) -> None:
    """OpenAI's code, its own field's name, and by how much it is too long; the engine is not asked."""
    async with gateway.post("responses", {"model": "fake", "input": SAID}) as response:
        error = (await response.json())["error"]

    assert (response.status, error["code"], error["param"]) == (400, "context_length_exceeded", "input")
    assert error["detail"]["values"] == {"model": "'fake'", "prompt": "607", "context": "512", "over": "96"}
    assert not [request for request in engine.requests if request.path.endswith("chat/completions")]


async def test_what_fits_is_not_touched(gateway: Gateway, engine: FakeEngine) -> None:
    """The conversation arrives as it was sent."""
    await answered(gateway, input=SAID[3:], truncation="auto")

    assert await _first_words(engine) == ["third", "fourth", "fifth"]
