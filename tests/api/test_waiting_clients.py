"""Other people's clients in line: comments in the stream disturb none of them, a refusal after them is an error.

Each is unchanged, in an environment of its own; a proxy between shows that the comments were really there.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from appliance.fairness.settings import GateSettings
from appliance.storage.roles import DatabaseRole, url_as
from inference.testing.fake_engine import FakeEngine
from tests.client_environment import client_node, client_python
from tests.conftest import ROLE_SECRET, Servers
from tests.faults.cutting_proxy import CuttingProxy, Tcp
from tests.faults.observing import until_metric
from tests.faults.raw_client import RawClient, events, post
from tests.gateway_harness import Gateway, engine_settings, running_gateway, until

pytestmark = pytest.mark.slow

CLIENTS = Path(__file__).parent / "clients"
STREAM = {"model": "fake", "messages": [{"role": "user", "content": "How are you?"}], "stream": True}
COMMENT = b": queue position="


def openai_python() -> tuple[list[str], Path, bytes]:
    """Command, folder, what it reads."""
    return [str(client_python("openai>=3,<4")), str(CLIENTS / "waiting_openai.py")], CLIENTS, b""


def openai_node() -> tuple[list[str], Path, bytes]:
    """The same for node."""
    node = client_node("openai@7.57.0")
    script = (CLIENTS / "waiting_openai.mjs").read_bytes()
    return [*node.words, "--input-type=module", "-"], node.folder, script


def langchain() -> tuple[list[str], Path, bytes]:
    """On top of the official SDK."""
    python = client_python("openai>=3,<4", "langchain-openai")
    return [str(python), str(CLIENTS / "waiting_langchain.py")], CLIENTS, b""


def llama_index() -> tuple[list[str], Path, bytes]:
    """For servers that are like OpenAI's."""
    python = client_python("llama-index-llms-openai-like")
    return [str(python), str(CLIENTS / "waiting_llama_index.py")], CLIENTS, b""


SDKS = [openai_python, openai_node, langchain, llama_index]
Prepare = Callable[[], tuple[list[str], Path, bytes]]


@pytest.fixture
def line(servers: Servers, valkey: Redis, owner_url: str) -> Any:
    """Makes a gateway with one slot that is taken, and a recording proxy before it."""

    @asynccontextmanager
    async def made(max_wait_s: float) -> AsyncIterator[tuple[Gateway, FakeEngine, CuttingProxy, RawClient]]:
        async with (
            FakeEngine() as engine,
            running_gateway(
                {"local": engine_settings(engine.base_url, max_running=1)},
                valkey_url=servers.valkey.url,
                database_url=url_as(owner_url, DatabaseRole.API, ROLE_SECRET),
                settings=GateSettings(comment_after_s=0.5, max_wait_s=max_wait_s),
            ) as gateway,
            CuttingProxy(Tcp("127.0.0.1", port_of(gateway)), is_recording=True) as proxy,
            RawClient(port_of(gateway)) as holder,
        ):
            engine.behaviour.tokens, engine.behaviour.pace_s = 5000, 0.05
            await holder.send(post("/v1/chat/completions", STREAM, key="bea"))
            await holder.read_until(b"data: ")
            engine.behaviour.tokens = None
            yield gateway, engine, proxy, holder

    return made


def port_of(gateway: Gateway) -> int:
    """Where it listens."""
    return int(gateway.base_url.rpartition(":")[2])


async def run(command: list[str], folder: Path, script: bytes, base_url: str) -> Any:
    """What the client printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        base_url,
        "ana",
        "fake",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
    )
    out, err = await process.communicate(script)
    assert process.returncode == 0, err.decode()[-3000:]
    return json.loads(out)


def comments(proxy: CuttingProxy) -> int:
    """That went to the client so far."""
    return sum(connection.recorded.count(COMMENT) for connection in proxy.connections)


@pytest.mark.parametrize("client", SDKS)
async def test_the_answer_comes_after_the_wait(line: Any, client: Prepare) -> None:
    """Whoever waited for seconds, with a comment each, gets the words and nothing but the words."""
    prepared = await asyncio.to_thread(client)
    async with line(60.0) as (_, _, proxy, holder):
        asking = asyncio.create_task(run(*prepared, f"{proxy.url}/v1"))
        await until(lambda: comments(proxy) >= 2 or asking.done(), 60)

        holder.leave()

        seen = await asking
    assert comments(proxy) >= 2
    assert seen == {"words": "Echo: How are you?", "error": None}


@pytest.mark.parametrize("client", SDKS)
async def test_a_refusal_after_comments_is_an_error(line: Any, client: Prepare) -> None:
    """The status was sent already: the client raises its API error with our code and sentence, and no words."""
    prepared = await asyncio.to_thread(client)
    async with line(3.0) as (_, _, proxy, _):
        seen = await run(*prepared, f"{proxy.url}/v1")

    assert comments(proxy) >= 1
    assert seen["words"] == "" and seen["error"] is not None
    kind, code, message = seen["error"]
    assert kind.endswith("Error") and "waited" in message
    assert code in ("queue_full", "None", "undefined")


async def curl(url: str, *words: str) -> str:
    """What curl shows of a streamed question."""
    binary = shutil.which("curl")
    if binary is None:
        pytest.skip("curl is not on this machine")
    process = await asyncio.create_subprocess_exec(
        binary,
        *("-sN", "-H", "authorization: Bearer ana", "-H", "content-type: application/json"),
        *("-d", json.dumps(STREAM), *words, url),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return out.decode()


async def test_curl_shows_the_place_and_then_the_answer(line: Any) -> None:
    """A person at a terminal sees where they stand."""
    async with line(60.0) as (_, _, proxy, holder):
        asking = asyncio.create_task(curl(f"{proxy.url}/v1/chat/completions"))
        await until(lambda: comments(proxy) >= 2 or asking.done(), 60)
        holder.leave()
        shown = await asking

    assert ": queue position=1" in shown and ": served-by local:local" in shown
    assert events(shown.encode())[-1] == "[DONE]"


async def test_curl_without_comments_has_the_true_status(line: Any) -> None:
    """`x-queue-comments: off`: the headers wait for the answer, so a refusal is a 429 with its time."""
    async with line(2.0) as (gateway, _, proxy, _):
        shown = await curl(f"{proxy.url}/v1/chat/completions", "-i", "-H", "x-queue-comments: off")
        await until_metric(gateway, "appliance_waiting_requests", 0)

    assert shown.startswith("HTTP/1.1 429 ") and "retry-after: " in shown.lower()
    assert comments(proxy) == 0
