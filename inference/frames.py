"""Frames between two of our own processes: a kind (one byte), a length (4 bytes, big endian), a payload."""

from __future__ import annotations

import struct
from asyncio import StreamReader, StreamWriter

MAX_PAYLOAD_BYTES = 16 * 2**20
_HEAD = struct.Struct("!cI")


class FrameTooLarge(Exception):
    """A frame announced more bytes than either side ever sends."""


def frame(kind: bytes, payload: bytes) -> bytes:
    """One frame, whole."""
    return _HEAD.pack(kind, len(payload)) + payload


async def read_frame(reader: StreamReader) -> tuple[bytes, bytes]:
    """(kind, payload). Raises IncompleteReadError where the other side is gone, FrameTooLarge."""
    kind, length = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    if length > MAX_PAYLOAD_BYTES:
        raise FrameTooLarge(f"{length} bytes")
    return kind, await reader.readexactly(length)


async def write_frame(writer: StreamWriter, kind: bytes, payload: bytes) -> None:
    """Send one frame and wait until the other side keeps up."""
    writer.write(_HEAD.pack(kind, len(payload)))
    writer.write(payload)
    await writer.drain()
