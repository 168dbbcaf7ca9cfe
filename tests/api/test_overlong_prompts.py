"""Prompts around the end of a real model's context, through the gate and the official SDK: never cut silently.

The small trained model runs on a real llama.cpp with 512 tokens of context, whose own word on each prompt is asked too.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from inference.errors import EngineRefused
from inference.types import EngineRequest
from tests.client_environment import client_python
from tests.conftest import Servers
from tests.gateway_harness import Gateway, until
from tests.llama_gateway import gateway_before_llama_cpp

CLIENT = Path(__file__).parent / "clients" / "openai_overlong.py"
CONTEXT = 512
_LATIN = ["spider", "legs", "river", "the", "of", "Madrid", "año", "niño", "¿qué?", "café", "e\u0301"]
WORDS = [*_LATIN, "東京", "город", "🦜", "{}", "<|end|>", "\n", "1234567890", "\U0001d160"]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather <today> in a city, señor",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
async def gateway(servers: Servers, valkey: Redis, owner_url: str) -> AsyncIterator[Gateway]:
    """In front of that llama.cpp."""
    async with gateway_before_llama_cpp(servers, owner_url, context_tokens=CONTEXT) as running:
        yield running


def random_chat(rng: random.Random) -> dict[str, Any]:
    """About as long as the context: words of many scripts, with and without a system line, tools and history."""

    def words(most: int) -> str:
        return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))

    messages: list[dict[str, Any]] = []
    if rng.random() < 0.5:
        messages.append({"role": "system", "content": words(20)})
    for _ in range(rng.randint(0, 3)):
        messages += [
            {"role": "user", "content": words(40)},
            {"role": "assistant", "content": words(20)},
        ]
    parts: Any = words(260)
    if rng.random() < 0.2:
        parts = [{"type": "text", "text": parts}, {"type": "text", "text": words(10)}]
    messages.append({"role": "user", "content": parts})
    chat: dict[str, Any] = {"model": "tiny", "messages": messages}
    return {**chat, "tools": [TOOL]} if rng.random() < 0.3 else chat


async def engine_s_word(gateway: Gateway, chat: dict[str, Any]) -> int | None:
    """The tokens by which llama.cpp itself refuses a prompt; None: it takes it."""
    (engine, name), *_ = gateway.roster.resolve("tiny")
    try:
        async with engine.relay(
            EngineRequest("chat/completions", {**chat, "model": name, "max_tokens": 1})
        ) as response:
            async for _ in response.frames:
                pass
    except EngineRefused as refusal:
        tokens: int = orjson.loads(refusal.body)["error"]["n_prompt_tokens"]
        return tokens
    return None


async def sdk_says(gateway: Gateway, chats: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the SDK gets for each chat. Skips the test where it cannot be installed."""
    python = await asyncio.to_thread(client_python, "openai>=3,<4")
    process = await asyncio.create_subprocess_exec(
        *(str(python), str(CLIENT), f"{gateway.base_url}/v1", "ana"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(json.dumps(chats).encode())
    assert process.returncode == 0, err.decode()[-3000:]
    told: list[dict[str, Any]] = json.loads(out)
    return told


async def refusal(gateway: Gateway, route: str, **payload: object) -> tuple[str, str, str]:
    """(code, param, message) of a 400."""
    async with gateway.post(route, {"model": "tiny", **payload}) as response:
        body = await response.json()
        assert response.status == 400, body
    return body["error"]["code"], body["error"]["param"], body["error"]["message"]


def mismatches(gateway: Gateway) -> dict[str, float]:
    """Prompts whose usage was counted before, by whether the engine read as many."""
    return {
        sample.labels["usage"]: sample.value
        for metric in gateway.room.metrics.collect()
        for sample in metric.samples
        if sample.name == "appliance_prompts_counted_total"
    }


@pytest.mark.parametrize(
    "refusals", [12, pytest.param(1000, marks=pytest.mark.battery)], ids=["few", "overlong_prompts"]
)
async def test_every_overlong_prompt_is_refused_in_the_engine_s_own_numbers(
    gateway: Gateway, refusals: int
) -> None:
    """All that it would refuse and none that it would take; what is taken has as many tokens as were counted."""
    rng = random.Random(20261122)
    chats: list[dict[str, Any]] = []
    words: list[int | None] = []
    while len(words) - words.count(None) < refusals:
        chats.append(random_chat(rng))
        words.append(await engine_s_word(gateway, chats[-1]))

    told = await sdk_says(gateway, chats)

    assert None in words
    for word, one in zip(words, told, strict=True):
        if word is None:
            assert one["tokens"] < CONTEXT
            continue
        values = {
            "model": "'tiny'",
            "prompt": str(word),
            "context": str(CONTEXT),
            "over": str(word + 1 - CONTEXT),
        }
        assert one == {"code": "context_length_exceeded", "param": "messages", "values": values}
    assert set(mismatches(gateway)) == {"same"}


@pytest.mark.parametrize("stream", [True, False])
async def test_an_overlong_prompt_is_refused_before_its_turn(gateway: Gateway, stream: bool) -> None:
    """With every slot taken nobody waits to hear it: the answer comes while the queue stands still."""
    (engine, _), *_ = gateway.roster.resolve("tiny")
    endless = {
        "model": "tiny",
        "messages": [{"role": "user", "content": "legs"}],
        "ignore_eos": True,
        "stream": True,
    }
    holding = [asyncio.create_task(_held(gateway, endless)) for _ in range(2)]

    async def all_run() -> bool:
        return (await engine.load()).running == 2

    await until(all_run)
    code, param, message = await refusal(
        gateway, "chat/completions", messages=[{"role": "user", "content": "legs " * 2000}], stream=stream
    )

    assert (code, param) == ("context_length_exceeded", "messages")
    assert f"reads {CONTEXT} in all" in message
    for task in holding:
        task.cancel()


async def _held(gateway: Gateway, payload: dict[str, Any]) -> None:
    while True:
        async with gateway.post("chat/completions", payload) as response:
            await response.read()


@pytest.mark.parametrize("stream", [True, False])
async def test_auto_leaves_out_the_oldest_turns_and_says_so(gateway: Gateway, stream: bool) -> None:
    """The answer is that to the last question, and `dropped` counts what the model did not see."""
    filler = "river " * 150
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": filler},
        {"role": "assistant", "content": "ok"},
        {"role": "user", "content": filler},
        {"role": "assistant", "content": "ok"},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    payload = {
        "model": "tiny",
        "messages": messages,
        "truncation": "auto",
        "max_tokens": 40,
        "stream": stream,
    }
    async with gateway.post("chat/completions", payload) as response:
        body = await response.read()
        headers = response.headers

    assert response.status == 200, body
    told = (
        orjson.loads(body) if not stream else orjson.loads(body.partition(b"data: ")[2].partition(b"\n\n")[0])
    )
    assert told["dropped"]["messages"] in (2, 4)
    assert told["dropped"]["tokens"] > 150
    assert headers["x-dropped-messages"] == str(told["dropped"]["messages"])
    assert b"Paris" in body
    assert "same" in mismatches(gateway)


async def test_completions_and_several_prompts_are_weighed_one_by_one(gateway: Gateway) -> None:
    """As a text, as token ids, and where one of two is too long; the field is `prompt`."""
    for prompt in ([10] * 600, "river " * 600, ["short", "river " * 600]):
        code, param, _ = await refusal(gateway, "completions", prompt=prompt, max_tokens=1)
        assert (code, param) == ("context_length_exceeded", "prompt")


async def test_what_cannot_be_shortened_is_refused_even_with_auto(gateway: Gateway) -> None:
    """The last question is never cut."""
    long = [{"role": "user", "content": "legs"}, {"role": "user", "content": "legs " * 2000}]
    code, _, _ = await refusal(gateway, "chat/completions", messages=long, truncation="auto")

    assert code == "context_length_exceeded"


async def test_a_cut_that_tells_nothing_is_not_accepted(gateway: Gateway) -> None:
    """vLLM's own parameter shortens a prompt without a word."""
    payload = {"model": "tiny", "messages": [{"role": "user", "content": "a"}], "truncate_prompt_tokens": 3}
    async with gateway.post("chat/completions", payload) as response:
        error = (await response.json())["error"]

    assert (response.status, error["param"]) == (400, "truncate_prompt_tokens")
    assert "truncation" in error["message"]
