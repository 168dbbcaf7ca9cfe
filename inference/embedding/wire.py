"""The frames between embedding process and client, on a unix socket; one request at a time per connection.

On connecting the server says hello: a frame whose payload is a JSON list of what it serves, the wanted model first:
{"name", "card" (null while it cannot be told), "problem"}.
Request: kind (one byte), payload length (4 bytes, big endian), payload: {"model": id, or null for the first, "texts":
[...]}.
Answer: status (one byte), length, payload: little-endian float32, row by row; or JSON counts; or a sentence.
"""

from __future__ import annotations

from inference.frames import MAX_PAYLOAD_BYTES, FrameTooLarge, read_frame, write_frame

__all__ = ["MAX_PAYLOAD_BYTES", "FrameTooLarge", "read_frame", "write_frame"]

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
