"""Follows an answer's bytes on their way: what was used, how it ended, whether it is whole. Nothing is rebuilt.

A streamed answer is passed on event by event, so that half an event never leaves, and each is looked at: what is no
JSON object, or says that the engine failed, ends the answer in its place. The usage event is asked of every engine for
the accounts, and taken out again where the client did not ask for it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Container, Mapping
from typing import Any

import orjson

from inference.chat_chunks import error_message, parse_usage
from inference.errors import EngineStreamBroken
from inference.sse import event_data
from inference.types import Usage

_loads = orjson.loads
_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_FINISH = re.compile(rb'"finish_reason"\s*:\s*"([a-z_]{1,32})"')
_FLAT = rb"[^{}]*"
_SHALLOW_OBJECT = re.compile(rb"\{" + _FLAT + rb"(?:\{" + _FLAT + rb"\}" + _FLAT + rb")*\}")
_EVENT_END = re.compile(rb"\r\n\r\n|\n\n")
_MOST_PENDING_BYTES = 4 * 1024 * 1024
_EDGE_BYTES = 8 * 1024
_BARE_ERROR = frozenset(("error", "code", "message"))
_READ = ("prompt", "suffix", "input", "query", "documents", "tools", "functions", "response_format")
_NOT_READ = frozenset(("role", "type"))
_MEDIA = frozenset(("image_url", "video_url", "audio_url", "input_audio"))
_MEDIA_TOKENS = 1000  # of one picture or sound: between what small and large vision models make of one


class StreamScan:
    """One streamed answer. wants_usage: the client asked for the usage event.

    fault: why nothing more of it may be passed on; None: all is well.
    """

    __slots__ = ("_pending", "_tail", "_wants_usage", "events", "fault", "is_done", "usage")

    def __init__(self, wants_usage: bool) -> None:
        self._wants_usage = wants_usage
        self._pending = b""
        self._tail: deque[bytes] = deque(maxlen=4)
        self.events = 0
        self.is_done = False
        self.usage: Usage | None = None
        self.fault: EngineStreamBroken | None = None

    def feed(self, data: bytes) -> bytes:
        """What of it can be passed on now: whole events only, up to a fault."""
        if self._pending:
            data = self._pending + data
            self._pending = b""
        if not data.endswith(b"\n\n"):
            end = max(data.rfind(b"\n\n") + 2, data.rfind(b"\r\n\r\n") + 4)
            if end < 4:
                self._pending = data
                if len(data) > _MOST_PENDING_BYTES:
                    self._pending, self.fault = b"", _no_chunk("It sent an event without an end.")
                return b""
            data, self._pending = data[:end], data[end:]
        if self.fault is not None:
            return b""
        if not _is_one_chunk(data):
            data = self._checked(data)
        if b'"usage"' in data and _USAGE.search(data):
            data = self._take_usage(data)
        self.events += data.count(b"data:")
        self._tail.append(data)
        if b"[DONE]" in data[-20:] and data.rstrip().endswith((b"data: [DONE]", b"data:[DONE]")):
            self.is_done = True
        return data

    def raise_fault(self) -> None:
        """Raises EngineStreamBroken where nothing more may be passed on."""
        if self.fault is not None:
            raise self.fault

    def _checked(self, data: bytes) -> bytes:
        """The events before the first that is none, or that says the engine failed."""
        start = 0
        for found in _EVENT_END.finditer(data):
            end = found.end()
            payload = event_data(data[start:end].strip())
            if payload is not None and payload.strip() != b"[DONE]":
                self.fault = _fault_of(payload)
                if self.fault is not None:
                    return data[:start]
            start = end
        return data

    def end(self) -> bytes:
        """What is left when the engine has closed: a last [DONE] without its line ends, else nothing."""
        rest = self._pending.strip()
        self._pending = b""
        if rest in (b"data: [DONE]", b"data:[DONE]"):
            self.is_done = True
            return b"data: [DONE]\n\n"
        return b""

    @property
    def finish_reason(self) -> str | None:
        found = _FINISH.findall(b"".join(self._tail))
        return found[-1].decode() if found else None

    def _take_usage(self, data: bytes) -> bytes:
        kept, start = [], 0
        for boundary in _EVENT_END.finditer(data):
            event = data[start : boundary.end()]
            start = boundary.end()
            if not self._is_for_us_alone(event):
                kept.append(event)
        return b"".join([*kept, data[start:]])

    def _is_for_us_alone(self, event: bytes) -> bool:
        if not _USAGE.search(event):
            return False
        try:
            chunk = orjson.loads(event.partition(b"data:")[2])
        except orjson.JSONDecodeError:
            return False
        if not isinstance(chunk, dict):
            return False
        self.usage = parse_usage(chunk.get("usage")) or self.usage
        return not self._wants_usage and chunk.get("choices") == []


def _is_one_chunk(data: bytes) -> bool:
    """Whether it is what nearly all of it is: one event with one chunk in which nothing is odd."""
    if not data.startswith(b"data: {") or data.find(b"\n\n") + 2 != len(data):
        return False
    try:
        chunk = _loads(data[6:])
    except orjson.JSONDecodeError:
        return False
    return "choices" in chunk and "error" not in chunk


def _fault_of(payload: bytes) -> EngineStreamBroken | None:
    try:
        chunk = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return _no_chunk("It sent something that is not JSON.")
    if not isinstance(chunk, dict):
        return _no_chunk("It sent something that is not an answer.")
    if "choices" not in chunk and not _BARE_ERROR.isdisjoint(chunk):
        return EngineStreamBroken(f"It said: {error_message(chunk)}")
    if chunk.get("error"):
        return EngineStreamBroken(f"It said: {error_message(chunk)}")
    return None


def _no_chunk(sentence: str) -> EngineStreamBroken:
    return EngineStreamBroken(sentence, is_malformed=True)


class WholeScan:
    """One answer that is not streamed.

    Its last usage object counts, wherever it stands: a client can have engines write megabytes of ids behind it.
    """

    __slots__ = ("_head", "_tail", "is_done", "usage")

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""
        self.is_done = False
        self.usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        if len(self._head) < _EDGE_BYTES:
            self._head += data[: _EDGE_BYTES - len(self._head)]
        seam = self._tail + data
        if b'"usage"' in seam:
            self.usage = _last_usage(seam) or self.usage
        self._tail = seam[-_EDGE_BYTES:]
        return data

    @property
    def finish_reason(self) -> str | None:
        found = _FINISH.findall(self._tail) or _FINISH.findall(self._head)
        return found[-1].decode() if found else None


def estimated_prompt_tokens(payload: Mapping[str, Any]) -> int:
    """Four bytes of text a token, with all that an engine reads: tools and answers' calls too; a token id is one, a
    picture or a sound `_MEDIA_TOKENS`. Before the engine has counted, and where it tells no usage."""
    size = _size(payload.get("messages"), _MEDIA)
    size += sum(_size(payload[name]) for name in _READ if name in payload)
    return max(1, size // 4)


def _size(value: object, media: Container[str] = ()) -> int:
    """Four times the tokens that it may be. media: the keys of pictures and sounds in it."""
    size, left = 0, [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            size += _bytes_of(one)
        elif isinstance(one, list):
            if one and isinstance(one[0], int):
                size += 4 * len(one)
            else:
                left += one
        elif isinstance(one, dict):
            for name, inner in one.items():
                if name in media:
                    size += 4 * _MEDIA_TOKENS
                elif name not in _NOT_READ:
                    left.append(inner)
    return size


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _last_usage(data: bytes) -> Usage | None:
    for found in reversed(list(_USAGE.finditer(data))):
        usage = parse_usage(_object_at(data, found.end() - 1))
        if usage is not None:
            return usage
    return None


def _object_at(data: bytes, start: int) -> object:
    """The JSON object that begins there, of objects at most two deep; None where it is cut off."""
    found = _SHALLOW_OBJECT.match(data, start)
    if found is None:
        return None
    try:
        return orjson.loads(found[0])
    except orjson.JSONDecodeError:
        return None
