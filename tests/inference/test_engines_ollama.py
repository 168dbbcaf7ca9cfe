"""Ollama's adapter against a stand-in that speaks its wire format; no real server has been met."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from inference.engines.connections import Connections
from inference.engines.ollama import LoadedModel, OllamaEngine, PullProgress
from inference.engines.ollama_wire import AnswerWriter, to_native
from inference.errors import EngineRefused, EngineStreamBroken, EngineUnavailable
from inference.settings import OllamaSettings
from inference.testing.fake_engine import Behaviour, Fault
from inference.testing.fake_ollama import FakeOllama, FakeOllamaModel
from inference.types import EngineRequest, EngineRoute


@pytest.fixture
async def server() -> AsyncIterator[FakeOllama]:
    """With a chat model of long and one of short context, and an embedding model."""
    models = [
        FakeOllamaModel("llama3.1:latest", 131_072, digest="sha256:1"),
        FakeOllamaModel("small:1b", 2048, digest="sha256:2"),
        FakeOllamaModel("embedder:latest", 8192, ("embedding",), digest="sha256:3"),
    ]
    async with FakeOllama(models, slots=4) as started:
        yield started


@pytest.fixture
async def engine(server: FakeOllama) -> AsyncIterator[OllamaEngine]:
    """The adapter, as [engines.local] with engine = "ollama" makes it."""
    connections = Connections()
    settings = OllamaSettings(engine="ollama", base_url=server.root_url)
    opened = OllamaEngine("local", settings, connections)
    yield opened
    await opened.close()
    await connections.close()


async def ask(
    engine: OllamaEngine, route: EngineRoute = "chat/completions", **payload: Any
) -> dict[str, Any]:
    """A whole answer."""
    async with engine.relay(EngineRequest(route, payload)) as response:
        answer: dict[str, Any] = json.loads(b"".join([frame async for frame in response.frames]))
        return answer


def said(text: str) -> list[dict[str, Any]]:
    """A conversation of one question."""
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("model", "num_ctx"), [("llama3.1", 8192), ("llama3.1:latest", 8192), ("small:1b", 2048)]
)
@pytest.mark.parametrize("is_stream", [True, False])
async def test_the_context_size_is_sent_with_every_request(
    model: str, num_ctx: int, is_stream: bool, engine: OllamaEngine, server: FakeOllama
) -> None:
    """Left to itself Ollama would cut long prompts silently; never more than the model was made for."""
    async with engine.relay(
        EngineRequest("chat/completions", {"model": model, "messages": said("hello"), "stream": is_stream})
    ) as response:
        assert [frame async for frame in response.frames]

    assert [request.path for request in server.requests] == ["/api/chat"]
    assert server.requests[0].payload["options"]["num_ctx"] == num_ctx


async def test_completions_and_embeddings_send_it_too(engine: OllamaEngine, server: FakeOllama) -> None:
    """There is no route on which it could be forgotten."""
    completion = await ask(engine, "completions", model="small:1b", prompt="hello there")
    await ask(engine, "embeddings", model="embedder", input=["a", "b"])

    assert completion["object"] == "text_completion"
    assert completion["choices"][0]["text"] == "Echo: hello there"
    assert [request.payload["options"]["num_ctx"] for request in server.requests] == [2048, 8192]


async def test_a_long_prompt_is_not_cut(engine: OllamaEngine) -> None:
    """5,000 tokens arrive, where the server's own default would have kept 4,096."""
    answer = await ask(engine, model="llama3.1", messages=said(" ".join(["word"] * 5000)))

    assert answer["usage"]["prompt_tokens"] == 5000


async def test_models_carry_kind_and_the_context_that_is_asked_for(engine: OllamaEngine) -> None:
    """`latest` is left out of names, as people write them; an embedding model is not offered for chat."""
    models = {model.id: model for model in await engine.models()}

    assert {name: (model.kind, model.context_tokens) for name, model in models.items()} == {
        "llama3.1": ("chat", 8192),
        "small:1b": ("chat", 2048),
        "embedder": ("embedding", 8192),
    }


async def test_embeddings_come_as_numbers_and_as_base64(engine: OllamaEngine) -> None:
    """The official SDK asks for base64 unless told otherwise."""
    plain = await ask(engine, "embeddings", model="embedder", input=["one text"])
    packed = await ask(engine, "embeddings", model="embedder", input="one text", encoding_format="base64")

    vector = plain["data"][0]["embedding"]
    raw = base64.b64decode(packed["data"][0]["embedding"])
    assert struct.unpack(f"<{len(vector)}f", raw) == pytest.approx(vector)


async def test_a_download_is_told_step_by_step(engine: OllamaEngine) -> None:
    """The page shows how far a pull is."""
    steps = [step async for step in engine.pull("qwen3:4b")]

    assert PullProgress("pulling 0123", 50, 100) in steps
    assert steps[-1].status == "success"
    assert "qwen3:4b" in {model.id for model in await engine.models()}


async def test_a_download_of_nothing_is_refused(engine: OllamaEngine) -> None:
    """A wrong name is told as the server tells it."""
    with pytest.raises(EngineRefused) as refused:
        assert [step async for step in engine.pull("missing")]

    assert b"does not exist" in refused.value.body


async def test_loaded_models_tell_their_context_and_share_of_the_gpu(engine: OllamaEngine) -> None:
    """Half on the processor is worth a warning, and the context in use can be compared with the one asked for."""
    await ask(engine, model="small:1b", messages=said("hello"))

    assert await engine.loaded() == [LoadedModel("small:1b", 4_000_000_000, 0.5, 2048)]


async def test_a_stream_that_ends_without_done_is_broken(engine: OllamaEngine, server: FakeOllama) -> None:
    """A dead runner is not taken for the end of an answer."""
    server.behaviour = Behaviour(fault=Fault.DIE, tokens=10)

    with pytest.raises(EngineStreamBroken):
        assert [
            chunk
            async for chunk in engine.stream(
                EngineRequest("chat/completions", {"model": "small:1b", "messages": said("x")})
            )
        ]


async def test_its_errors_are_put_into_openai_s_shape(engine: OllamaEngine, server: FakeOllama) -> None:
    """Ollama's own routes say {"error": "sentence"}; clients know only OpenAI's."""
    server.behaviour = Behaviour(fault=Fault.HTTP_500)

    with pytest.raises(EngineRefused) as refused:
        await ask(engine, model="small:1b", messages=said("x"))

    assert json.loads(refused.value.body)["error"]["message"] == "llama runner process has terminated"


async def test_the_environment_s_key_stays_at_home(
    server: FakeOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The `ollama` package would send OLLAMA_API_KEY to whatever address it is given."""
    monkeypatch.setenv("OLLAMA_API_KEY", "secret-of-the-operator")
    connections = Connections()
    engine = OllamaEngine("local", OllamaSettings(engine="ollama", base_url=server.root_url), connections)

    assert [step async for step in engine.pull("qwen3:4b")]
    await engine.close()
    await connections.close()

    assert "secret" not in server.requests[0].headers["authorization"]


def test_messages_become_ollama_s() -> None:
    """Pictures apart, arguments as objects, tool answers by the tool's name."""
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Rom"}'},
    }
    messages = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]

    native = to_native(
        "chat/completions", {"model": "m", "messages": messages, "stop": "x", "max_tokens": 5}, 4096, "5m"
    )

    assert native["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is it?", "images": ["AAAA"]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "function": {"name": "get_weather", "arguments": {"city": "Rom"}}}],
        },
        {"role": "tool", "content": "rain", "tool_call_id": "c1", "tool_name": "get_weather"},
    ]
    assert native["options"] == {
        "temperature": 1.0,
        "top_p": 1.0,
        "num_predict": 5,
        "stop": ["x"],
        "num_ctx": 4096,
    }


def test_thinking_and_tool_calls_are_streamed_in_openai_s_words() -> None:
    """Reasoning goes apart from the answer, and a call ends it with `tool_calls`."""
    writer = AnswerWriter("chat/completions", "chatcmpl-1", created=0)
    call = {"function": {"name": "f", "arguments": {"a": 1}}}

    written = writer.events({"model": "m", "message": {"thinking": "hm", "content": ""}})
    written += writer.events({"model": "m", "message": {"content": "", "tool_calls": [call]}})
    written += writer.events({"model": "m", "message": {"content": ""}, "done": True, "done_reason": "stop"})

    *chunks, last = [json.loads(event[6:]) for event in written.split(b"\n\n")[:-2]]
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "reasoning": "hm"}
    assert chunks[1]["choices"][0]["delta"]["tool_calls"][0]["function"] == {
        "name": "f",
        "arguments": '{"a":1}',
    }
    assert last["choices"][0]["finish_reason"] == "tool_calls"
    assert written.endswith(b"data: [DONE]\n\n")


async def test_an_answer_that_is_no_list_is_unavailable(unused_tcp_port: int) -> None:
    """Nobody there is a sentence that names engine and address."""
    connections = Connections()
    settings = OllamaSettings(engine="ollama", base_url=f"http://127.0.0.1:{unused_tcp_port}")
    engine = OllamaEngine("local", settings, connections)

    with pytest.raises(EngineUnavailable, match=r"'local' at http://127\.0\.0\.1"):
        await engine.load()

    await engine.close()
    await connections.close()
