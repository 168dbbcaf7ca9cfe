"""Google's own generateContent: its requests as OpenAI would have them, and our answers in its words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from inference.testing.answers import JsonObject
from inference.testing.openai_shapes import Choice

_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}
_ROLES = {"model": "assistant", "function": "tool"}


def as_openai(model: str, body: Mapping[str, Any]) -> JsonObject:
    """The same question for the code that makes answers."""
    messages = []
    if body.get("systemInstruction"):
        messages.append({"role": "system", "content": _text(body["systemInstruction"])})
    for content in body.get("contents") or []:
        is_result = any("functionResponse" in part for part in content.get("parts") or [])
        role = "tool" if is_result else _ROLES.get(content.get("role", "user"), content.get("role", "user"))
        messages.append({"role": role, "content": _text(content)})
    config = body.get("generationConfig") or {}
    asked: JsonObject = {"model": model, "messages": messages, "max_tokens": config.get("maxOutputTokens")}
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    if schema:
        asked["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": _lower(schema)},
        }
    declared = [one for tool in body.get("tools") or [] for one in tool.get("functionDeclarations") or []]
    if declared:
        asked["tools"] = [
            {"type": "function", "function": {"name": one["name"], "parameters": _parameters(one)}}
            for one in declared
        ]
    return asked


def _parameters(declared: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a JSON schema
    return _lower(declared.get("parametersJsonSchema") or declared.get("parameters") or {})


def _lower(schema: Any) -> Any:  # noqa: ANN401 - a JSON schema
    """Google writes the types of a schema in capitals."""
    if isinstance(schema, dict):
        return {
            key: value.lower() if key == "type" and isinstance(value, str) else _lower(value)
            for key, value in schema.items()
        }
    return [_lower(one) for one in schema] if isinstance(schema, list) else schema


def _text(content: Mapping[str, Any]) -> str:
    return " ".join(str(part.get("text", "")) for part in content.get("parts") or [])


def whole(answer_id: str, model: str, choice: Choice, usage: Mapping[str, Any]) -> JsonObject:
    """A whole answer, or the last piece of a streamed one."""
    return _answer(answer_id, model, _parts(choice), _REASONS[choice.finish_reason], usage)


def events(answer_id: str, model: str, choice: Choice, usage: Mapping[str, Any]) -> Iterator[bytes]:
    """A streamed answer: each event is an answer by itself, the last one says why it ended."""
    pieces = [
        part
        for piece in choice.pieces
        for part in _parts(Choice(0, [piece]))
        if choice.finish_reason != "tool_calls"
    ]
    for part in pieces:
        yield _event(_answer(answer_id, model, [part], None, usage))
    last = _parts(choice) if choice.finish_reason == "tool_calls" else [{"text": ""}]
    yield _event(_answer(answer_id, model, last, _REASONS[choice.finish_reason], usage))


def _parts(choice: Choice) -> list[JsonObject]:
    deltas = [piece["delta"] for piece in choice.pieces]
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    if calls:
        arguments = "".join(call["function"]["arguments"] for call in calls)
        return [{"functionCall": {"name": calls[0]["function"]["name"], "args": orjson.loads(arguments)}}]
    text = "".join(delta.get("content") or "" for delta in deltas)
    return [{"text": text}] if text else []


def _answer(
    answer_id: str, model: str, parts: list[JsonObject], reason: str | None, usage: Mapping[str, Any]
) -> JsonObject:
    candidate: JsonObject = {"content": {"role": "model", "parts": parts}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    used = {
        "promptTokenCount": usage["prompt_tokens"],
        "candidatesTokenCount": usage["completion_tokens"],
        "totalTokenCount": usage["total_tokens"],
    }
    return {"candidates": [candidate], "usageMetadata": used, "modelVersion": model, "responseId": answer_id}


def _event(value: JsonObject) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\r\n\r\n"
