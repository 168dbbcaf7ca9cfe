"""The head of an answer: everything before its first token. While no more has come, another engine can still answer.

Servers send a chunk with nothing but the role as soon as they have a request, and some an error event behind a 200.
Neither is an answer; so it begins with the first chunk that carries something.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

from inference.errors import EngineRefused, EngineStreamBroken, EngineUnavailable
from inference.sse import EventReader, EventTooLarge

_MOST_HEAD_BYTES = 64 * 1024
_MOST_WHOLE_BYTES = 1024 * 1024
_DONE_WITHOUT_ITS_END = (b"data: [DONE]", b"data:[DONE]")
_EMPTY_OF = ("role", "name")


async def read_head(content_type: str, frames: AsyncIterator[bytes]) -> bytes:
    """The bytes up to the first token, and all that came with it; of an answer that comes whole, all of it up to 1 MiB.

    Raises EngineStreamBroken for what is none, EngineUnavailable where nothing of it comes, EngineRefused for an error
    event.
    """
    if content_type.startswith("text/event-stream"):
        try:
            return await _head_of_stream(frames)
        except EngineStreamBroken as error:
            if error.is_malformed:
                raise
            raise EngineUnavailable(f"It broke off before its answer. {error.__cause__ or ''}") from error
    if not content_type.startswith("application/json"):
        shown = content_type.partition(";")[0][:100]
        raise EngineStreamBroken(
            f"It answered with something that is no JSON object ({shown}).", is_malformed=True
        )
    return await _whole(frames)


async def _head_of_stream(frames: AsyncIterator[bytes]) -> bytes:
    reader, head = EventReader(), b""
    async for data in frames:
        head += data
        try:
            events = reader.feed(data)
        except EventTooLarge as error:
            raise EngineStreamBroken(str(error), is_malformed=True) from error
        if any(_is_begun(event) for event in events) or len(head) > _MOST_HEAD_BYTES:
            return head
    if reader.rest().strip() in _DONE_WITHOUT_ITS_END:
        return head
    raise EngineStreamBroken("The stream ended before its first token.")


async def _whole(frames: AsyncIterator[bytes]) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for data in frames:
        pieces.append(data)
        size += len(data)
        if size > _MOST_WHOLE_BYTES:  # whoever sends it on looks whether it is whole
            return b"".join(pieces)
    body = b"".join(pieces)
    if not isinstance(_parsed(body), dict):
        raise EngineStreamBroken(
            "It answered with something that is no JSON object (application/json).", is_malformed=True
        )
    return body


def _is_begun(event: bytes) -> bool:
    """Whether the answer begins here. Raises EngineStreamBroken and EngineRefused."""
    if event.strip() == b"[DONE]":
        return True
    chunk = _parsed(event)
    if not isinstance(chunk, dict):
        raise EngineStreamBroken("It sent something that is no chunk of an answer.", is_malformed=True)
    if chunk.get("error"):
        raise EngineRefused(_status_of(chunk), orjson.dumps(chunk))
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not choices:
        return bool(chunk.get("usage"))
    return any(_carries(choice) for choice in choices if isinstance(choice, dict))


def _carries(choice: Mapping[str, Any]) -> bool:
    if choice.get("finish_reason") or choice.get("text"):
        return True
    delta = choice.get("delta")
    return isinstance(delta, dict) and any(value for name, value in delta.items() if name not in _EMPTY_OF)


def _status_of(chunk: Mapping[str, Any]) -> int:
    """Of an error event: as it says itself, else 502. vLLM puts the status it would have had in `code`."""
    error = chunk["error"]
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code <= 599 else 502


def _parsed(data: bytes) -> object:
    """None where it is no JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
