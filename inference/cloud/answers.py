"""Answers of providers whose events are not quite OpenAI's, made so. Pure; bytes that need no mending pass as they are.

Mistral: a model that thinks sends its content as a list of thoughts and texts, and one more reason to end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import orjson

from inference.errors import EngineStreamBroken

_EVENT_END = b"\n\n"
_ODD = (b'"content":[', b'"content": [', b'"model_length"')
_MOST_PENDING_BYTES = 1024 * 1024

Mend = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def mended(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """One chunk, or a whole answer."""
    choices = answer.get("choices")
    if not isinstance(choices, list):
        return answer
    return {**answer, "choices": [_choice(one) if isinstance(one, dict) else one for one in choices]}


def _choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(choice)
    if kept.get("finish_reason") == "model_length":
        kept["finish_reason"] = "length"
    for name in ("delta", "message"):
        message = kept.get(name)
        if isinstance(message, dict) and isinstance(message.get("content"), list):
            parts = [part for part in message["content"] if isinstance(part, dict)]
            text = "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text")
            thoughts = "".join(_thought(part) for part in parts if part.get("type") == "thinking")
            kept[name] = {**message, "content": text or (None if thoughts else "")}
            if thoughts:
                kept[name]["reasoning_content"] = thoughts
    return kept


def _thought(part: Mapping[str, Any]) -> str:
    inner = part.get("thinking")
    if isinstance(inner, str):
        return inner
    return "".join(str(one.get("text") or "") for one in inner or [] if isinstance(one, dict))


async def mended_stream(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Event by event; what was not an event in the end is passed on as it came."""
    pending = b""
    async for frame in frames:
        *events, pending = (pending + frame.replace(b"\r\n", b"\n")).split(_EVENT_END)
        if len(pending) > _MOST_PENDING_BYTES:
            raise EngineStreamBroken("It sent an event without end.")
        if events:
            yield b"".join(_event(event) + _EVENT_END for event in events)
    if pending:
        yield pending


def _event(event: bytes) -> bytes:
    if not any(mark in event for mark in _ODD):
        return event
    try:
        chunk = orjson.loads(event.partition(b"data:")[2])
    except orjson.JSONDecodeError:
        return event
    return b"data: " + orjson.dumps(mended(chunk)) if isinstance(chunk, dict) else event


async def mended_whole(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The whole answer at once."""
    body = b"".join([frame async for frame in frames])
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        yield body
        return
    is_odd = isinstance(answer, dict) and any(mark in body for mark in _ODD)
    yield orjson.dumps(mended(answer)) if is_odd else body
