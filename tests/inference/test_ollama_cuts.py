"""Ollama is told not to cut a prompt; a server too old to know that is caught by its own count."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from inference.chat_chunks import read_chunks
from inference.engines.connections import Connections
from inference.engines.ollama import OllamaEngine
from inference.errors import EngineRefused, EngineStreamBroken
from inference.settings import OllamaSettings
from inference.testing.fake_ollama import FakeOllama, FakeOllamaModel
from inference.tokenizing.refusals import told_too_long
from inference.types import EngineRequest

LONG = [{"role": "user", "content": "the quick brown fox jumps over it " * 800}]


@asynccontextmanager
async def ollama(*, knows_truncate: bool) -> AsyncIterator[tuple[OllamaEngine, FakeOllama]]:
    """An adapter with 512 tokens of context before a new server, or one of before 0.12.4."""
    async with FakeOllama([FakeOllamaModel("small:1b", 8192)], knows_truncate=knows_truncate) as server:
        connections = Connections()
        settings = OllamaSettings(engine="ollama", base_url=server.root_url, context_tokens=512)
        engine = OllamaEngine("local", settings, connections)
        yield engine, server
        await engine.close()
        await connections.close()


def asked(messages: list[dict[str, Any]], *, stream: bool) -> EngineRequest:
    """A chat."""
    return EngineRequest("chat/completions", {"model": "small:1b", "messages": messages, "stream": stream})


@pytest.mark.parametrize("stream", [True, False])
async def test_a_new_server_refuses_what_it_would_have_cut(stream: bool) -> None:
    """In its own words, which are understood as too long."""
    async with ollama(knows_truncate=True) as (engine, server):
        with pytest.raises(EngineRefused) as seen:
            async with engine.relay(asked(LONG, stream=stream)):
                pass
        assert server.requests[-1].payload["truncate"] is False
        assert server.requests[-1].payload["shift"] is False
    assert told_too_long(seen.value.body) is not None


async def test_an_old_server_s_cut_is_an_error_and_no_answer() -> None:
    """It read 512 tokens of thousands: the whole answer is refused."""
    async with ollama(knows_truncate=False) as (engine, _):
        with pytest.raises(EngineRefused) as seen:
            async with engine.relay(asked(LONG, stream=False)) as response:
                [frame async for frame in response.frames]
    assert seen.value.status == 400
    assert orjson.loads(seen.value.body)["error"]["code"] == "context_length_exceeded"


async def test_an_old_server_s_cut_breaks_off_a_stream() -> None:
    """Nobody takes such an answer for a whole one: an error stands where [DONE] would."""
    async with ollama(knows_truncate=False) as (engine, _):
        with pytest.raises(EngineStreamBroken, match="cut the prompt"):
            async with engine.relay(asked(LONG, stream=True)) as response:
                async for _chunk in read_chunks(response.frames):
                    pass


@pytest.mark.parametrize("knows_truncate", [True, False])
async def test_what_fits_is_answered(knows_truncate: bool) -> None:
    """Also a prompt with more letters than the context has tokens."""
    fits = [{"role": "user", "content": "the quick brown fox" + " jumps over it all" * 60}]
    async with (
        ollama(knows_truncate=knows_truncate) as (engine, _),
        engine.relay(asked(fits, stream=False)) as response,
    ):
        answer = orjson.loads(b"".join([frame async for frame in response.frames]))
    assert answer["usage"]["prompt_tokens"] == 244
