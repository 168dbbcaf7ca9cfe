"""The whole way with a real language model: the official SDK, the gate, llama.cpp and the small trained model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from appliance.storage.database import Database
from tests.conftest import Servers
from tests.contracts.engines.rows import TAUGHT
from tests.gateway_harness import Gateway, person, until
from tests.llama_gateway import gateway_before_llama_cpp
from tests.taught_answers import TAUGHT_CALLS, sdk_answers


@pytest.fixture
async def gateway(servers: Servers, valkey: Redis, owner_url: str) -> AsyncIterator[Gateway]:
    """In front of a llama.cpp with two slots."""
    async with gateway_before_llama_cpp(servers, owner_url) as running:
        yield running


async def test_the_official_sdk_gets_every_taught_answer(gateway: Gateway, database: Database) -> None:
    """22 answers and each tool call exactly, streamed and not; the tokens of all of them are on record."""
    seen = await sdk_answers(gateway.base_url, "ana", "tiny")

    assert seen["whole"] == seen["streamed"] == TAUGHT["chat"]
    assert seen["called"] == TAUGHT["tool_calls"]

    async def all_counted() -> bool:
        async with database.viewing(person("ana").viewer) as connection:
            cursor = await connection.execute(
                "SELECT count(*) FROM requests WHERE status = 'completed' AND NOT is_estimated"
                " AND prompt_tokens > 0 AND completion_tokens > 0 AND engine = 'laptop'"
            )
            return await cursor.fetchone() == (TAUGHT_CALLS,)

    await until(all_counted)
    async with database.viewing(person("ana").viewer) as connection:
        cursor = await connection.execute(
            "SELECT bool_and(engine_seconds > 0 AND engine_seconds * 1000 <= total_ms + 1), bool_and(joules IS NULL),"
            " (SELECT sum(h.engine_seconds) FROM usage_hours h) = sum(engine_seconds::float8) FROM requests"
        )
        # every one had the engine, no longer than it lasted; nobody measured any energy; the hours hold the sum
        assert await cursor.fetchone() == (True, True, True)


async def test_a_schema_holds(gateway: Gateway) -> None:
    """response_format reaches the engine: what comes back is JSON of that shape."""
    schema = {"type": "object", "properties": {"legs": {"enum": [6, 8]}}, "required": ["legs"]}
    payload = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "How many legs has a spider?"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "legs", "schema": schema}},
        "max_tokens": 40,
    }
    async with gateway.post("chat/completions", payload) as response:
        answer = await response.json()

    assert json.loads(answer["choices"][0]["message"]["content"])["legs"] in (6, 8)


@pytest.mark.parametrize("stream", [True, False])
async def test_leaving_frees_the_real_engine(gateway: Gateway, stream: bool) -> None:
    """llama.cpp itself says that nothing runs any more."""
    payload = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "What is your name?"}],
        "stream": stream,
        "max_tokens": 100_000,
        "ignore_eos": True,
    }

    async def runs() -> bool:
        (engine, _), *_ = gateway.roster.resolve("tiny")
        return (await engine.load()).running > 0

    async def is_idle() -> bool:
        return not await runs()

    async def call() -> None:
        async with gateway.post("chat/completions", payload) as response:
            await response.read()

    calling = asyncio.create_task(call())
    await until(runs)

    calling.cancel()

    await until(is_idle)
