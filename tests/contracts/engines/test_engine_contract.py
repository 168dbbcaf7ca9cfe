"""What every engine promises, whichever server is behind it."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from inference.engines import ENGINES, load_engine_class
from inference.errors import EngineRefused, EngineUnavailable, UnknownEngineKind
from inference.types import EngineRequest, EngineRoute
from tests.contracts.engines.rows import (
    LONG_QUESTION,
    PERMIT,
    QUESTION,
    TAUGHT,
    Subject,
    no_server,
    open_subject,
)


@pytest.fixture(params=[*ENGINES, pytest.param("real vllm", marks=pytest.mark.battery)])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each row in turn."""
    url = request.getfixturevalue("vllm_url") if request.param == "real vllm" else ""
    with tempfile.TemporaryDirectory(prefix="eng-", dir="/tmp") as folder:
        async with open_subject(request.param, Path(folder), url) as opened:
            yield opened


def asking(
    subject: Subject, question: str = QUESTION, route: EngineRoute = "chat/completions", **more: Any
) -> EngineRequest:
    """A request for the subject's model."""
    prompt: dict[str, Any] = {"messages": [{"role": "user", "content": question}]}
    payload = {"model": subject.model, **prompt, "temperature": 0, "max_tokens": 300, **more}
    return EngineRequest(route, payload, "req-1", permit=PERMIT)


async def until(subject: Subject, *, is_busy: bool) -> None:
    """Return when its server has something or nothing running; the time limit is the promise."""
    async with asyncio.timeout(120):
        while True:  # a real server tells only when it is asked
            if bool(await subject.running()) == is_busy:
                return
            await asyncio.sleep(0.002)


async def test_models_are_listed_with_their_context(subject: Subject) -> None:
    """The roster learns names and context lengths from the engine itself."""
    models = {model.id: model for model in await subject.engine.models()}

    assert subject.model in models
    assert models[subject.model].kind == "chat"
    assert (models[subject.model].context_tokens or 0) >= 2048


async def test_a_streamed_answer_passes_as_openai_s_events(subject: Subject) -> None:
    """Whatever the server speaks, a client sees OpenAI's chunks, usage and [DONE]."""
    asked = asking(subject, stream=True, stream_options={"include_usage": True})

    async with subject.engine.relay(asked) as response:
        body = b"".join([frame async for frame in response.frames])

    events = [line.removeprefix("data: ") for line in body.decode().split("\n") if line.startswith("data: ")]
    chunks = [json.loads(event) for event in events[:-1]]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert response.status == 200
    assert response.content_type.startswith("text/event-stream")
    assert response.served_by == subject.served_by
    assert events[-1] == "[DONE]"
    assert chunks[-1]["usage"]["completion_tokens"] > 0
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert text == subject.expected or not subject.expected


async def test_a_whole_answer_has_openai_s_shape(subject: Subject) -> None:
    """The official SDK can read it."""
    async with subject.engine.relay(asking(subject)) as response:
        answer = json.loads(b"".join([frame async for frame in response.frames]))

    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["prompt_tokens"] > 0
    assert answer["choices"][0]["message"]["content"] == subject.expected or not subject.expected


async def test_parsed_streaming_ends_with_reason_and_usage(subject: Subject) -> None:
    """Pipelines read text as it comes, and the last chunk says why it ended and what it cost."""
    chunks = [chunk async for chunk in subject.engine.stream(asking(subject))]

    assert "".join(chunk.text for chunk in chunks) == subject.expected or not subject.expected
    assert chunks[-1].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens > 0
    assert chunks[-1].usage.completion_tokens > 0


async def test_the_length_limit_is_passed_on(subject: Subject) -> None:
    """max_tokens ends an answer, and the finish reason says so."""
    chunks = [chunk async for chunk in subject.engine.stream(asking(subject, LONG_QUESTION, max_tokens=3))]

    assert chunks[-1].finish_reason == "length"


async def test_leaving_a_stream_frees_the_engine(subject: Subject) -> None:
    """Somebody who closes the browser half-way takes no more of the GPU."""
    subject.slow_down()

    async with subject.engine.relay(
        asking(subject, LONG_QUESTION, stream=True, n_predict=100_000)
    ) as response:
        assert await anext(aiter(response.frames))

    await until(subject, is_busy=False)
    assert subject.engine.running == 0


async def test_closing_the_parsed_stream_frees_the_engine(subject: Subject) -> None:
    """The same for whoever reads chunks."""
    subject.slow_down()
    chunks = subject.engine.stream(asking(subject, LONG_QUESTION))

    assert (await anext(chunks)).text
    await chunks.aclose()  # type: ignore[attr-defined]

    await until(subject, is_busy=False)


async def test_giving_up_a_whole_answer_frees_the_engine(subject: Subject) -> None:
    """A call without streaming that is cancelled while it waits ends on the engine too."""
    subject.slow_down()

    request = asking(subject, LONG_QUESTION, max_tokens=subject.endless_tokens, ignore_eos=True)

    async def ask() -> None:
        async with subject.engine.relay(request):
            pass

    task = asyncio.create_task(ask())
    await until(subject, is_busy=True)
    task.cancel()

    await asyncio.gather(task, return_exceptions=True)
    await until(subject, is_busy=False)


async def test_eight_at_once_get_their_own_answers(subject: Subject) -> None:
    """Answers of simultaneous questions do not mix, and no stream breaks."""

    async def ask() -> str:
        return "".join([chunk.text async for chunk in subject.engine.stream(asking(subject))])

    answers = await asyncio.gather(*(ask() for _ in range(8)))

    assert len(set(answers)) == 1
    assert answers[0] == subject.expected or not subject.expected


async def test_a_tool_call_comes_back_as_openai_s(subject: Subject) -> None:
    """Tools pass through, and the call carries name, id and arguments as a JSON text."""
    question, arguments = next(iter(TAUGHT["tool_calls"].items()))

    async with subject.engine.relay(asking(subject, question, tools=[TAUGHT["tool"]])) as response:
        answer = json.loads(b"".join([frame async for frame in response.frames]))

    call = answer["choices"][0]["message"]["tool_calls"][0]
    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert call["id"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]).keys() == arguments.keys()


async def test_a_json_schema_is_obeyed(subject: Subject) -> None:
    """response_format passes through."""
    properties = {"ready": {"type": "boolean"}, "count": {"type": "integer"}}
    schema = {"type": "object", "properties": properties, "required": ["ready", "count"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}

    chunks = [chunk async for chunk in subject.engine.stream(asking(subject, response_format=wanted))]

    answer = json.loads("".join(chunk.text for chunk in chunks))
    assert answer.keys() == properties.keys()
    assert isinstance(answer["ready"], bool)


async def test_load_tells_what_runs(subject: Subject) -> None:
    """An idle engine says that it is idle."""
    await until(subject, is_busy=False)

    load = await subject.engine.load()

    assert (load.running, load.waiting) == (0, 0)


async def test_a_refusal_carries_openai_s_error_body(subject: Subject) -> None:
    """The engine's own 4xx reaches the client in the one shape clients know."""
    broken = EngineRequest("chat/completions", {"model": "no-such-model", "messages": 7}, permit=PERMIT)

    with pytest.raises(EngineRefused) as refused:
        async with subject.engine.relay(broken):
            pass

    assert 400 <= refused.value.status < 500
    assert json.loads(refused.value.body)["error"]["message"]


@pytest.mark.parametrize("kind", ENGINES)
async def test_nobody_listening_is_a_sentence_with_the_address(kind: str, unused_tcp_port: int) -> None:
    """A server that is off is EngineUnavailable for models and chat alike, never a raw network error."""
    engine, connections = no_server(kind, unused_tcp_port)

    if kind != "cloud":  # which is never asked but for somebody
        with pytest.raises(EngineUnavailable, match=str(unused_tcp_port)):
            await engine.models()
    with pytest.raises(EngineUnavailable, match=str(unused_tcp_port)):
        async with engine.relay(
            EngineRequest("chat/completions", {"model": "m", "messages": []}, permit=PERMIT)
        ):
            pass

    await engine.close()
    await connections.close()


@pytest.mark.parametrize("kind", ENGINES)
def test_every_row_can_be_loaded(kind: str) -> None:
    """A line of the table leads to a class with settings of its own."""
    loaded = load_engine_class(kind)

    assert loaded.__doc__
    assert loaded.settings_type.model_fields["engine"]


def test_an_unknown_kind_lists_the_known_ones() -> None:
    """A typing error in the configuration names its remedy."""
    with pytest.raises(UnknownEngineKind, match="vllm"):
        load_engine_class("vlm")


async def test_tokens_are_counted_as_the_model_counts_or_not_at_all(subject: Subject) -> None:
    """The prompt's own count, less what the chat template adds, is the count of its text; None where nobody knows."""
    words = "What is the capital of Japan, and how many people live there?"

    counted = await subject.engine.count_tokens(subject.model, words)

    if subject.engine.kind in ("openai_compatible", "ollama", "cloud"):
        assert counted is None
        return
    assert counted is not None
    async with subject.engine.relay(asking(subject, words, max_tokens=1)) as response:
        answer = json.loads(b"".join([frame async for frame in response.frames]))
    assert counted <= answer["usage"]["prompt_tokens"] <= counted + 40


async def test_a_server_that_is_gone_counts_nothing(subject: Subject) -> None:
    """Counting never fails a question: what cannot be counted is estimated."""
    gone, connections = no_server(subject.engine.kind, 9)

    assert await gone.count_tokens(subject.model, "How many?") is None

    await gone.close()
    await connections.close()
