"""Which requests are turns of one conversation: those of one person that begin with the same words. Pure.

OpenAI's API names no conversation, and what an engine keeps of earlier turns is the beginning of the prompt; so that is
what counts. What leaves here is a digest.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

import orjson

from inference.types import EngineRequest

_MOST_BYTES = 4096  # of a message: two that agree so far have that much in common in any case


def conversation_of(user_id: UUID, model: str, request: EngineRequest) -> str:
    """The same for every turn, 16 hexadecimal digits; empty: the request is no turn of one."""
    messages = request.payload.get("messages")
    if request.route != "chat/completions" or not isinstance(messages, list):
        return ""
    digest = hashlib.blake2b(user_id.bytes, digest_size=8)
    digest.update(model.encode())
    for message in messages:
        if not isinstance(message, dict):
            return ""
        content = message.get("content")
        text = content.encode("utf-8", "replace") if isinstance(content, str) else orjson.dumps(content)
        digest.update(b"\0" + text[:_MOST_BYTES])
        if message.get("role") == "user":
            return digest.hexdigest()
    return ""
