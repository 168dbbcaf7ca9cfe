"""OpenAI's shapes to Ollama's own and back. Pure; field by field the same as Ollama does behind its /v1 routes.

Why not simply use those routes: they have no way to set the size of the context. Its documentation says so
(docs.ollama.com/api/openai-compatibility, "Setting the context size"), issue ollama/ollama#5356 asks for it. Left to
itself Ollama takes 4k tokens on small cards and cuts longer prompts without a word, system prompt first
(ollama/ollama#3839). Its own /api/chat and /api/generate take options.num_ctx with every request.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

JsonObject = dict[str, Any]

_ROUTES = {"chat/completions": "/api/chat", "completions": "/api/generate", "embeddings": "/api/embed"}
_OPTIONS = ("temperature", "top_p", "seed", "frequency_penalty", "presence_penalty")


def native_path(route: str) -> str:
    """Where Ollama takes what OpenAI takes at that route."""
    return _ROUTES[route]


def to_native(route: str, payload: Mapping[str, Any], num_ctx: int, keep_alive: str) -> JsonObject:
    """The request as Ollama's own route wants it, the context size always among its options."""
    native: JsonObject = {
        "model": payload.get("model"),
        "options": _options(payload, num_ctx),
        "keep_alive": keep_alive,
        "truncate": False,  # an error instead of a prompt that is cut without a word; unknown to servers before 0.12.4
    }
    if route == "embeddings":
        return {**native, "input": payload.get("input")}
    native["stream"] = bool(payload.get("stream"))
    native["shift"] = (
        False  # an answer that fills the context ends there, and does not push the question out of it
    )
    _copy_thinking_and_logprobs(payload, native)
    answer_format = _format(payload.get("response_format"))
    if answer_format is not None:
        native["format"] = answer_format
    if route == "completions":
        prompt = payload.get("prompt")
        native["prompt"] = prompt[0] if isinstance(prompt, list) and len(prompt) == 1 else prompt
        if payload.get("suffix"):
            native["suffix"] = payload["suffix"]
        return native
    native["messages"] = to_native_messages(payload.get("messages") or [])
    # It knows no tool_choice: "none" can be had by leaving the tools out, the others not at all.
    if payload.get("tools") and payload.get("tool_choice") != "none":
        native["tools"] = payload["tools"]
    return native


def _options(payload: Mapping[str, Any], num_ctx: int) -> JsonObject:
    # OpenAI's defaults, not those of the model's file: a client that says nothing expects them
    options: JsonObject = {"temperature": 1.0, "top_p": 1.0}
    options |= {name: payload[name] for name in _OPTIONS if payload.get(name) is not None}
    limit = payload.get("max_completion_tokens") or payload.get("max_tokens")
    if limit is not None:
        options["num_predict"] = limit
    stop = payload.get("stop")
    if stop:
        options["stop"] = [stop] if isinstance(stop, str) else stop
    return {**options, "num_ctx": num_ctx}


def _copy_thinking_and_logprobs(payload: Mapping[str, Any], native: JsonObject) -> None:
    effort = payload.get("reasoning_effort")
    if effort is not None:
        native["think"] = False if effort == "none" else effort
    if payload.get("logprobs"):
        native["logprobs"] = True
        native["top_logprobs"] = payload.get("top_logprobs") or 0


def _format(response_format: object) -> object:
    if not isinstance(response_format, dict):
        return None
    if response_format.get("type") == "json_object":
        return "json"
    schema = response_format.get("json_schema")
    return schema.get("schema") if isinstance(schema, dict) else None


def to_native_messages(messages: Sequence[Mapping[str, Any]]) -> list[JsonObject]:
    """Text parts joined, pictures apart, tool arguments as objects, tool answers by the tool's name."""
    names = {
        call.get("id"): call.get("function", {}).get("name")
        for message in messages
        for call in message.get("tool_calls") or []
    }
    native = []
    for message in messages:
        role = message.get("role")
        text, images = _content(message.get("content"))
        said: JsonObject = {"role": "system" if role == "developer" else role, "content": text}
        if images:
            said["images"] = images
        if message.get("tool_calls"):
            said["tool_calls"] = [_native_call(call) for call in message["tool_calls"]]
        if role == "tool":
            said["tool_call_id"] = message.get("tool_call_id")
            said["tool_name"] = message.get("name") or names.get(message.get("tool_call_id"))
        native.append(said)
    return native


def _content(content: object) -> tuple[str, list[str]]:
    """(text, pictures in base64). Pictures by address are left out: Ollama fetches nothing."""
    if isinstance(content, str):
        return content, []
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    text = "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    images = []
    for part in parts:
        picture = part.get("image_url")
        url = picture.get("url") if isinstance(picture, dict) else picture
        if isinstance(url, str) and url.startswith("data:"):
            images.append(url.partition(",")[2])
    return text, images


def _native_call(call: Mapping[str, Any]) -> JsonObject:
    function = call.get("function") or {}
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = orjson.loads(arguments or "{}")
        except orjson.JSONDecodeError:
            arguments = {}
    return {"id": call.get("id"), "function": {"name": function.get("name"), "arguments": arguments}}


@dataclass
class AnswerWriter:
    """Turns the objects Ollama streams into OpenAI's events, or one of them into a whole answer."""

    route: str
    answer_id: str
    created: int
    wants_usage: bool = False
    _has_called: bool = field(default=False, init=False)
    _has_begun: bool = field(default=False, init=False)

    def events(self, native: Mapping[str, Any]) -> bytes:
        """The event or events for one object of the stream; the last one ends with `[DONE]`."""
        if native.get("error"):
            return event({"error": {"message": str(native["error"]), "type": "server_error", "code": None}})
        chunk = self._chunk(native, self._delta(native), self._finish_reason(native))
        if not native.get("done"):
            return event(chunk)
        usage = event({**chunk, "choices": [], "usage": usage_of(native)}) if self.wants_usage else b""
        return event(chunk) + usage + b"data: [DONE]\n\n"

    def answer(self, native: Mapping[str, Any]) -> bytes:
        """A whole answer."""
        if self.route == "completions":
            content: JsonObject = {"text": native.get("response", "")}
        else:
            message = self._message(native)
            content = {"message": {"role": "assistant", "content": message.pop("content", ""), **message}}
        whole = self._chunk(native, content, self._finish_reason(native))
        whole["object"] = whole["object"].removesuffix(".chunk")
        return orjson.dumps({**whole, "usage": usage_of(native)})

    def _delta(self, native: Mapping[str, Any]) -> JsonObject:
        if self.route == "completions":
            return {"text": native.get("response", "")}
        delta = self._message(native)
        if not self._has_begun:
            self._has_begun = True
            delta = {"role": "assistant", **delta}
        return {"delta": delta}

    def _message(self, native: Mapping[str, Any]) -> JsonObject:
        message = native.get("message") or {}
        said: JsonObject = {"content": message.get("content") or ""}
        if message.get("thinking"):
            said["reasoning"] = message["thinking"]
        calls = message.get("tool_calls") or []
        if calls:
            self._has_called = True
            said["tool_calls"] = [self._call(call, index) for index, call in enumerate(calls)]
        return said

    def _call(self, call: Mapping[str, Any], index: int) -> JsonObject:
        function = call.get("function") or {}
        number = function.get("index", index)
        return {
            "index": number,
            # older servers give calls no id, but OpenAI's clients answer by it
            "id": call.get("id") or f"call_{self.answer_id.removeprefix('chatcmpl-')}_{number}",
            "type": "function",
            "function": {
                "name": function.get("name"),
                "arguments": orjson.dumps(function.get("arguments") or {}).decode(),
            },
        }

    def _finish_reason(self, native: Mapping[str, Any]) -> str | None:
        if not native.get("done"):
            return None
        return "tool_calls" if self._has_called else (native.get("done_reason") or "stop")

    def _chunk(self, native: Mapping[str, Any], content: JsonObject, finish_reason: str | None) -> JsonObject:
        logprobs = native.get("logprobs")
        return {
            "id": self.answer_id,
            "object": "text_completion" if self.route == "completions" else "chat.completion.chunk",
            "created": self.created,
            "model": native.get("model"),
            "choices": [
                {
                    "index": 0,
                    **content,
                    "logprobs": {"content": logprobs} if logprobs else None,
                    "finish_reason": finish_reason,
                }
            ],
        }


def usage_of(native: Mapping[str, Any]) -> JsonObject:
    """OpenAI's usage out of Ollama's counts. A prompt that was wholly kept from before has no count: 0."""
    prompt, completion = native.get("prompt_eval_count") or 0, native.get("eval_count") or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": native.get("cached_prompt_tokens") or 0},
    }


def embeddings_answer(native: Mapping[str, Any], encoding_format: str) -> bytes:
    """OpenAI's list of vectors; base64 is little-endian float32, what OpenAI's SDK asks for."""
    rows = native.get("embeddings") or []
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode()
            if encoding_format == "base64"
            else row,
        }
        for index, row in enumerate(rows)
    ]
    tokens = native.get("prompt_eval_count") or 0
    return orjson.dumps(
        {
            "object": "list",
            "data": data,
            "model": native.get("model"),
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def event(value: object) -> bytes:
    """One server-sent event."""
    return b"data: " + orjson.dumps(value) + b"\n\n"
