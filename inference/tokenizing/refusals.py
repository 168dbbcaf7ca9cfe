"""What engines say when a prompt is too long for them, each in words of its own. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

# vLLM: "This model's maximum context length is 512 tokens. However, you requested 600 tokens (...)"; and the same of
# "your prompt contains at least 513 input tokens", by release. OpenAI: code. Ollama: one sentence.
_CONTEXT = re.compile(r"maximum (?:context length|model length|input length)\D{0,40}?(\d+)", re.IGNORECASE)
_PROMPT = re.compile(
    r"(\d+)\s*(?:input tokens|in the messages|in the prompt|tokens in the messages|tokens from the input)",
    re.IGNORECASE,
)
_SENTENCES = (
    "maximum context length",
    "exceeds the context length",
    "exceed the context length",
    "exceeds maximum model length",
    "exceeds the available context size",
    "longer than the maximum model length",
)


@dataclass(frozen=True, slots=True)
class ToldTooLong:
    """prompt_tokens, context_tokens: None where it does not say."""

    prompt_tokens: int | None = None
    context_tokens: int | None = None


def told_too_long(body: bytes) -> ToldTooLong | None:
    """From an engine's refusal; None: it refused something else."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    told = parsed.get("error", parsed) if isinstance(parsed, dict) else None
    if isinstance(told, str):
        told = {"message": told}
    if not isinstance(told, dict):
        return None
    message = str(told.get("message") or told.get("detail") or "")
    kinds = {told.get("type"), told.get("code")} - {None}
    if kinds & {"exceed_context_size_error", "context_length_exceeded"} or any(
        words in message.lower() for words in _SENTENCES
    ):
        prompt = _number(told, "n_prompt_tokens") or _found(_PROMPT, message)
        return ToldTooLong(prompt, _number(told, "n_ctx") or _found(_CONTEXT, message))
    return None


def _number(told: Mapping[str, Any], name: str) -> int | None:
    value = told.get(name)
    return value if isinstance(value, int) else None


def _found(pattern: re.Pattern[str], message: str) -> int | None:
    found = pattern.search(message)
    return int(found[1]) if found else None
