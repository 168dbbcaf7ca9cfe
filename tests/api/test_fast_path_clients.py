"""Other people's clients, unchanged, against a running gateway: the official SDK and langchain-openai."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.fairness.settings import GateSettings
from appliance.storage.database import Database
from appliance.storage.roles import DatabaseRole, url_as
from inference.embedding.onnx_embedder import OnnxEmbedder
from inference.testing.fake_engine import FakeEngine
from tests.client_environment import client_python
from tests.conftest import ROLE_SECRET, Servers
from tests.embedding_models import built_model
from tests.gateway_harness import Gateway, engine_settings, person, running_gateway

pytestmark = pytest.mark.slow

CLIENTS = Path(__file__).parent / "clients"
HOLD = {"model": "fake", "messages": [{"role": "user", "content": "hold"}]}
EMBEDDED = "text-embedding-3-small"  # an alias, as people have it in their scripts


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """With the real embedded model."""
    embedder = OnnxEmbedder(built_model())
    async with running_gateway(
        {"local": engine_settings(engine.base_url, max_running=4)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        settings=GateSettings(comment_after_s=0.0),
        aliases={"gpt-4o-mini": "fake", EMBEDDED: embedder.model_id},
        embedder=embedder,
    ) as running:
        yield running


async def run_client(gateway: Gateway, python: Path, script: str) -> Any:
    """What the script printed, run beside this event loop."""
    process = await asyncio.create_subprocess_exec(
        str(python),
        str(CLIENTS / script),
        f"{gateway.base_url}/v1",
        "ana",
        "gpt-4o-mini",
        EMBEDDED,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3000:]
    return json.loads(out)


async def test_the_official_sdk_works_unchanged(gateway: Gateway) -> None:
    """Models, chat streamed and not, tools, JSON schema, completions, embeddings; mistakes are its own exceptions."""
    python = await asyncio.to_thread(client_python, "openai>=3,<4")

    seen = await run_client(gateway, python, "openai_sdk.py")

    assert seen["version"].startswith("3.")
    assert {"fake", "gpt-4o-mini", EMBEDDED} <= set(seen["models"]) and seen["model"] == "gpt-4o-mini"
    assert seen["whole"] == seen["streamed"] == "Echo: How are you?"
    assert seen["usage"] > 0 and seen["stream_usage"] == seen["usage"]
    assert seen["tool"][0][0] == "weather" and "city" in seen["tool"][0][1]
    assert "age" in seen["shaped"] and seen["legacy"].startswith("Echo:")
    assert seen["dimensions"] == [384, 384] and seen["same_vector"] < 1e-6
    assert seen["errors"] == {
        "unknown model": ["NotFoundError", "model"],
        "unknown model looked up": ["NotFoundError", "model"],
        "unknown key": ["AuthenticationError", None],
        "unknown key, chat": ["AuthenticationError", None],
        "negative tokens": ["BadRequestError", "max_tokens"],
        "no messages": ["BadRequestError", "messages"],
        "token ids": ["BadRequestError", "input"],
        "dimensions": ["BadRequestError", "dimensions"],
    }


async def test_the_official_sdk_bears_queue_comments(
    gateway: Gateway, engine: FakeEngine, database: Database
) -> None:
    """While others keep every slot busy its streams wait, see comments, and end as if nothing had been."""
    python = await asyncio.to_thread(client_python, "openai>=3,<4")
    engine.behaviour.ttft_s = 0.1
    others = [asyncio.create_task(_busy(gateway)) for _ in range(8)]

    seen = await run_client(gateway, python, "openai_sdk.py")

    for other in others:
        other.cancel()
    assert seen["streamed"] == "Echo: How are you?"
    async with database.viewing(person("ana").viewer) as connection:
        cursor = await connection.execute("SELECT max(wait_ms) FROM requests")
        (longest_ms,) = await cursor.fetchone() or (0,)
    assert longest_ms > 10


async def _busy(gateway: Gateway) -> None:
    while True:
        async with gateway.post("chat/completions", HOLD, key="bea") as response:
            await response.read()


async def test_langchain_works_unchanged(gateway: Gateway) -> None:
    """ChatOpenAI and OpenAIEmbeddings(check_embedding_ctx_length=False)."""
    python = await asyncio.to_thread(client_python, "openai>=3,<4", "langchain-openai")

    seen = await run_client(gateway, python, "langchain_client.py")

    assert seen["whole"] == seen["streamed"] == "Echo: How are you?"
    assert seen["tool"] == ["weather"] and seen["shaped"] == "Person"
    assert seen["dimensions"] == [384, 384]
