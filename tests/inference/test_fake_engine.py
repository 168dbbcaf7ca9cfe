"""The stand-in keeps what it promises to whoever tests a client with it."""

from __future__ import annotations

import base64
import json
import struct
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from typing import Any

import aiohttp
import pytest

from inference.testing.answers import example_of, shared_prefix, tokens_of
from inference.testing.fake_engine import Behaviour, FakeEngine, Fault

SCHEMA = {
    "$defs": {
        "step": {
            "type": "object",
            "properties": {"text": {"type": "string", "maxLength": 2}},
            "required": ["text"],
        }
    },
    "type": "object",
    "properties": {
        "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 2},
        "mood": {"enum": ["good", "bad"]},
        "age": {"anyOf": [{"type": "integer", "minimum": 18}, {"type": "null"}]},
        "sure": {"type": "boolean"},
    },
    "required": ["steps", "mood", "age", "sure"],
}


async def post(server: FakeEngine, route: str, **payload: Any) -> dict[str, Any]:
    """Ask and read the JSON."""
    body = {"model": "fake", **payload}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server.base_url}/{route}", json=body) as sent,
    ):
        answer: dict[str, Any] = await sent.json()
        return answer


def said(text: str) -> list[dict[str, str]]:
    """A conversation of one question."""
    return [{"role": "user", "content": text}]


async def test_it_echoes_counts_and_remembers() -> None:
    """The default answer is the question; usage tells what a prefix cache would have kept."""
    async with FakeEngine() as server:
        first = await post(server, "chat/completions", messages=said("a b c d"))
        second = await post(server, "chat/completions", messages=said("a b x"), n=2, max_tokens=2)

    assert first["choices"][0]["message"]["content"] == "Echo: a b c d"
    assert [choice["message"]["content"] for choice in second["choices"]] == ["Echo: a"] * 2
    assert second["choices"][0]["finish_reason"] == "length"
    assert second["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 2},
    }
    assert [request.path for request in server.requests] == ["/v1/chat/completions"] * 2
    assert server.finished == 2


async def test_it_fills_in_any_schema() -> None:
    """Clients of structured output get a value of the right shape."""
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    async with FakeEngine() as server:
        answer = await post(server, "chat/completions", messages=said("?"), response_format=wanted)

    value = json.loads(answer["choices"][0]["message"]["content"])
    assert value == {"steps": [{"text": "te"}] * 2, "mood": "good", "age": 18, "sure": True}


async def test_it_calls_the_tool_it_is_told_to() -> None:
    """A tool's answer ends the calling."""
    tools = [
        {"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("one", "two")
    ]
    choice = {"type": "function", "function": {"name": "two"}}
    async with FakeEngine() as server:
        called = await post(server, "chat/completions", messages=said("?"), tools=tools, tool_choice=choice)
        answered = await post(
            server, "chat/completions", messages=[*said("?"), {"role": "tool", "content": "7"}], tools=tools
        )

    call = called["choices"][0]["message"]["tool_calls"][0]
    assert (call["function"]["name"], called["choices"][0]["finish_reason"]) == ("two", "tool_calls")
    assert json.loads(call["function"]["arguments"])["mood"] == "good"
    assert "tool_calls" not in answered["choices"][0]["message"]


async def test_embeddings_come_in_both_encodings() -> None:
    """base64 holds the same numbers."""
    async with FakeEngine() as server:
        plain = await post(server, "embeddings", input=["one", "two"], dimensions=8)
        packed = await post(
            server, "embeddings", input=["one", "two"], dimensions=8, encoding_format="base64"
        )

    for row, other in zip(plain["data"], packed["data"], strict=True):
        assert struct.unpack("<8f", base64.b64decode(other["embedding"])) == pytest.approx(row["embedding"])


async def test_a_fault_hits_as_often_as_it_is_told() -> None:
    """An engine that recovers can be played."""
    async with FakeEngine(behaviour=Behaviour(fault=Fault.HTTP_500, fault_times=1)) as server:
        answers = [await post(server, "chat/completions", messages=said("x")) for _ in range(2)]

    assert ["error" in answer for answer in answers] == [True, False]


async def test_bad_requests_are_refused_like_vllm_does() -> None:
    """Unknown models and missing messages get OpenAI's error body."""
    async with FakeEngine() as server:
        unknown = await post(server, "chat/completions", model="nope", messages=said("x"))
        missing = await post(server, "chat/completions")

    assert (unknown["error"]["code"], missing["error"]["code"]) == (404, 400)


async def test_it_runs_from_the_command_line() -> None:
    """The address is the first thing it prints."""
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "inference.testing.fake_engine", "--port", "0", "--model", "m"), stdout=PIPE
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    async with aiohttp.ClientSession() as session, session.get(f"{line.split()[-1]}/models") as response:
        listed = await response.json()
    process.terminate()

    assert [row["id"] for row in listed["data"]] == ["m"]
    assert await process.wait() == 0


def test_tokens_join_back() -> None:
    """A streamed answer is the answer."""
    text = " one  two\n\nthree 🙂 "

    assert "".join(tokens_of(text)) == text
    assert shared_prefix(["a", "b"], ["a", "c"]) == 1
    assert example_of({"type": ["null", "string"]}) is None
