"""News of withdrawn credentials, to every gateway process within a second.

Published on Valkey after the change is committed. A process that loses the channel trusts nothing that it read before,
what it reads for one second only, and asks the database once a second about the requests that are running. While the
database is away too, what was known goes on for half a minute.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from appliance.domain.people import Role
from appliance.errors import PartUnavailable
from appliance.services.accounts.caller_cache import CallerCache
from appliance.services.accounts.live_requests import LiveRequests, Withdrawal
from appliance.services.accounts.ports import CredentialRepository

logger = logging.getLogger(__name__)

CHANNEL = "accounts:withdrawn"
_PING_S = 0.5
_RETRY_S = 0.5
_PUBLISH_TRIES = 5


class Withdrawals:
    """One a process; `run` is a task of its life."""

    def __init__(
        self,
        valkey: Redis,
        cache: CallerCache,
        live: LiveRequests,
        repository: CredentialRepository,
        clock: Callable[[], datetime],
    ) -> None:
        self._valkey = valkey
        self._cache = cache
        self._live = live
        self._repository = repository
        self._clock = clock

    @property
    def hears_news(self) -> bool:
        """Whether the channel is open; without it answers are kept for one second only."""
        return self._cache.is_sure

    async def publish(self, *withdrawals: Withdrawal) -> None:
        """Take effect here at once, and tell the others. Without Valkey they find out by themselves (see above)."""
        for withdrawal in withdrawals:
            self._apply(withdrawal)
        for attempt in range(_PUBLISH_TRIES):
            try:
                async with self._valkey.pipeline(transaction=False) as pipeline:
                    for withdrawal in withdrawals:
                        pipeline.publish(CHANNEL, _encode(withdrawal))
                    await pipeline.execute()
            except (RedisError, OSError):
                await asyncio.sleep(0.05 * 2**attempt)
            else:
                return
        logger.error(
            "Valkey does not answer: other processes learn of a withdrawn credential from PostgreSQL."
        )

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                logger.warning("No news of withdrawn credentials: %s", error)
            except Exception:
                logger.exception("No news of withdrawn credentials.")
            finally:
                self._cache.lose_news()
            await self._recheck_running()
            await asyncio.sleep(_RETRY_S)

    async def _listen(self) -> None:
        async with self._valkey.pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            answered = True
            while True:
                message = await subscription.get_message(timeout=_PING_S)
                if message is None:
                    if not answered:
                        raise TimeoutError("Valkey is silent.")
                    answered = False
                    await subscription.ping()
                    continue
                answered = True
                if message["type"] == "subscribe":
                    # Also after a reconnection inside the client: what was published meanwhile is lost.
                    self._cache.hear_news()
                    await self._recheck_running()
                elif message["type"] == "message":
                    self._apply(_decode(message["data"]))

    def _apply(self, withdrawal: Withdrawal) -> None:
        self._cache.forget(withdrawal)
        ended = self._live.withdraw(withdrawal)
        if ended:
            logger.info("Ended %d running requests of a withdrawn credential.", ended)

    async def _recheck_running(self) -> None:
        """End the running requests whose credential does not hold any more."""
        callers = self._live.callers
        keys = {caller.key_id for caller in callers if caller.key_id is not None}
        sessions = {caller.session_id for caller in callers if caller.session_id is not None}
        if not keys and not sessions:
            return
        try:
            holding = await self._repository.still_valid(keys, sessions, self._clock())
        except PartUnavailable:
            return
        for caller in callers:
            credential = caller.key_id or caller.session_id
            if credential is None:
                continue
            if credential not in holding:
                self._live.withdraw(Withdrawal(key_id=caller.key_id, session_id=caller.session_id))
            else:
                self._live.withdraw(Withdrawal(user_id=caller.user_id, role=holding[credential]))


def _encode(withdrawal: Withdrawal) -> bytes:
    return orjson.dumps(
        {
            "key": withdrawal.key_id,
            "session": withdrawal.session_id,
            "user": withdrawal.user_id,
            "role": withdrawal.role,
        }
    )


def _decode(data: bytes) -> Withdrawal:
    told: dict[str, Any] = orjson.loads(data)

    def identifier(name: str) -> UUID | None:
        return UUID(told[name]) if told.get(name) else None

    role = Role(told["role"]) if told.get("role") else None
    return Withdrawal(identifier("key"), identifier("session"), identifier("user"), role)
