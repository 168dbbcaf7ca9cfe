"""Anthropic's own Messages API: its requests as OpenAI would have them, and our answers in its words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from inference.testing.answers import JsonObject
from inference.testing.openai_shapes import Choice

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def as_openai(body: Mapping[str, Any]) -> JsonObject:
    """The same question for the code that makes answers."""
    messages = [{"role": "system", "content": _text(body["system"])}] if body.get("system") else []
    for message in body.get("messages") or []:
        content = message.get("content")
        is_result = isinstance(content, list) and any(part.get("type") == "tool_result" for part in content)
        messages.append({"role": "tool" if is_result else message.get("role"), "content": _text(content)})
    tools = [
        {"type": "function", "function": {"name": tool["name"], "parameters": tool.get("input_schema") or {}}}
        for tool in body.get("tools") or []
    ]
    asked = {"model": body.get("model"), "messages": messages, "max_tokens": body.get("max_tokens")}
    return {**asked, "tools": tools} if tools else asked


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part.get("text") or part.get("content") or "") for part in parts)


def blocks(choice: Choice) -> list[JsonObject]:
    """Text, or the call of a tool."""
    deltas = [piece["delta"] for piece in choice.pieces]
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    if not calls:
        return [{"type": "text", "text": "".join(delta.get("content") or "" for delta in deltas)}]
    arguments = "".join(call["function"]["arguments"] for call in calls)
    name = calls[0]["function"]["name"]
    return [
        {"type": "tool_use", "id": f"toolu_{calls[0]['id']}", "name": name, "input": orjson.loads(arguments)}
    ]


def message(answer_id: str, model: str, choice: Choice, usage: Mapping[str, Any]) -> JsonObject:
    """A whole answer."""
    return {
        **_begun(answer_id, model, usage),
        "content": blocks(choice),
        "stop_reason": _REASONS[choice.finish_reason],
        "usage": {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]},
    }


def _begun(answer_id: str, model: str, usage: Mapping[str, Any]) -> JsonObject:
    used = {"input_tokens": usage["prompt_tokens"], "output_tokens": 1}
    told = {"id": f"msg_{answer_id}", "type": "message", "role": "assistant", "model": model, "content": []}
    return {**told, "stop_reason": None, "stop_sequence": None, "usage": used}


def events(answer_id: str, model: str, choice: Choice, usage: Mapping[str, Any]) -> Iterator[bytes]:
    """A streamed answer, event by event."""
    yield _event("message_start", message=_begun(answer_id, model, usage))
    block = blocks(choice)[0]
    empty = {**block, "text": ""} if block["type"] == "text" else {**block, "input": {}}
    yield _event("content_block_start", index=0, content_block=empty)
    yield _event("ping")
    for delta in _deltas(choice, block):
        yield _event("content_block_delta", index=0, delta=delta)
    yield _event("content_block_stop", index=0)
    ended = {"stop_reason": _REASONS[choice.finish_reason], "stop_sequence": None}
    yield _event("message_delta", delta=ended, usage={"output_tokens": usage["completion_tokens"]})
    yield _event("message_stop")


def _deltas(choice: Choice, block: Mapping[str, Any]) -> Iterator[JsonObject]:
    if block["type"] == "tool_use":
        yield {"type": "input_json_delta", "partial_json": orjson.dumps(block["input"]).decode()}
        return
    for piece in choice.pieces:
        if piece["delta"].get("content"):
            yield {"type": "text_delta", "text": piece["delta"]["content"]}


def _event(kind: str, **told: Any) -> bytes:  # noqa: ANN401 - whatever the event holds
    return f"event: {kind}\n".encode() + b"data: " + orjson.dumps({"type": kind, **told}) + b"\n\n"
