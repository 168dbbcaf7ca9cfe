"""Engines that close a stream some time after its [DONE], as vLLM does: clients are gone by then."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from tests.conftest import ROLE_SECRET, Servers
from tests.faults.observing import nothing_is_held, rows_of
from tests.faults.scripted_engine import STREAM_HEAD, ScriptedEngine, chunk, frame
from tests.gateway_harness import engine_settings, running_gateway

STREAM = {"model": "fake", "stream": True, "messages": [{"role": "user", "content": "How are you?"}]}
USAGE = {"usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}}


async def test_whoever_leaves_upon_done_has_a_completed_answer(
    servers: Servers, valkey: Redis, owner_url: str, database: Database
) -> None:
    """OpenAI's SDK closes at [DONE] and does not wait for the engine: that answer was not given up half-way."""
    never = asyncio.Event()

    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunk(frame("Well.")) + chunk(frame("", choices=[], **USAGE)))
        writer.write(chunk(b"data: [DONE]\n\n"))
        await writer.drain()
        await never.wait()

    async with (
        ScriptedEngine(script) as engine,
        running_gateway(
            {"local": engine_settings(engine.base_url, models=["fake"], max_running=1)},
            valkey_url=servers.valkey.url,
            database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        ) as gateway,
    ):
        async with gateway.post("chat/completions", STREAM) as response:
            async for line in response.content:
                if line.startswith(b"data: [DONE]"):
                    break
            response.close()

        (row,) = await rows_of(database)
        assert (row["status"], row["error_code"]) == ("completed", None)
        assert (row["prompt_tokens"], row["completion_tokens"]) == (7, 2)
        assert not row["is_estimated"]
        await nothing_is_held(gateway)
