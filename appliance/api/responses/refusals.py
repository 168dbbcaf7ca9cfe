"""What an engine refused about the chat, said about the request that the chat was made from. Pure."""

from __future__ import annotations

import orjson

from appliance.api.responses.requests import own_name
from inference.errors import EngineRefused


def renamed_refusal(refusal: EngineRefused) -> EngineRefused:
    """The same refusal; where it names a field of the chat, it names the request's own."""
    try:
        told = orjson.loads(refusal.body)
    except orjson.JSONDecodeError:
        return refusal
    error = told.get("error") if isinstance(told, dict) else None
    holder = error if isinstance(error, dict) else told
    if not isinstance(holder, dict) or not isinstance(holder.get("param"), str):
        return refusal
    holder["param"] = own_name(holder["param"])
    return EngineRefused(refusal.status, orjson.dumps(told), refusal.content_type, refusal.retry_after_s)
