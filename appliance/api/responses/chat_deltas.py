"""What an engine says in a chat, streamed or whole, as pieces of one kind. Pure.

Engines differ in the name of a model's thoughts: `reasoning` (vLLM, Ollama) or `reasoning_content` (llama.cpp).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from inference.chat_chunks import error_message
from inference.errors import EngineStreamBroken


@dataclass(frozen=True, slots=True)
class CallPiece:
    """More of the index-th function call; id and name come with its first piece."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """More of an answer. usage: as the engine tells it, at the end."""

    reasoning: str = ""
    text: str = ""
    refusal: str = ""
    calls: tuple[CallPiece, ...] = ()
    logprobs: tuple[Mapping[str, Any], ...] = ()
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None


def from_chunk(chunk: Mapping[str, Any]) -> Delta:
    """One chunk of a streamed answer; only the first choice is read."""
    choice = _first(chunk)
    return _delta(choice, choice.get("delta"), chunk.get("usage"))


def from_whole(body: bytes) -> Delta:
    """A whole answer as one piece. Raises EngineStreamBroken for what is no answer."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise EngineStreamBroken("It sent something that is not JSON.") from error
    if not isinstance(answer, dict):
        raise EngineStreamBroken("It sent something that is not an answer.")
    if answer.get("error"):
        raise EngineStreamBroken(f"It said: {error_message(answer)}")
    choice = _first(answer)
    if not isinstance(choice.get("message"), dict):
        raise EngineStreamBroken("Its answer has no choices.")
    return _delta(choice, choice["message"], answer.get("usage"))


def _first(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _delta(choice: Mapping[str, Any], said: object, usage: object) -> Delta:
    said = said if isinstance(said, dict) else {}
    reason = choice.get("finish_reason")
    calls = said.get("tool_calls")
    logprobs = choice.get("logprobs")
    told = logprobs.get("content") if isinstance(logprobs, dict) else None
    return Delta(
        reasoning=_text(said, "reasoning") or _text(said, "reasoning_content"),
        text=_text(said, "content"),
        refusal=_text(said, "refusal"),
        calls=_calls(calls) if isinstance(calls, list) else (),
        logprobs=tuple(_logprob(one) for one in told if isinstance(one, dict))
        if isinstance(told, list)
        else (),
        finish_reason=reason if isinstance(reason, str) else None,
        usage=usage if isinstance(usage, dict) else None,
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _calls(calls: Sequence[object]) -> tuple[CallPiece, ...]:
    pieces = []
    for position, call in enumerate(calls):
        if not isinstance(call, dict):
            continue
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        index = call.get("index")
        arguments = function.get("arguments")
        if isinstance(arguments, dict):  # some servers send the object itself
            arguments = orjson.dumps(arguments).decode()
        pieces.append(
            CallPiece(
                # a whole answer counts by position; so do servers that forget the index
                index=index if isinstance(index, int) else position,
                id=_text(call, "id"),
                name=_text(function, "name"),
                arguments=arguments if isinstance(arguments, str) else "",
            )
        )
    return tuple(pieces)


def _logprob(one: Mapping[str, Any]) -> Mapping[str, Any]:
    top = one.get("top_logprobs")
    return {
        **_token(one),
        "top_logprobs": [_token(other) for other in top if isinstance(other, dict)]
        if isinstance(top, list)
        else [],
    }


def _token(one: Mapping[str, Any]) -> dict[str, Any]:
    token, logprob = one.get("token"), one.get("logprob")
    token = token if isinstance(token, str) else ""
    data = one.get("bytes")
    return {
        "token": token,
        "logprob": logprob if isinstance(logprob, int | float) else 0.0,
        "bytes": data if isinstance(data, list) else list(token.encode("utf-8", "replace")),
    }


def usage_object(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Usage in the Responses shape; None where the engine told none."""
    if usage is None:
        return None
    prompt, written = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": _count(usage.get("prompt_tokens_details"), "cached_tokens"),
            "cache_write_tokens": 0,
        },
        "output_tokens": written,
        "output_tokens_details": {
            "reasoning_tokens": _count(usage.get("completion_tokens_details"), "reasoning_tokens")
        },
        "total_tokens": prompt + written,
    }


def _count(holder: object, name: str) -> int:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, int) and value > 0 else 0
