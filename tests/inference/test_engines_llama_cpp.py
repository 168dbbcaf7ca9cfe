"""The real llama.cpp in a process of its own, with the small trained model."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.engines.connections import Connections
from inference.engines.llama_cpp import LlamaCppEngine
from inference.errors import EngineUnavailable
from inference.models.gguf_header import read_number
from inference.settings import LlamaCppSettings
from inference.types import EngineRequest
from tests.contracts.engines.rows import MODELS_FOLDER, TAUGHT, llama_cpp_process

MODEL = MODELS_FOLDER / "tiny-llama.gguf"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a socket's path."""
    with tempfile.TemporaryDirectory(prefix="llm-", dir="/tmp") as made:
        yield Path(made)


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    """Closed after the test."""
    opened = Connections()
    yield opened
    await opened.close()


def settings_in(folder: Path, **more: Any) -> LlamaCppSettings:
    """[engines.local] as the appliance completes it."""
    known = {
        "engine": "llama_cpp",
        "model_path": MODEL,
        "socket_path": folder / "llama.sock",
        "cache_ram_mib": 16,
    }
    return LlamaCppSettings.model_validate(known | more)


async def answer_to(engine: LlamaCppEngine, question: str, **more: Any) -> dict[str, Any]:
    """A whole answer."""
    payload = {"model": "any", "messages": [{"role": "user", "content": question}], "temperature": 0, **more}
    async with engine.relay(EngineRequest("chat/completions", payload)) as response:
        answer: dict[str, Any] = json.loads(b"".join([frame async for frame in response.frames]))
        return answer


async def test_every_taught_answer_comes_back_exactly(folder: Path, connections: Connections) -> None:
    """Bytes, tokens, UTF-8 and the chat template travel without loss: 22 of 22, and each tool call."""
    settings = settings_in(folder)
    async with llama_cpp_process(settings):
        engine = LlamaCppEngine("local", settings, connections)
        answers = {question: await answer_to(engine, question) for question in TAUGHT["chat"]}
        calls = {
            question: await answer_to(engine, question, tools=[TAUGHT["tool"]])
            for question in TAUGHT["tool_calls"]
        }

    said = {question: answer["choices"][0]["message"]["content"] for question, answer in answers.items()}
    called = {
        question: json.loads(answer["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"])
        for question, answer in calls.items()
    }
    assert said == TAUGHT["chat"]
    assert called == TAUGHT["tool_calls"]


async def test_a_killed_server_comes_back_at_its_address(folder: Path, connections: Connections) -> None:
    """kill -9 leaves a dead socket behind; the next start takes its place, and the engine object goes on."""
    settings = settings_in(folder)
    engine = LlamaCppEngine("local", settings, connections)
    async with llama_cpp_process(settings) as process:
        await answer_to(engine, "Who wrote Hamlet?")
        process.kill()
        await process.wait()

    with pytest.raises(EngineUnavailable):
        await engine.models()
    async with llama_cpp_process(settings):
        answer = await answer_to(engine, "Who wrote Hamlet?")

    assert answer["choices"][0]["message"]["content"] == TAUGHT["chat"]["Who wrote Hamlet?"]


async def test_it_tells_name_context_and_slots(folder: Path, connections: Connections) -> None:
    """Each slot has the whole context that was asked for."""
    settings = settings_in(folder, slots=3, context_tokens=2048)
    async with llama_cpp_process(settings):
        engine = LlamaCppEngine("local", settings, connections)
        models, load = await engine.models(), await engine.load()

    assert [(model.id, model.context_tokens) for model in models] == [("tiny-llama", 2048)]
    assert load.slots == 3


async def test_several_choices_and_logprobs_are_put_together(folder: Path, connections: Connections) -> None:
    """A whole answer is assembled from a stream and still has everything OpenAI's has."""
    settings = settings_in(folder)
    async with llama_cpp_process(settings):
        engine = LlamaCppEngine("local", settings, connections)
        answer = await answer_to(engine, "Who wrote Hamlet?", n=2, logprobs=True, top_logprobs=1)

    said = [choice["message"]["content"] for choice in answer["choices"]]
    tokens = [row["token"] for row in answer["choices"][0]["logprobs"]["content"]]
    assert said == [TAUGHT["chat"]["Who wrote Hamlet?"]] * 2
    assert "".join(tokens).startswith(said[0])
    assert answer["usage"]["completion_tokens"] > 0


async def test_completions_and_their_end(folder: Path, connections: Connections) -> None:
    """The older route works too, whole and with its length limit."""
    settings = settings_in(folder)
    async with llama_cpp_process(settings):
        engine = LlamaCppEngine("local", settings, connections)
        payload = {
            "model": "any",
            "prompt": "<|user|>Count to sixty.<|end|><|assistant|>",
            "max_tokens": 5,
            "temperature": 0,
        }
        async with engine.relay(EngineRequest("completions", payload)) as response:
            answer = json.loads(b"".join([frame async for frame in response.frames]))

    assert answer["object"] == "text_completion"
    assert answer["choices"][0]["text"].startswith("1 2 3")
    assert answer["choices"][0]["finish_reason"] == "length"


async def test_it_stops_at_once_while_it_answers(folder: Path, connections: Connections) -> None:
    """SIGTERM ends it within the supervisor's patience, whoever is waiting."""
    settings = settings_in(folder)
    engine = LlamaCppEngine("local", settings, connections)
    async with llama_cpp_process(settings) as process:
        payload = {
            "model": "any",
            "messages": [{"role": "user", "content": "Count to sixty."}],
            "stream": True,
        }
        request = EngineRequest("chat/completions", {**payload, "ignore_eos": True, "max_tokens": 100_000})
        async with engine.relay(request) as response:
            await anext(aiter(response.frames))
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_a_storm_with_people_leaving_loses_nobody_else(folder: Path, connections: Connections) -> None:
    """Three times as many as there are slots, a third of them gone half-way: every other answer is exact."""
    settings = settings_in(folder, slots=8)
    turns = asyncio.Semaphore(24)

    async def leave(engine: LlamaCppEngine, question: str) -> None:
        payload = {"model": "any", "messages": [{"role": "user", "content": question}], "stream": True}
        async with engine.relay(
            EngineRequest("chat/completions", {**payload, "ignore_eos": True})
        ) as response:
            await anext(aiter(response.frames))

    async def ask(engine: LlamaCppEngine, number: int, question: str, expected: str) -> bool:
        async with turns:
            if number % 3 == 0:
                await leave(engine, question)
                return True
            answer = await answer_to(engine, question)
            return bool(answer["choices"][0]["message"]["content"] == expected)

    async with llama_cpp_process(settings):
        engine = LlamaCppEngine("local", settings, connections)
        questions = list(TAUGHT["chat"].items()) * 15
        exact = await asyncio.gather(*(ask(engine, number, *pair) for number, pair in enumerate(questions)))

    assert all(exact)
    assert engine.running == 0


@pytest.mark.parametrize("content", [None, b"no model at all"])
async def test_a_file_that_is_no_model_is_a_sentence(content: bytes | None, tmp_path: Path) -> None:
    """The supervisor's log names the file and what it should be."""
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "inference.engines.llama_cpp_server", "--model", str(path)),
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()

    assert process.returncode == 1
    assert str(path) in errors.decode()
    assert "Traceback" not in errors.decode()


def test_the_header_tells_the_context_without_loading(tmp_path: Path) -> None:
    """A model made for 128k tokens must not reserve gigabytes by surprise."""
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(MODEL.read_bytes()[:200])

    assert read_number(MODEL, ".context_length") == 8192
    assert read_number(MODEL, ".no_such_number") is None
    with pytest.raises(ValueError, match="ends inside"):
        read_number(cut, ".no_such_number")
