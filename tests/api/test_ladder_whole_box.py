"""The ladder of a whole box, as its operator configures it: OpenAI's own SDK sees each rung as the ones above it go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from inference.testing.fake_cloud import FakeCloud
from inference.testing.fake_engine import FakeEngine, Fault
from tests.client_environment import client_python
from tests.conftest import Servers
from tests.knowledge_harness import data, embedder_home
from tests.waiting import until
from tests.whole_gateway import WholeGateway, whole_gateway

__all__ = ["data", "embedder_home"]

SCRIPT = Path(__file__).parent / "clients" / "openai_ladder.py"
OPEN = "The canteen opens at noon. On Fridays there is soup."
QUESTION = "When does the canteen open?"


@dataclass
class World:
    """The box, its engines, and a cloud by TLS."""

    gateway: WholeGateway
    first: FakeEngine
    second: FakeEngine
    little: FakeEngine
    cloud: FakeCloud


class Sdk:
    """OpenAI's own, in an environment of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def asked(self, model: str = "big", question: str = QUESTION, **more: Any) -> dict[str, Any]:
        """One request, to its end."""
        told = {"model": model, **({"messages": [{"role": "user", "content": question}]} | more)}
        if "input" in told:
            del told["messages"]
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(told).encode() + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def sdk_at(url: str, key: str) -> AsyncIterator[Sdk]:
    """Skips the test where it cannot be installed."""
    python = await asyncio.to_thread(client_python, "openai>=3,<4")
    pipe = asyncio.subprocess.PIPE
    words = (str(python), str(SCRIPT), f"{url}/v1", key)
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
    try:
        yield Sdk(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@pytest.fixture
async def world(
    owner_url: str, servers: Servers, embedder_home: Path, data: Path, tmp_path: Path
) -> AsyncIterator[World]:
    """Questions may leave when nothing here answers; documents stay, as they do unless somebody marks them."""
    async with AsyncExitStack() as stack:
        first, second, little = [
            await stack.enter_async_context(FakeEngine([model])) for model in ("big", "big", "small")
        ]
        cloud = await stack.enter_async_context(FakeCloud("openai", ["gpt-4o-mini"], tls=True))
        authority = tmp_path / "authority.pem"
        authority.write_bytes(cloud.ca_pem)
        local = {"one": (first, "big"), "two": (second, "big"), "three": (little, "small")}
        sections = "".join(
            f'[engines.{name}]\nengine = "openai_compatible"\nbase_url = "{engine.base_url}"\nmodels = ["{model}"]\n'
            f"fallback_only = {'true' if name == 'two' else 'false'}\n"
            for name, (engine, model) in local.items()
        )
        configuration = (
            f'{sections}[engines.far]\nengine = "cloud"\nprovider = "openai"\nbase_url = "{cloud.base_url}"\n'
            f'api_key = "{cloud.api_key}"\nmodel_map = {{ big = "gpt-4o-mini" }}\nca_file = "{authority}"\n'
            f'[models]\ndefault = "big"\n[models.smaller]\nbig = ["small"]\n'
            f'[leaving]\nwhen = "local_down"\n[egress]\ninside = ["127.0.0.1:{cloud.port}"]\n'
        )
        gateway = await stack.enter_async_context(
            whole_gateway(owner_url, servers, embedder_home, data, configuration)
        )
        yield World(gateway, first, second, little, cloud)


async def test_each_rung_of_a_box_as_the_engines_go_one_by_one(world: World) -> None:
    """The model, a second engine, a smaller model, a cloud, the documents' words, and a sentence in the end."""
    file = await world.gateway.upload("ana", "handbook.txt", OPEN.encode())
    made = await world.gateway.ok(
        "ana", "POST", "/v1/vector_stores", {"name": "handbook", "file_ids": [file]}
    )
    await world.gateway.read("ana", f"/v1/vector_stores/{made['id']}/files/{file}")

    async with sdk_at(world.gateway.url, world.gateway.keys["ana"]) as sdk:
        seen = [await sdk.asked()]
        await world.first.stop()
        seen.append(await sdk.asked(stream=True))
        await world.second.stop()
        seen.append(await sdk.asked())
        seen.append(await sdk.asked(extra_headers={"x-allow-smaller": "false"}))
        await world.little.stop()
        seen.append(await sdk.asked(stream=True))
        response = await sdk.asked(input="Hello there")
        within = {"vector_store_ids": [made["id"]]}
        documents = await sdk.asked("answer-with-sources", extra_body=within)
        sent = [request.payload for request in world.cloud.requests]
        world.cloud.behaviour.fault = Fault.HTTP_500
        refused = await sdk.asked()

    assert [(answer["by"], answer["rung"]) for answer in seen] == [
        ("local:one", "same"),
        ("local:two", "elsewhere"),
        ("local:three", "smaller"),
        ("cloud:far", "cloud"),
        ("cloud:far", "cloud"),
    ]
    assert all(answer["text"] == f"Echo: {QUESTION}" for answer in seen)
    assert response == {
        "text": "Echo: Hello there",
        "served_by": "cloud:far",
        "rung": "cloud",
        "answered_as": "OpenAI (gpt-4o-mini)",
    }
    assert (documents["by"], documents["rung"]) == ("local:documents", "quoted")
    assert "The canteen opens at noon." in documents["text"]
    assert len(sent) == 3 and "soup" not in str(sent)
    assert refused["error"] == "InternalServerError"

    await _everything_is_written_down(world)


async def _everything_is_written_down(world: World) -> None:
    """What left stands in the ledger, with the decision that allowed it; usage tells the rungs apart."""
    left = await world.gateway.ok("root", "GET", "/api/egress")
    used = await world.gateway.ok("ana", "GET", "/api/usage?by=rung")

    began = [line for line in left["data"] if line["purpose"] == "cloud"]
    assert began and all(line["decision"] and line["actor"] == "ana@example.com" for line in began)
    counted = {row["key"]: row["requests"] for row in used["data"]}
    assert {name: counted[name] for name in ("elsewhere", "smaller", "cloud", "quoted")} == {
        "elsewhere": 1,
        "smaller": 1,
        "cloud": 3,
        "quoted": 1,
    }


async def test_a_turn_of_the_page_keeps_who_answered(world: World) -> None:
    """The page reads it with the turn: a cloud by its name and model."""
    for engine in (world.first, world.second, world.little):
        await engine.stop()

    begun = await world.gateway.ok("ana", "POST", "/api/turns", {"question": "Hello there", "model": "big"})
    path = f"/api/conversations/{begun['conversation_id']}"
    turn = await _ended(world, path)

    by = {"served_by": "cloud:far", "rung": "cloud", "answered_as": "OpenAI (gpt-4o-mini)"}
    assert {name: turn[name] for name in by} == by
    assert {name: turn["done"][name] for name in by} == by


async def _ended(world: World, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    async def is_over() -> bool:
        nonlocal found
        found = (await world.gateway.ok("ana", "GET", path))["turns"][0]
        return bool(found["status"] != "running")

    await until(is_over)
    return found
