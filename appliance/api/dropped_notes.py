"""`dropped`: what of a conversation the model did not see, as a field of the answer. Bytes in, bytes out.

A whole answer and the first chunk of a stream carry it, and so do the headers of both: OpenAI's SDKs keep fields that
they do not know.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence

import orjson

from appliance.domain.answers import Dropped

_EVENT = b"data: {"
_NOTE = re.compile(r"[A-Za-z0-9_.-]{1,64} [a-z0-9_. ]{1,80}")
_MOST_NOTES = 20


def changed_headers(notes: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Parameters of the request that whoever answered does not know, or knows by another name.

    Only names that look like one: they are the client's own words.
    """
    told = [note for note in notes if _NOTE.fullmatch(note)][:_MOST_NOTES]
    return [(b"x-parameters-changed", ", ".join(told).encode())] if told else []


def dropped_headers(dropped: Dropped | None) -> list[tuple[bytes, bytes]]:
    """For whoever reads no body; nothing where nothing was left out."""
    if dropped is None:
        return []
    return [
        (b"x-dropped-messages", b"%d" % dropped.messages),
        (b"x-dropped-tokens", b"%d" % dropped.tokens),
    ]


def in_whole(body: bytes, dropped: Dropped | None) -> bytes:
    """body: a JSON object."""
    if dropped is None:
        return body
    return b"{" + _field(dropped) + body.lstrip()[1:]


async def in_stream(frames: AsyncIterator[bytes], dropped: Dropped | None) -> AsyncIterator[bytes]:
    """frames: whole events."""
    is_told = dropped is None
    async for frame in frames:
        if not is_told and dropped is not None and _EVENT in frame:
            is_told = True
            frame = frame.replace(_EVENT, _EVENT + _field(dropped), 1)
        yield frame


def _field(dropped: Dropped) -> bytes:
    return b'"dropped":%b,' % orjson.dumps(dropped.as_object())
