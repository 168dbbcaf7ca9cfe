"""Frames of speech: between the decoding child and the speech process, and between that and its clients.

A frame is a kind (one byte), a length (4 bytes, big endian) and a payload, see inference.frames.
Child: HEADER (JSON of SpeechFile), then SOUND (16-bit little-endian samples, 16 kHz, one channel) as it is read, then
END; or REFUSED at any moment. Client: one ORDER a connection, answered by HEADER, or PARTs and END; or by REFUSED
(the file, the wish) or AWAY (the model).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from inference.frames import FrameTooLarge, frame, read_frame, write_frame
from inference.speech.types import (
    SpeechEnd,
    SpeechHeader,
    SpeechPart,
    SpeechProgress,
    SpeechSegment,
    SpeechWord,
)

__all__ = ["FrameTooLarge", "frame", "read_frame", "write_frame"]

ORDER, HEADER, SOUND, PART, END = b"o", b"h", b"s", b"p", b"e"
REFUSED, AWAY = b"r", b"a"

RATE = 16_000  # samples a second, as Whisper and the voice detector want them
_PARTS: dict[str, type[Any]] = {
    "header": SpeechHeader,
    "segment": SpeechSegment,
    "progress": SpeechProgress,
    "end": SpeechEnd,
}
_NAMES = {kind: name for name, kind in _PARTS.items()}


def encode_part(part: SpeechPart) -> bytes:
    """As JSON."""
    return orjson.dumps({"part": _NAMES[type(part)], **asdict(part)})


def decode_part(payload: bytes) -> SpeechPart:
    """The part that encode_part wrote."""
    told = orjson.loads(payload)
    kind = _PARTS[told.pop("part")]
    if kind is SpeechSegment:
        told["words"] = tuple(SpeechWord(**word) for word in told["words"])
        told["tokens"] = tuple(told["tokens"])
    part: SpeechPart = kind(**told)
    return part
