"""Puts the values back into an answer that was made from placeholders: a person reads their own e-mail again.

A placeholder may come in many pieces: text that may be the beginning of one is held back until it is none, or whole.
Only placeholders as they were given are known; one that the model writes differently, such as without its brackets,
stays as it is. Nothing here runs for an answer that was asked without placeholders.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import orjson

from inference.errors import EngineStreamBroken
from inference.personal_data.redacting import MOST_PLACEHOLDER
from inference.sse import EventReader, EventTooLarge

_WHOLE = re.compile(r"\[[A-Z_]{2,20}_[0-9]{1,6}\]")
_BEGUN = re.compile(r"\[[A-Z_0-9]{0,29}\Z")
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal", "text")


class Restorer:
    """One text as it grows. originals: values by placeholder. in_json: the text is JSON, so values are escaped."""

    def __init__(self, originals: Mapping[str, str], *, in_json: bool = False) -> None:
        self._originals, self._in_json, self._held = originals, in_json, ""

    def feed(self, text: str) -> str:
        """What can be said by now."""
        text = self._held + text
        begun = _BEGUN.search(text, max(0, len(text) - MOST_PLACEHOLDER))
        cut = begun.start() if begun else len(text)
        self._held = text[cut:]
        return self.whole(text[:cut])

    def rest(self) -> str:
        """What was held back and is no placeholder."""
        held, self._held = self._held, ""
        return held

    def whole(self, text: str) -> str:
        """A text that is complete."""
        return _WHOLE.sub(self._value, text) if "[" in text else text

    def _value(self, found: re.Match[str]) -> str:
        value = self._originals.get(found[0])
        if value is None:
            return found[0]
        return orjson.dumps(value).decode()[1:-1] if self._in_json else value


async def restored(
    frames: AsyncIterator[bytes], originals: Mapping[str, str], content_type: str
) -> AsyncIterator[bytes]:
    """The bytes of an answer of either kind, with the values in the places of their placeholders."""
    if content_type.startswith("text/event-stream"):
        async for frame in restored_stream(frames, originals):
            yield frame
        return
    yield restored_whole(b"".join([frame async for frame in frames]), originals)


def restored_whole(body: bytes, originals: Mapping[str, str]) -> bytes:
    """An answer that came whole; what is no JSON object stays as it is."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    for choice in _choices(answer):
        plain, coded = Restorer(originals), Restorer(originals, in_json=True)
        for part in _parts(choice, "message"):
            _change(part, plain.whole, coded.whole)
    return orjson.dumps(answer)


async def restored_stream(frames: AsyncIterator[bytes], originals: Mapping[str, str]) -> AsyncIterator[bytes]:
    """A streamed answer, event by event; comments are dropped, what is no event of an answer passes as it is."""
    events, stream = EventReader(), _Stream(originals)
    async for frame in frames:
        try:
            whole = events.feed(frame)
        except EventTooLarge as error:
            raise EngineStreamBroken(str(error)) from error
        if whole:
            yield b"".join(_framed(stream.event(event)) for event in whole)
    if rest := events.rest():
        yield rest


def _framed(data: bytes) -> bytes:
    return b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"


class _Stream:
    """Restorers of every text that grows in a stream: by choice, field and tool call."""

    def __init__(self, originals: Mapping[str, str]) -> None:
        self._originals = originals
        self._restorers: dict[tuple[object, ...], Restorer] = {}

    def event(self, data: bytes) -> bytes:
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:  # `[DONE]`, or a fault that somebody else tells of
            return data
        is_changed = False
        for choice in _choices(event):
            is_changed |= self._choice(choice)
        return orjson.dumps(event) if is_changed else data

    def _choice(self, choice: dict[str, Any]) -> bool:
        """Whether something is different now."""
        index, is_last = choice.get("index", 0), choice.get("finish_reason") is not None
        is_changed = False
        for part in _parts(choice, "delta"):
            for name in _TEXTS:
                if isinstance(part.get(name), str):
                    is_changed |= self._grow(part, name, (index, name), in_json=False)
            for call in _calls(part):
                key = (index, "call", call.get("index", 0))
                is_changed |= self._grow(call["function"], "arguments", key, in_json=True)
        return (self._flush(choice, index) or is_changed) if is_last else is_changed

    def _grow(self, part: dict[str, Any], name: str, key: tuple[object, ...], *, in_json: bool) -> bool:
        restorer = self._restorers.get(key)
        if restorer is None:
            restorer = self._restorers[key] = Restorer(self._originals, in_json=in_json)
        before = part[name]
        part[name] = restorer.feed(before)
        return bool(part[name] != before)

    def _flush(self, choice: dict[str, Any], index: object) -> bool:
        """What is still held back goes with the last event of its choice."""
        is_changed = False
        for key, restorer in self._restorers.items():
            held = restorer.rest() if key[0] == index else ""
            if not held:
                continue
            is_changed = True
            if key[1] == "text":
                choice["text"] = str(choice.get("text") or "") + held
                continue
            delta = choice["delta"] if isinstance(choice.get("delta"), dict) else {}
            choice["delta"] = delta
            if key[1] == "call":
                delta.setdefault("tool_calls", []).append({"index": key[2], "function": {"arguments": held}})
            else:
                delta[str(key[1])] = str(delta.get(str(key[1])) or "") + held
        return is_changed


def _choices(answer: object) -> list[dict[str, Any]]:
    choices = answer.get("choices") if isinstance(answer, dict) else None
    return [one for one in choices if isinstance(one, dict)] if isinstance(choices, list) else []


def _parts(choice: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Where texts stand in a choice: in its message or delta, or in itself, as completions have it."""
    inner = choice.get(name)
    return [inner] if isinstance(inner, dict) else [choice]


def _calls(part: dict[str, Any]) -> list[dict[str, Any]]:
    calls = part.get("tool_calls")
    return [
        call
        for call in (calls if isinstance(calls, list) else [])
        if isinstance(call, dict)
        and isinstance(call.get("function"), dict)
        and isinstance(call["function"].get("arguments"), str)
    ]


def _change(part: dict[str, Any], plain: Callable[[str], str], coded: Callable[[str], str]) -> None:
    for name in _TEXTS:
        if isinstance(part.get(name), str):
            part[name] = plain(part[name])
    for call in _calls(part):
        call["function"]["arguments"] = coded(call["function"]["arguments"])
