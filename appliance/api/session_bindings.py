"""Which of our sessions a browser tab's `session_hash` belongs to.

Gradio makes the hash in the browser and serves whoever knows it; so the first session that uses one owns it, and for
every other it does not exist.
"""

from __future__ import annotations

from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from appliance.errors import NotFound, PartUnavailable

_KEPT_S = 24 * 3600  # renewed by use; a hash is worthless once its tab is gone


class SessionBindings:
    """Bindings in Valkey, shared by all gateway processes."""

    def __init__(self, valkey: Redis) -> None:
        self._valkey = valkey

    async def check(self, session_hash: str, session_id: UUID) -> None:
        """Bind a hash at first sight; raises NotFound where it is another session's."""
        key, value = f"page:hash:{session_hash}", str(session_id)
        try:
            async with self._valkey.pipeline(transaction=True) as pipe:
                pipe.set(key, value, nx=True, ex=_KEPT_S)
                pipe.get(key)
                pipe.expire(key, _KEPT_S)
                owner = (await pipe.execute())[1]
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise PartUnavailable("Valkey does not answer.") from error
        if owner != value.encode():
            raise NotFound
