"""Going on with an answer that broke off: one text out of what was written before and what a model writes now.

The best way is a server that takes the unfinished answer as the beginning of its own (vLLM's continue_final_message,
llama.cpp's assistant prefill). Where a server cannot, it is asked in words, and what it repeats is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from inference.errors import EngineRefused
from inference.types import ChatChunk, EngineRequest

_WINDOW = 400  # characters of the end, among which a repetition may begin
_LEAST = 12  # characters that count as a repetition
_RESTART = 24  # so much of the beginning, and it is a new start
_LAST_WORDS = 8

Stream = Callable[[EngineRequest], AsyncIterator[ChatChunk]]


def in_words(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request whose last message is an unfinished answer, for a server that has to be asked to go on with it."""
    messages = list(payload.get("messages") or ())
    last = " ".join(str(messages[-1].get("content", "")).split()[-_LAST_WORDS:]) if messages else ""
    asked = (
        "Your last answer broke off in the middle. Write the rest of it, in the same language and format. Begin with "
        f"the last words that are there, which are: {last}\nThen go on from them, and say and repeat nothing else."
    )
    return {**payload, "messages": [*messages, {"role": "user", "content": asked}]}


async def go_on(stream: Stream, request: EngineRequest, partial: str) -> AsyncIterator[ChatChunk]:
    """What follows partial. request: its last message is not yet the unfinished answer.

    A server that refuses to be given one is asked in words. begins_anew on a chunk: what was there does not count.
    """
    messages = [*request.payload["messages"], {"role": "assistant", "content": partial}]
    payload = {**request.payload, "messages": messages}
    prefilled = replace(request, payload=payload, is_continuing=True)
    joint, has_begun = Joint(partial), False
    try:
        async with aclosing(stream(prefilled)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                has_begun = True
                for joined in joint.joined(chunk):
                    yield joined
    except EngineRefused as refusal:
        if has_begun or refusal.status not in (400, 422):
            raise
        async with aclosing(stream(replace(request, payload=in_words(payload)))) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                for joined in joint.joined(chunk):
                    yield joined
    for joined in joint.rest():
        yield joined


class Joint:
    """Leaves out what a model repeats of `partial`: its last words, or all of it from the beginning."""

    def __init__(self, partial: str) -> None:
        self._partial = partial
        self._tail = partial[-_WINDOW:]
        self._held: str | None = ""
        """What may still turn out to be a repetition; None: that is decided."""

    def joined(self, chunk: ChatChunk) -> list[ChatChunk]:
        """The chunk without what is repeated; text may come later than it was written."""
        if self._held is None or not (chunk.text or chunk.finish_reason):
            return [chunk]
        self._held += chunk.text
        rest = replace(chunk, text="")
        if self._may_repeat(self._held) and chunk.finish_reason is None:
            return [rest]
        return [*self._decided(), rest]

    def rest(self) -> list[ChatChunk]:
        """What was held back to the end."""
        return self._decided() if self._held else []

    def _may_repeat(self, text: str) -> bool:
        return text in self._tail or self._partial.startswith(text)

    def _decided(self) -> list[ChatChunk]:
        text, self._held = self._held or "", None
        if text.startswith(self._partial):
            return [ChatChunk(text[len(self._partial) :])]
        for length in range(min(len(text), len(self._tail)), 0, -1):
            is_enough = length >= _LEAST or length == len(self._partial)
            if is_enough and self._tail.endswith(text[:length]):
                return [ChatChunk(text[length:])]
        if _common(text, self._partial) >= _RESTART:
            return [ChatChunk(text, begins_anew=True)]
        if self._partial[-1:].isspace():
            text = text.lstrip(" ")
        return [ChatChunk(text)]


def _common(one: str, other: str) -> int:
    """How many characters they have in common from the start."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
