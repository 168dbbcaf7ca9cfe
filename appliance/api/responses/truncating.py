"""`truncation: "auto"`: the oldest of a conversation goes where the whole would not fit into the model's context.

System messages stay, and so does everything from the last thing that a person said; a call goes with its outputs. Texts
are counted by the engine, overestimated where it cannot count; where the context's length is unknown nothing goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from inference.ports import ChatEngine

_LEAST_ANSWER_TOKENS = 1024
_MESSAGE_TOKENS = 8  # what a chat template writes around one
_TEMPLATE_TOKENS = 40
_PICTURE_TOKENS = 1500
_AT_ONCE = 8
_BYTES_PER_TOKEN = 3  # of prose, in the vocabularies in use; fewer tokens are never needed


async def fitting(payload: Mapping[str, Any], engine: ChatEngine) -> list[Mapping[str, Any]]:
    """The messages of a chat that fit beside its answer and its tools."""
    messages: list[Mapping[str, Any]] = payload["messages"]
    models = {model.id: model for model in await engine.models()}
    known = models.get(engine.name) or next(iter(models.values()), None)
    if known is None or known.context_tokens is None:
        return messages
    context = known.context_tokens
    answer = payload.get("max_tokens") or min(_LEAST_ANSWER_TOKENS, context // 3)
    room = context - min(answer, context // 2) - _TEMPLATE_TOKENS
    if sum(len(_text(message).encode()) for message in messages) < room and not any(map(_pictures, messages)):
        return messages  # a token has a byte at least
    counting = asyncio.Semaphore(_AT_ONCE)

    async def count(text: str) -> int:
        async with counting:
            counted = await engine.count_tokens(engine.name, text)
        return len(text.encode()) // _BYTES_PER_TOKEN + 1 if counted is None else counted

    tools = orjson.dumps(payload.get("tools") or []).decode()
    used, *sizes = await asyncio.gather(count(tools), *(count(_text(message)) for message in messages))
    sizes = [
        size + _MESSAGE_TOKENS + _PICTURE_TOKENS * _pictures(message)
        for size, message in zip(sizes, messages, strict=True)
    ]
    return dropped(messages, sizes, room - used)


def dropped(
    messages: Sequence[Mapping[str, Any]], sizes: Sequence[int], room: int
) -> list[Mapping[str, Any]]:
    """The messages without the oldest, as many as room asks for. sizes: of each, in tokens. Pure."""
    excess = sum(sizes) - room
    kept = [True] * len(messages)
    last = max((index for index, message in enumerate(messages) if message["role"] == "user"), default=0)
    for index in range(last):
        if messages[index]["role"] == "system":
            continue
        # The outputs of a call that has gone would answer nothing.
        if excess > 0 or (messages[index]["role"] == "tool" and not _is_called(messages, kept, index)):
            kept[index] = False
            excess -= sizes[index]
    return [message for message, stays in zip(messages, kept, strict=True) if stays]


def _is_called(messages: Sequence[Mapping[str, Any]], kept: Sequence[bool], index: int) -> bool:
    wanted = messages[index]["tool_call_id"]
    return any(
        stays and any(call["id"] == wanted for call in message.get("tool_calls", ()))
        for message, stays in zip(messages[:index], kept, strict=False)
    )


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if not isinstance(content, str):
        content = "\n".join(part.get("text", "") for part in content)
    calls = message.get("tool_calls")
    return content + (orjson.dumps(calls).decode() if calls else "")


def _pictures(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    return sum(part["type"] != "text" for part in content) if isinstance(content, list) else 0
