"""OpenAI's wire shapes for what a stand-in says. Pure."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from inference.testing.answers import JsonObject


@dataclass
class Choice:
    """One answer being written."""

    index: int
    pieces: list[JsonObject] = field(default_factory=list)
    """Deltas of a message, or pieces of text for a completion."""
    finish_reason: str = "stop"


def tool_call_deltas(call_id: str, name: str, arguments: JsonObject) -> list[JsonObject]:
    """As servers stream a call: its name first, its arguments in pieces."""
    whole = orjson.dumps(arguments).decode()
    half = len(whole) // 2
    first = {"index": 0, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
    rest = [{"index": 0, "function": {"arguments": part}} for part in (whole[:half], whole[half:])]
    deltas: list[JsonObject] = [{"role": "assistant", "content": None}]
    return [{"delta": delta} for delta in deltas + [{"tool_calls": [call]} for call in [first, *rest]]]


def several_call_deltas(numbers: Iterator[int], calls: Sequence[tuple[str, str]]) -> list[JsonObject]:
    """Several calls at once, their arguments as somebody wrote them, valid JSON or not."""
    told = [
        {
            "index": at,
            "id": f"call_{next(numbers)}",
            "type": "function",
            "function": {"name": name, "arguments": written},
        }
        for at, (name, written) in enumerate(calls)
    ]
    return [
        {"delta": {"role": "assistant", "content": None}},
        *({"delta": {"tool_calls": [one]}} for one in told),
    ]


def carries_a_token(piece: Mapping[str, Any]) -> bool:
    """Whether a piece counts as a token of the answer."""
    return bool(
        piece.get("text") or piece.get("delta", {}).get("content") or "tool_calls" in piece.get("delta", {})
    )


def chunk_choice(choice: Choice, piece: JsonObject, finish_reason: str | None) -> JsonObject:
    """A choice as it stands in a streamed chunk."""
    return {"index": choice.index, **piece, "logprobs": None, "finish_reason": finish_reason}


def whole_choice(choice: Choice, is_chat: bool) -> JsonObject:
    """A choice as it stands in a whole answer."""
    base = {"index": choice.index, "logprobs": None, "finish_reason": choice.finish_reason}
    if not is_chat:
        return {**base, "text": "".join(piece["text"] for piece in choice.pieces)}
    deltas = [piece["delta"] for piece in choice.pieces]
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    message: JsonObject = {
        "role": "assistant",
        "content": "".join(delta.get("content") or "" for delta in deltas),
    }
    if calls:
        arguments = "".join(call["function"]["arguments"] for call in calls)
        function = {"name": calls[0]["function"]["name"], "arguments": arguments}
        call = {"id": calls[0]["id"], "type": "function", "function": function}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {**base, "message": message}


def packed(vector: Sequence[float]) -> str:
    """A vector as OpenAI packs it: base64 of little-endian float32."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
