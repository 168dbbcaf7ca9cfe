"""What a stand-in says. Pure: the same request always gets the same answer."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

JsonObject = dict[str, Any]

FILLER = "The engine answers with plain filler text so that a client can be tried without a model or a graphics card"
_TOKEN = re.compile(r"\s*\S+|\s+$")
_MAX_DEPTH = 8


def tokens_of(text: str) -> list[str]:
    """Words with the blanks before them: joined again they are the text."""
    return _TOKEN.findall(text)


def message_text(message: Mapping[str, Any]) -> str:
    """The text of a message, its parts joined."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def prompt_tokens_of(payload: Mapping[str, Any]) -> list[str]:
    """Every token of a prompt, whichever route it came by."""
    texts = [message_text(message) for message in payload.get("messages") or []]
    for field in ("prompt", "input"):
        value = payload.get(field)
        texts += (
            [str(item) for item in value] if isinstance(value, list) else [str(value)] * (value is not None)
        )
    return [token for text in texts for token in tokens_of(text)]


def shared_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    """How many tokens two prompts have in common from the start: what a prefix cache would keep."""
    for position, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return position
    return min(len(one), len(other))


def echo(payload: Mapping[str, Any]) -> str:
    """The default answer: the last thing the user said."""
    messages = [message for message in payload.get("messages") or [] if message.get("role") == "user"]
    if messages:
        return f"Echo: {message_text(messages[-1])}"
    prompt = payload.get("prompt")
    return f"Echo: {prompt[0] if isinstance(prompt, list) and prompt else prompt or ''}"


def filler(count: int) -> str:
    """A text of exactly so many tokens."""
    words = FILLER.split()
    return " ".join(words[number % len(words)] for number in range(count))


def tool_called(payload: Mapping[str, Any]) -> tuple[str, JsonObject] | None:
    """(name, arguments) of the tool to call: the one asked for, else the first; None after a tool has answered."""
    tools, choice = payload.get("tools") or [], payload.get("tool_choice")
    messages = payload.get("messages") or []
    if not tools or choice == "none" or (messages and messages[-1].get("role") == "tool"):
        return None
    functions = {tool["function"]["name"]: tool["function"] for tool in tools if tool.get("function")}
    asked = choice["function"]["name"] if isinstance(choice, dict) else next(iter(functions))
    arguments = example_of(functions[asked].get("parameters") or {})
    return asked, arguments if isinstance(arguments, dict) else {}


def schema_asked(payload: Mapping[str, Any]) -> JsonObject | None:
    """The JSON schema the answer has to follow; {} for any JSON object."""
    wanted = payload.get("response_format") or {}
    if wanted.get("type") == "json_object":
        return {}
    schema: JsonObject | None = (wanted.get("json_schema") or {}).get("schema")
    return schema


def example_of(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, depth: int = 0) -> object:
    """A value that fits a JSON schema of the kind people write for models ($ref, enum, anyOf included)."""
    root = schema if root is None else root
    if "$ref" in schema:
        target: Any = root
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[step]
        return example_of(target, root, depth + 1)
    for given in ("const", "default"):
        if given in schema:
            fixed: object = schema[given]
            return fixed
    if "enum" in schema:
        first: object = schema["enum"][0]
        return first
    for variants in ("anyOf", "oneOf", "allOf"):
        if schema.get(variants):
            return example_of(schema[variants][0], root, depth + 1)
    return _example_of_type(schema, root, depth)


def _example_of_type(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> object:
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties") or {}
        required = schema.get("required", list(properties))
        inside = depth < _MAX_DEPTH
        return {name: example_of(properties[name], root, depth + 1) for name in required if inside}
    if kind == "array":
        length = max(1, schema.get("minItems", 1)) if depth < _MAX_DEPTH else 0
        return [example_of(schema.get("items") or {"type": "string"}, root, depth + 1)] * length
    if kind == "string":
        return "text".ljust(schema.get("minLength", 0), "t")[: schema.get("maxLength")]
    if kind in ("integer", "number"):
        smallest: object = schema.get("minimum", 1)
        return smallest
    return True if kind == "boolean" else None


def embedding_of(text: str, dimension: int) -> list[float]:
    """A hashed bag of words, of length 1: texts that share words are near each other."""
    vector = [0.0] * dimension
    for word in re.findall(r"\w+", text.lower()):
        code = zlib.crc32(word.encode())
        vector[code % dimension] += 1.0 if code & 0x10000 else -1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]
