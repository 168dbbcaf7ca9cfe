"""A client's word that it no longer wants an answer, carried to the process that is at it.

Clients of the older protocol say so in a request of its own, which may reach another process. What runs is known by
its person, the client's session and the number that the client gave it, so nobody cancels what is somebody else's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from appliance.errors import PartUnavailable

logger = logging.getLogger(__name__)

CHANNEL = "tools:cancelled"
_AGAIN_S = 1.0


class Cancellations:
    """run() in the background; runs of this process are ended by whichever process hears the word."""

    def __init__(self, valkey: Redis) -> None:
        self._valkey = valkey
        self._running: dict[str, Callable[[], object]] = {}

    @contextmanager
    def running(self, key: str, end: Callable[[], object]) -> Iterator[None]:
        """end: called when it is cancelled, at most once."""
        self._running[key] = end
        try:
            yield
        finally:
            if self._running.get(key) is end:
                del self._running[key]

    async def cancel(self, key: str) -> None:
        """Here and in every other process. Raises PartUnavailable."""
        self._heard(key)
        try:
            await self._valkey.publish(CHANNEL, key.encode())
        except RedisError as error:
            raise PartUnavailable("Valkey does not answer.") from error

    async def run(self) -> None:
        """Listens until it is cancelled."""
        while True:
            try:
                async with self._valkey.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(CHANNEL)
                    while True:
                        message = await subscription.get_message(timeout=1.0)
                        if message is not None:
                            self._heard(message["data"].decode("utf-8", "replace"))
            except RedisError:
                logger.warning("cancellations of tools are not heard just now", exc_info=True)
                await asyncio.sleep(_AGAIN_S)

    def _heard(self, key: str) -> None:
        end = self._running.pop(key, None)
        if end is not None:
            end()
