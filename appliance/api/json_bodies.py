"""Bodies of `/v1`: read within a limit, parsed strictly, and looked at before they can grow in memory.

orjson keeps the last of two equal keys and expands a small text into many objects; both are looked for in what is left
of the body when its strings are taken out, at the speed of C. Knows nothing of fields.
"""

from __future__ import annotations

import json
from typing import Any

import orjson
from starlette.types import Receive, Scope

from appliance.errors import InvalidRequest, TooLarge

MIB = 1024 * 1024
MAX_BODY_BYTES = 32 * MIB
MAX_DEPTH = 100  # orjson writes at most 254 levels; no request of the API has more than a dozen
MAX_STRINGS = 500_000
MAX_CONTAINERS = 200_000
MAX_VALUES = 2_000_000  # a prompt of token ids may be long
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(scope: Scope, receive: Receive, limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole body. Raises TooLarge as soon as it is known, and ClientGone.

    What comes after a refusal is thrown away by the server as it arrives; it is never held.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and (len(value) > 18 or not value.isdigit() or int(value) > limit):
            raise _too_large(limit)
        if name == b"content-encoding" and value.lower() not in (b"identity", b""):
            raise InvalidRequest("Send the body uncompressed.", param="content-encoding")
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return b"".join((*pieces, piece)) if pieces else piece
        pieces.append(piece)


def parse_object(body: bytes) -> dict[str, Any]:
    """A JSON object without equal keys, not too deep and not too large once parsed. Raises InvalidRequest."""
    outline = _outline(body)
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from error
    if not isinstance(parsed, dict):
        raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
    if outline.count(b":") != _count_keys(parsed):
        key = _repeated_key(body)
        raise InvalidRequest(f"The key {key!r} stands twice in one object.", param=key, code="duplicate_key")
    return parsed


def _outline(body: bytes) -> bytes:
    """The body without its strings. Raises InvalidRequest when what it describes is too much."""
    # Pairs of backslashes first: what is left before a quote then escapes it.
    flat = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    if flat.count(b'"') > 2 * MAX_STRINGS:
        raise InvalidRequest(f"The body holds more than {MAX_STRINGS} strings.", code="too_many_values")
    outline = b"".join(flat.split(b'"')[::2])
    containers = outline.count(b"[") + outline.count(b"{")
    if containers > MAX_DEPTH and _depth(outline) > MAX_DEPTH:
        raise InvalidRequest(f"The body is nested deeper than {MAX_DEPTH} levels.", code="nested_too_deep")
    if containers > MAX_CONTAINERS or outline.count(b",") > MAX_VALUES:
        raise InvalidRequest("The body holds too many values.", code="too_many_values")
    return outline


def _depth(outline: bytes) -> int:
    """How deep its brackets nest, as far as that matters: it stops where the limit is passed."""
    depth = deepest = 0
    for bracket in outline.translate(None, _NOT_BRACKETS)[: 2 * MAX_CONTAINERS]:
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            break
    return deepest


def _count_keys(parsed: dict[str, Any]) -> int:
    count = 0
    left: list[Any] = [parsed]
    while left:
        container = left.pop()
        if type(container) is dict:
            count += len(container)
            left += [value for value in container.values() if isinstance(value, dict | list)]
        else:
            left += [value for value in container if isinstance(value, dict | list)]
    return count


def _repeated_key(body: bytes) -> str:
    """The first key that an object has twice, shortened for the message."""

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise _Found(next(name for index, name in enumerate(names) if name in names[:index]))
        return found

    try:
        json.loads(body, object_pairs_hook=look)
    except _Found as found:
        return str(found)[:100]
    return "?"


class _Found(Exception):
    pass


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"At most {limit // MIB} MiB here.")
