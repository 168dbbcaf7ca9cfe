"""The frames between embedding process and client, on a unix socket; one request at a time per connection.

On connecting the server says hello: a frame whose payload is a JSON list of what it serves, the wanted model first:
{"name", "card" (null while it cannot be told), "problem"}.
Request: kind (one byte), payload length (4 bytes, big endian), payload: {"model": id, or null for the first, "texts":
[...]}.
Answer: status (one byte), length, payload: little-endian float32, row by row; or JSON counts; or a sentence.
"""

from __future__ import annotations

import struct
from asyncio import StreamReader, StreamWriter

QUERY = b"q"  # texts -> vectors, before every passage that waits
PASSAGES = b"p"  # texts -> vectors
COUNT = b"c"  # texts -> token counts, both marks included
DECODE = b"i"  # lists of token ids -> {"texts"}, or {"refused", "place"}
RERANK = b"k"  # a query and texts -> {"judged": [[score, tokens, unread], ...]}; {"broken"}; {"query_tokens", "most"}
ONLY = b"o"  # ids of models: forget the others but the first

HELLO = b"h"
DONE = b"d"
REFUSED = b"r"
AWAY = b"a"  # the model cannot be asked just now; the payload says why

MAX_PAYLOAD_BYTES = 16 * 2**20
_HEAD = struct.Struct("!cI")


class FrameTooLarge(Exception):
    """A frame announced more bytes than either side ever sends."""


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
