"""Other people's clients, unchanged, at /v1/responses: the official SDK and langchain-openai."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.fairness.settings import GateSettings
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from tests.client_environment import client_python
from tests.conftest import ROLE_SECRET, Servers
from tests.gateway_harness import Gateway, engine_settings, running_gateway

pytestmark = pytest.mark.slow

CLIENTS = Path(__file__).parent / "clients"
HOLD = {"model": "fake", "messages": [{"role": "user", "content": "hold"}]}


@pytest.fixture
async def gateway(
    engine: FakeEngine, servers: Servers, valkey: Redis, owner_url: str
) -> AsyncIterator[Gateway]:
    """Places in the queue are shown at once."""
    async with running_gateway(
        {"local": engine_settings(engine.base_url, max_running=4)},
        valkey_url=servers.valkey.url,
        database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
        settings=GateSettings(comment_after_s=0.0),
        aliases={"gpt-4o-mini": "fake"},
    ) as running:
        yield running


async def run_client(gateway: Gateway, script: str, *requirements: str) -> Any:
    """What the script printed, run beside this event loop."""
    python = await asyncio.to_thread(client_python, *requirements)
    process = await asyncio.create_subprocess_exec(
        *(str(python), str(CLIENTS / script), f"{gateway.base_url}/v1", "ana", "gpt-4o-mini"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3000:]
    return json.loads(out)


def check_sdk(seen: dict[str, Any]) -> None:
    """All that the official SDK was promised."""
    assert seen["whole"] == seen["streamed"] == seen["accumulated"] == "Echo: How are you?"
    assert seen["last"] == "response.completed" and seen["usage"] > 0 and seen["retrieved"] is True
    assert seen["parsed"] == "Person" and seen["further"] == "Echo: And now?"
    assert len(seen["items"]) == 3 and len(set(seen["items"])) == 3
    assert seen["tools"] == ["weather", {"city": "text"}, "response.completed", True, True]
    assert seen["stateless"] == ["Echo: Weather?", False]
    assert seen["errors"] == {
        "unknown model": ["NotFoundError", "model"],
        "built-in tool": ["BadRequestError", "tools[0].type"],
        "background": ["BadRequestError", "background"],
        "far picture": ["BadRequestError", "input[0].content[0].image_url"],
        "somebody else's": ["NotFoundError", None],
        "going on from somebody else's": ["NotFoundError", "previous_response_id"],
        "deleting somebody else's": ["NotFoundError", None],
        "cancelling a complete one": ["BadRequestError", None],
        "deleted": ["NotFoundError", None],
        "going on from a deleted one": ["NotFoundError", "previous_response_id"],
    }


async def test_the_official_sdk_works_unchanged(gateway: Gateway) -> None:
    """Whole, streamed, parsed, with tools, going on, reading again, deleting; mistakes are its own exceptions."""
    check_sdk(await run_client(gateway, "responses_sdk.py", "openai>=3,<4"))


async def test_the_official_sdk_bears_waiting(gateway: Gateway, engine: FakeEngine) -> None:
    """While others keep every slot busy its streams see comments and `response.queued`, and end as ever."""
    engine.behaviour.ttft_s = 0.05
    others = [asyncio.create_task(_busy(gateway)) for _ in range(8)]

    seen = await run_client(gateway, "responses_sdk.py", "openai>=3,<4")

    for other in others:
        other.cancel()
    check_sdk(seen)


async def _busy(gateway: Gateway) -> None:
    while True:
        async with gateway.post("chat/completions", HOLD, key="bea") as response:
            await response.read()


async def test_langchain_works_unchanged(gateway: Gateway) -> None:
    """ChatOpenAI(use_responses_api=True): whole, streamed, tools, structured output, previous_response_id."""
    seen = await run_client(gateway, "responses_langchain.py", "openai>=3,<4", "langchain-openai")

    assert seen["whole"] == seen["streamed"] == "Echo: How are you?" and seen["usage"] > 0
    assert seen["further"] == "Echo: Two" and seen["previous"]
    assert seen["tool"] == "weather" and seen["told"] == "Echo: Weather?"
    assert seen["streamed tool"] == ["weather"] and seen["shaped"] == "Person"


async def test_the_agents_sdk_works_unchanged(gateway: Gateway) -> None:
    """It goes round until the model calls no tool any more, whole and streamed."""
    seen = await run_client(gateway, "responses_agents.py", "openai-agents")

    assert seen["whole"] == seen["streamed"] == "Echo: Weather?"
    assert seen["items"] == ["tool_call_item", "tool_call_output_item", "message_output_item"]
    assert seen["completed"] == 2 and seen["shaped"] == "Person"


async def test_llama_index_works_unchanged(gateway: Gateway) -> None:
    """OpenAIResponses: whole, streamed, with a tool."""
    seen = await run_client(gateway, "responses_llama_index.py", "llama-index-llms-openai")

    assert seen == {"whole": "Echo: How are you?", "streamed": "Echo: How are you?", "tool": "Sun in text"}
