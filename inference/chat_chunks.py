"""From the bytes of a streamed answer to its pieces. Pure: it opens nothing and waits for nothing but the bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from inference.errors import EngineStreamBroken
from inference.sse import EventReader, EventTooLarge
from inference.thinking import Thinking, divided
from inference.types import ChatChunk, Usage

DONE = b"[DONE]"


async def read_chunks(frames: AsyncIterator[bytes]) -> AsyncIterator[ChatChunk]:
    """Text and reasoning as they come; the last chunk carries finish_reason and, where known, usage.

    Only the first choice is read. Raises EngineStreamBroken as read_events does.
    """
    finish_reason: str | None = None
    usage: Usage | None = None
    thinking = Thinking()
    async for event in read_events(frames):
        chunk = parse_chunk(event)
        finish_reason = chunk.finish_reason or finish_reason
        usage = chunk.usage or usage
        reasoning, text = thinking.divide(chunk.text)
        if chunk.reasoning or reasoning:
            yield ChatChunk(reasoning=chunk.reasoning + reasoning)
        if text:
            yield ChatChunk(text=text)
    reasoning, text = thinking.rest()
    yield ChatChunk(text=text, reasoning=reasoning, finish_reason=finish_reason, usage=usage)


async def read_events(frames: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """Every chunk of a streamed answer as it stands on the wire, up to `[DONE]`.

    Raises EngineStreamBroken when the server sends an error event, breaks off without `[DONE]`, or sends what is
    not a chunk.
    """
    async for batch in read_batches(frames):
        for event in batch:
            yield event


async def read_batches(frames: AsyncIterator[bytes]) -> AsyncIterator[list[dict[str, Any]]]:
    """The same, chunks that arrived together in one list: who sends them on needs one write for them.

    What came before a fault is handed out before EngineStreamBroken is raised.
    """
    events = EventReader()
    async for frame in frames:
        batch: list[dict[str, Any]] = []
        try:
            is_done = _read_into(batch, events.feed(frame))
        except EventTooLarge as error:
            raise EngineStreamBroken(str(error)) from error
        except EngineStreamBroken:
            if batch:
                yield batch
            raise
        if batch:
            yield batch
        if is_done:
            return
    raise EngineStreamBroken("The stream ended without [DONE].")


def _read_into(batch: list[dict[str, Any]], payloads: list[bytes]) -> bool:
    """Whether `[DONE]` was among them."""
    for payload in payloads:
        if payload.strip() == DONE:
            return True
        event = _as_object(payload)
        if event.get("error"):
            raise EngineStreamBroken(f"It said: {error_message(event)}")
        batch.append(event)
    return False


async def drain(frames: AsyncIterator[bytes], patience_s: float = 0.2) -> None:
    """Read what follows `[DONE]`: nothing but the end, and with it the connection can be used again."""
    with suppress(TimeoutError, EngineStreamBroken):
        async with asyncio.timeout(patience_s):
            async for _ in frames:
                pass


def parse_chunk(chunk: Mapping[str, Any]) -> ChatChunk:
    """The first choice's part of one event of a streamed answer."""
    choices = chunk.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    delta = first.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else first.get("text")
    reason = first.get("finish_reason")
    return ChatChunk(
        # llama.cpp's first chunk has null where others have an empty text
        text=text if isinstance(text, str) else "",
        finish_reason=reason if isinstance(reason, str) else None,
        usage=parse_usage(chunk.get("usage")),
        reasoning=_reasoning(delta),
    )


def parse_answer(body: bytes) -> ChatChunk:
    """A whole, not streamed answer as one chunk. Raises EngineStreamBroken."""
    answer = _as_object(body)
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise EngineStreamBroken("Its answer has no choices.")
    message = choices[0].get("message")
    text = message.get("content") if isinstance(message, dict) else choices[0].get("text")
    reason = choices[0].get("finish_reason")
    thought, text = divided(text if isinstance(text, str) else "")
    return ChatChunk(
        text=text,
        finish_reason=reason if isinstance(reason, str) else None,
        usage=parse_usage(answer.get("usage")),
        reasoning=_reasoning(message) + thought,
    )


def _reasoning(message: object) -> str:
    """vLLM and llama.cpp call it one or the other; a message holds one of them."""
    if not isinstance(message, dict):
        return ""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(message.get(name), str) and message[name]:
            return str(message[name])
    return ""


def parse_usage(usage: object) -> Usage | None:
    """OpenAI's usage object; None where there is none."""
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=_count(details.get("cached_tokens")) if isinstance(details, dict) else 0,
    )


def error_message(body: Mapping[str, Any]) -> str:
    """The sentence in an error body of any of the usual shapes, at most 500 characters."""
    error = body.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    return str(message or body.get("message") or "an error without a message")[:500]


def _as_object(payload: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise EngineStreamBroken("It sent something that is not JSON.") from error
    if not isinstance(parsed, dict):
        raise EngineStreamBroken("It sent something that is not an answer.")
    return parsed


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
