"""How many tokens a prompt can have at most, by its bytes: microseconds, and right for every vocabulary. Pure.

Byte-level BPE and SentencePiece with byte fallback both need at most one token a byte. What stands between the texts
is written by the chat template and measured once for each model (`TemplateCost`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

# Some tokenizers compose letters and marks first (NFC), by which UTF-8 grows threefold at most: U+1D160 does.
# https://www.unicode.org/faq/normalization.html#12
_NFC_GROWTH = 3
# Templates write tools with an indent, and escape some signs by six characters (`\\u003c`).
_JSON_GROWTH = 6
_TOOLS_PREAMBLE = 2048  # what a template says of how tools are called
_SPECIAL = 8  # begin and end of text, and SentencePiece's blank before the first word
_WRITTEN = ("tools", "functions", "response_format", "documents", "chat_template_kwargs", "reasoning_effort")
_PLAIN_KEYS = frozenset(("role", "content"))


@dataclass(frozen=True, slots=True)
class TemplateCost:
    """Most tokens that a chat template writes by itself: once a prompt, and around each message."""

    once: int
    per_message: int

    @classmethod
    def measured(cls, of_one: int, of_many: int, *, more: int) -> TemplateCost:
        """From what the engine counts for one message and for as many more, each of a single letter. Doubled: a date
        may have more letters tomorrow, and templates write the last answer in another way than earlier ones."""
        each = max(4, -(-(of_many - of_one) // more))
        return cls(2 * of_one + 32, 2 * each + 8)


def most_prompt_tokens(payload: Mapping[str, Any], cost: TemplateCost) -> int | None:
    """Of a chat or a completion, the longest of several prompts; None where bytes tell nothing: pictures and sounds."""
    messages = payload.get("messages")
    if messages is None:
        return _of_completion(payload.get("prompt"))
    total = cost.once + cost.per_message * len(messages)
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            # the commonest case by far, so without a call
            total += (
                len(content) if content.isascii() else _NFC_GROWTH * len(content.encode("utf-8", "replace"))
            )
        elif isinstance(content, list):
            of_parts = _of_parts(content, cost)
            if of_parts is None:
                return None
            total += of_parts
        if message.keys() - _PLAIN_KEYS:
            total += _of_json({name: value for name, value in message.items() if name not in _PLAIN_KEYS})
    for name in _WRITTEN:
        if payload.get(name):
            total += _TOOLS_PREAMBLE + _of_json(payload[name])
    return total


def _of_parts(parts: Sequence[Mapping[str, Any]], cost: TemplateCost) -> int | None:
    total = 0
    for part in parts:
        text = part.get("text")
        if part.get("type") != "text" or not isinstance(text, str):
            return None
        total += _of_text(text) + cost.per_message
    return total


def _of_completion(prompt: object) -> int | None:
    if isinstance(prompt, str):
        return _of_text(prompt) + _SPECIAL
    if not isinstance(prompt, list) or not prompt:
        return None
    if isinstance(prompt[0], int):
        return len(prompt) + _SPECIAL
    return max(_of_completion(one) or 0 for one in prompt)


def _of_text(text: str) -> int:
    return len(text) if text.isascii() else _NFC_GROWTH * len(text.encode("utf-8", "replace"))


def _of_json(value: object) -> int:
    return _JSON_GROWTH * len(orjson.dumps(value))


def text_bytes(payload: Mapping[str, Any]) -> int:
    """Bytes of all that will be tokenized; what is worth counting exactly depends on it."""
    told = payload.get("messages") or payload.get("prompt") or ""
    size = len(orjson.dumps(told))
    return size + sum(len(orjson.dumps(payload[name])) for name in _WRITTEN if payload.get(name))


def has_media(payload: Mapping[str, Any]) -> bool:
    """Whether there are pictures or sounds in it, whose tokens only the engine's own answer tells."""
    return any(
        part.get("type") != "text"
        for message in payload.get("messages") or ()
        if isinstance(message.get("content"), list)
        for part in message["content"]
    )
