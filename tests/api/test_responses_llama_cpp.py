"""/v1/responses with a real language model: the official SDK, the gate, llama.cpp and the small trained model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.api.test_responses import answered
from tests.conftest import Servers
from tests.contracts.engines.rows import TAUGHT
from tests.gateway_harness import Gateway, until
from tests.llama_gateway import gateway_before_llama_cpp
from tests.taught_answers import sdk_answers


@pytest.fixture
async def gateway(servers: Servers, valkey: Redis, owner_url: str) -> AsyncIterator[Gateway]:
    """In front of a llama.cpp with two slots."""
    async with gateway_before_llama_cpp(servers, owner_url) as running:
        yield running


async def test_the_official_sdk_gets_every_taught_answer(gateway: Gateway) -> None:
    """Every answer and each tool call exactly, streamed and not."""
    seen = await sdk_answers(gateway.base_url, "ana", "tiny", "responses_chat.py")

    assert seen["whole"] == seen["streamed"] == TAUGHT["chat"]
    assert seen["called"] == TAUGHT["tool_calls"]


async def test_a_schema_holds(gateway: Gateway) -> None:
    """text.format reaches the engine: what comes back is JSON of that shape."""
    schema = {"type": "object", "properties": {"legs": {"enum": [6, 8]}}, "required": ["legs"]}
    response = await answered(
        gateway,
        model="tiny",
        input="How many legs has a spider?",
        text={"format": {"type": "json_schema", "name": "legs", "schema": schema}},
        max_output_tokens=40,
    )

    assert json.loads(response["output"][0]["content"][0]["text"])["legs"] in (6, 8)


@pytest.mark.parametrize("stream", [True, False])
async def test_leaving_frees_the_real_engine(gateway: Gateway, stream: bool) -> None:
    """llama.cpp itself says that nothing runs any more."""
    payload: dict[str, Any] = {
        "model": "tiny",
        "input": "What is your name?",
        "stream": stream,
        "max_output_tokens": 100_000,
        "ignore_eos": True,
    }

    async def runs() -> bool:
        (engine, _), *_ = gateway.roster.resolve("tiny")
        return (await engine.load()).running > 0

    async def is_idle() -> bool:
        return not await runs()

    async def call() -> None:
        async with gateway.post("responses", payload) as response:
            await response.read()

    calling = asyncio.create_task(call())
    await until(runs)

    calling.cancel()

    await until(is_idle)
