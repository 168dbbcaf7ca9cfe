"""What becomes of a request when the server behind an engine fails, in each way real ones do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from inference.engines.connections import Connections
from inference.engines.openai_compatible import MAX_ERROR_BYTES, OpenAiCompatibleEngine
from inference.engines.vllm import VllmEngine
from inference.errors import EngineRefused, EngineStreamBroken, EngineUnavailable
from inference.settings import OpenAiCompatibleSettings, VllmSettings
from inference.testing.fake_engine import Behaviour, FakeEngine, Fault
from inference.types import EngineRequest

QUESTION = {"model": "fake", "messages": [{"role": "user", "content": "one two three four five"}]}


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    """Closed after the test."""
    opened = Connections()
    yield opened
    await opened.close()


def engine_at(base_url: str, connections: Connections, **settings: Any) -> OpenAiCompatibleEngine:
    """An engine for that address."""
    known = OpenAiCompatibleSettings(engine="openai_compatible", base_url=base_url, **settings)
    return OpenAiCompatibleEngine("local", known, connections)


def streamed(**more: Any) -> EngineRequest:
    """The question, streamed."""
    return EngineRequest("chat/completions", {**QUESTION, "stream": True, **more})


def whole() -> EngineRequest:
    """The question, not streamed."""
    return EngineRequest("chat/completions", QUESTION)


async def read_all(engine: OpenAiCompatibleEngine, request: EngineRequest) -> bytes:
    """The bytes of an answer."""
    async with engine.relay(request) as response:
        return b"".join([frame async for frame in response.frames])


async def text_until_it_breaks(engine: OpenAiCompatibleEngine) -> str:
    """What came before the stream broke."""
    said = ""
    with pytest.raises(EngineStreamBroken):
        async for chunk in engine.stream(streamed()):
            said += chunk.text
    return said


@pytest.mark.parametrize("fault", [Fault.DIE, Fault.MALFORMED, Fault.ERROR_EVENT, Fault.NO_DONE])
async def test_a_broken_stream_keeps_what_came_and_says_so(fault: Fault, connections: Connections) -> None:
    """Nobody takes half an answer for a whole one, and the half is not lost."""
    async with FakeEngine(behaviour=Behaviour(fault=fault, fault_after_tokens=3)) as server:
        said = await text_until_it_breaks(engine_at(server.base_url, connections))

    assert "Echo: one two three four five".startswith(said)
    assert said


async def test_a_stream_that_dies_breaks_the_relay_too(connections: Connections) -> None:
    """The fast path, which does not parse, learns of it as well."""
    async with FakeEngine(behaviour=Behaviour(fault=Fault.DIE, fault_after_tokens=3)) as server:
        engine = engine_at(server.base_url, connections)

        with pytest.raises(EngineStreamBroken, match="local"):
            await read_all(engine, streamed())


async def test_dying_before_the_first_byte_is_unavailable(connections: Connections) -> None:
    """Nothing was sent back yet, so another engine may be asked."""
    async with FakeEngine(behaviour=Behaviour(fault=Fault.DIE)) as server:
        with pytest.raises(EngineUnavailable):
            await read_all(engine_at(server.base_url, connections), whole())


async def test_a_silent_engine_is_given_up_after_the_first_byte_limit(connections: Connections) -> None:
    """An engine that hangs does not hold a caller for ever, and is told to stop."""
    async with FakeEngine(behaviour=Behaviour(fault=Fault.HANG)) as server:
        engine = engine_at(server.base_url, connections, first_byte_timeout_s=0.05)

        with pytest.raises(EngineUnavailable, match="too long"):
            await read_all(engine, streamed())
        await server.until(lambda now: now.aborted == 1)


async def test_silence_in_the_middle_is_measured_by_its_own_limit(connections: Connections) -> None:
    """A long wait for the first byte is allowed where a long pause after it is not."""
    async with FakeEngine(behaviour=Behaviour(fault=Fault.SLOW, slow_s=60)) as server:
        engine = engine_at(server.base_url, connections, first_byte_timeout_s=60, chunk_timeout_s=0.1)

        with pytest.raises(EngineStreamBroken, match="silent"):
            await read_all(engine, streamed())


@pytest.mark.parametrize(
    ("fault", "status", "retry_after_s"), [(Fault.HTTP_500, 500, None), (Fault.HTTP_429, 429, 2.0)]
)
async def test_the_engine_s_own_errors_keep_status_body_and_pause(
    fault: Fault, status: int, retry_after_s: float | None, connections: Connections
) -> None:
    """What the engine says of a request is passed on, not translated."""
    async with FakeEngine(behaviour=Behaviour(fault=fault)) as server:
        with pytest.raises(EngineRefused) as refused:
            await read_all(engine_at(server.base_url, connections), streamed())

    assert (refused.value.status, refused.value.retry_after_s) == (status, retry_after_s)
    assert json.loads(refused.value.body)["error"]["message"]


async def test_wrong_key_names_the_setting(connections: Connections) -> None:
    """An operator reads which line to correct."""
    async with FakeEngine(api_key="right") as server:
        with pytest.raises(EngineUnavailable, match="api_key"):
            await engine_at(server.base_url, connections, api_key="wrong").models()


async def test_the_key_comes_from_its_file_and_the_request_id_goes_along(
    connections: Connections, tmp_path: Path
) -> None:
    """Secrets by file; the engine's log can be matched with ours."""
    key_file = tmp_path / "key"
    key_file.write_text("from-the-file\n", encoding="utf-8")
    async with FakeEngine(api_key="from-the-file") as server:
        engine = engine_at(server.base_url, connections, api_key_file=key_file)

        await read_all(engine, EngineRequest("chat/completions", QUESTION, "req-7"))

    assert server.requests[0].headers["x-request-id"] == "req-7"
    assert "cookie" not in server.requests[0].headers


async def test_the_payload_arrives_as_it_was_given(connections: Connections) -> None:
    """Fields this code has never heard of pass through; large bodies too."""
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 2_000_000}}
    payload = {
        "model": "fake",
        "messages": [{"role": "user", "content": [picture, {"type": "text", "text": "¿qué? 🙂"}]}],
        "seed": 2**53,
        "logit_bias": {"1": -100},
        "some_future_field": [None, 1.5],
    }
    async with FakeEngine() as server:
        await read_all(engine_at(server.base_url, connections), EngineRequest("chat/completions", payload))

    assert server.requests[0].payload == payload


async def test_vllm_is_always_asked_for_usage(connections: Connections) -> None:
    """Tokens are counted by the engine even where the client did not ask for it."""
    async with FakeEngine() as server:
        engine = VllmEngine("v", VllmSettings(engine="vllm", base_url=server.base_url), connections)

        body = await read_all(engine, streamed(stream_options={"continuous_usage_stats": True}))

    assert server.requests[0].payload["stream_options"] == {
        "continuous_usage_stats": True,
        "include_usage": True,
    }
    assert b'"usage":{' in body


async def test_vllm_tells_its_load(connections: Connections) -> None:
    """Running, waiting and the use of the KV cache come from its /metrics."""
    async with FakeEngine(slots=1, behaviour=Behaviour(fault=Fault.HANG)) as server:
        settings = VllmSettings(engine="vllm", base_url=server.base_url, max_running=1)
        engine = VllmEngine("v", settings, connections)
        tasks = [asyncio.create_task(read_all(engine, streamed())) for _ in range(3)]
        await server.until(lambda now: (now.running, now.waiting) == (1, 2))

        load = await engine.load()

        for task in tasks:
            task.cancel()
        await server.until(lambda now: now.aborted == 3)
    assert (load.running, load.waiting, load.slots) == (1, 2, 1)
    assert load.kv_use == pytest.approx(0.01)


# servers that misbehave below HTTP


Script = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Any]
ANSWER = b'{"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}'


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """One HTTP request; empty when the client has gone."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    return head + await reader.readexactly(length)


def http(body: bytes, status: str = "200 OK", extra: str = "") -> bytes:
    """A whole answer that keeps the connection open."""
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{extra}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def raw_server(script: Script) -> AsyncIterator[str]:
    """A server that runs the script for each connection, counted from 1; yields its base_url."""
    connected = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        try:
            await script(connected, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()


async def test_a_reused_connection_that_drops_is_tried_once_more(connections: Connections) -> None:
    """A server may close an idle connection at the very moment it is used again."""

    async def script(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http(ANSWER))
        await read_request(reader)  # the second request on this connection: dropped without a byte

    async with raw_server(script) as base_url:
        engine = engine_at(base_url, connections)

        answers = [await read_all(engine, whole()), await read_all(engine, whole())]

    assert answers == [ANSWER, ANSWER]


async def test_the_second_try_takes_a_new_connection(connections: Connections) -> None:
    """Where one idle connection has gone stale the others have too; the second try is the last."""
    connected, all_here = [], asyncio.Event()

    async def script(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(number)
        await read_request(reader)
        if number == 3:
            all_here.set()
        await all_here.wait()  # so that none of the first three is used twice
        writer.write(http(ANSWER))
        await read_request(reader)

    async with raw_server(script) as base_url:
        engine = engine_at(base_url, connections)
        await asyncio.gather(*(read_all(engine, whole()) for _ in range(3)))

        assert await read_all(engine, whole()) == ANSWER

    assert connected == [1, 2, 3, 4]


async def test_a_stream_that_was_read_to_its_end_leaves_a_connection_to_use_again(
    connections: Connections,
) -> None:
    """Pipelines do not open a new connection for every question."""
    connected = []
    chunk = b'data: {"choices": [{"delta": {"content": "hi"}}]}\n\ndata: [DONE]\n\n'

    async def script(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(number)
        while await read_request(reader):
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(chunk), chunk))

    async with raw_server(script) as base_url:
        engine = engine_at(base_url, connections)
        for _ in range(3):
            assert [chunk.text async for chunk in engine.stream(streamed())] == ["hi", ""]

    assert connected == [1]


async def test_a_new_connection_that_drops_is_not_tried_again(connections: Connections) -> None:
    """A request that kills the engine is not sent a second time."""
    connected = []

    async def script(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(number)
        await read_request(reader)

    async with raw_server(script) as base_url:
        with pytest.raises(EngineUnavailable):
            await read_all(engine_at(base_url, connections), whole())

    assert connected == [1]


async def test_a_redirect_is_never_followed(connections: Connections) -> None:
    """An engine cannot send prompts to another house."""
    connected = []

    async def script(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(number)
        await read_request(reader)
        writer.write(http(b"", "307 Temporary Redirect", "location: /elsewhere\r\n"))

    async with raw_server(script) as base_url:
        with pytest.raises(EngineUnavailable, match="base_url"):
            await read_all(engine_at(base_url, connections), whole())

    assert connected == [1]


async def test_an_endless_error_page_is_cut_off(connections: Connections) -> None:
    """An engine's error takes a megabyte of memory at most."""

    async def script(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 500 X\r\ncontent-type: text/plain\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with raw_server(script) as base_url:
        with pytest.raises(EngineRefused) as refused:
            await read_all(engine_at(base_url, connections), whole())

    assert len(refused.value.body) == MAX_ERROR_BYTES


async def test_a_server_that_cannot_stream_is_read_all_the_same(connections: Connections) -> None:
    """Asked for a stream, it sends a whole answer: pipelines still get their text."""

    async def script(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http(ANSWER))

    async with raw_server(script) as base_url:
        chunks = [chunk async for chunk in engine_at(base_url, connections).stream(streamed())]

    assert [(chunk.text, chunk.finish_reason) for chunk in chunks] == [("hello", "stop")]


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b'{"data": 7}'])
async def test_a_list_of_models_in_another_shape_asks_for_the_right_address(
    body: bytes, connections: Connections
) -> None:
    """base_url without /v1 is the usual mistake, and the sentence says so."""

    async def script(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(http(body))

    async with raw_server(script) as base_url:
        with pytest.raises(EngineUnavailable, match="base_url"):
            await engine_at(base_url, connections).models()


async def test_configured_models_are_offered_with_what_the_engine_tells_of_them(
    connections: Connections,
) -> None:
    """`models` in the settings chooses; the context still comes from the engine."""
    async with FakeEngine(["big", "small"], context_tokens=4096) as server:
        models = await engine_at(server.base_url, connections, models=["small", "hidden"]).models()

    assert [(model.id, model.context_tokens) for model in models] == [("small", 4096), ("hidden", None)]
