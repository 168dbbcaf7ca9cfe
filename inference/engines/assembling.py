"""A whole answer out of a streamed one, for servers that can only be stopped while they stream. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

JsonObject = dict[str, Any]

# Parts of a delta that come in pieces and are put together by writing them one after the other
_TEXTS = ("content", "reasoning_content", "refusal")


def assemble(chunks: Iterable[Mapping[str, Any]]) -> JsonObject:
    """OpenAI's chunks -> the answer that the same request without `stream` would have had."""
    whole: JsonObject = {}
    choices: dict[int, JsonObject] = {}
    for chunk in chunks:
        # the last chunk has no choices but usage and, from llama.cpp, timings
        whole.update({key: value for key, value in chunk.items() if key != "choices" and value is not None})
        for part in chunk.get("choices") or []:
            _add(choices.setdefault(part.get("index", 0), {}), part)
    whole["object"] = str(whole.get("object", "")).removesuffix(".chunk")
    whole["choices"] = [choices[index] for index in sorted(choices)]
    return whole


def _add(choice: JsonObject, part: Mapping[str, Any]) -> None:
    choice["index"] = part.get("index", 0)
    choice.setdefault("logprobs", None)
    choice["finish_reason"] = part.get("finish_reason") or choice.get("finish_reason")
    if "delta" in part:
        _add_delta(choice.setdefault("message", {"role": "assistant", "content": None}), part["delta"] or {})
    else:
        choice["text"] = choice.get("text", "") + (part.get("text") or "")
    logprobs = part.get("logprobs")
    if isinstance(logprobs, dict):
        kept = choice["logprobs"] = choice["logprobs"] or {}
        for key, value in logprobs.items():
            kept[key] = [*kept.get(key, []), *value] if isinstance(value, list) else value


def _add_delta(message: JsonObject, delta: Mapping[str, Any]) -> None:
    for key in _TEXTS:
        if delta.get(key) is not None:
            message[key] = (message.get(key) or "") + delta[key]
    for piece in delta.get("tool_calls") or []:
        _add_call(message.setdefault("tool_calls", []), piece)


def _add_call(calls: list[JsonObject], piece: Mapping[str, Any]) -> None:
    index = piece.get("index", 0)
    while len(calls) <= index:
        calls.append({"id": None, "type": "function", "function": {"name": "", "arguments": ""}})
    call, function = calls[index], piece.get("function") or {}
    call["id"] = piece.get("id") or call["id"]
    call["function"]["name"] += function.get("name") or ""
    call["function"]["arguments"] += function.get("arguments") or ""
