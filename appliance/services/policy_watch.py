"""The policy of shares and limits as this process knows it, kept true while it runs.

A change is published on Valkey after it is committed, so every gateway process reads the new policy within a second;
a process that misses the news reads it at the latest after half a minute. While PostgreSQL is away the last policy
stays. Knows nothing of SQL.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from appliance.errors import PartUnavailable
from appliance.fairness.background import end, for_ever
from appliance.fairness.limits.policy import Policy

logger = logging.getLogger(__name__)

CHANNEL = "policy:changed"
_READ_EVERY_S = 30.0
_RETRY_S = 1.0
_PING_S = 5.0


class PolicyRepository(Protocol):
    """Where weights, groups and limits are kept; `appliance.storage.limits` fulfils it on PostgreSQL."""

    async def policy(self) -> Policy:
        """All of it, as of one moment. Raises PartUnavailable."""
        ...


class PolicyWatch:
    """One a process. open() before use, close() at the end; `policy` is always the last that could be read.

    read_every_s: how long a change may go unnoticed when its news was lost.
    """

    def __init__(
        self, repository: PolicyRepository, valkey: Redis, *, read_every_s: float = _READ_EVERY_S
    ) -> None:
        self.policy = Policy()
        self._repository = repository
        self._valkey = valkey
        self._read_every_s = read_every_s
        self._wanted = asyncio.Event()
        self._reading = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Read it once, then watch. Without PostgreSQL nobody is weighted or limited until it answers."""
        try:
            await self.read()
        except PartUnavailable as error:
            logger.error("Weights and limits could not be read and do not count yet: %s", error)
        self._tasks = [asyncio.create_task(for_ever(loop)) for loop in (self._read_for_ever, self._listen)]

    async def close(self) -> None:
        """Stop watching."""
        await end(self._tasks)
        self._tasks = []

    async def read(self) -> None:
        """Take over what PostgreSQL has. Raises PartUnavailable."""
        async with self._reading:  # so that an older answer never replaces a newer one
            policy = await self._repository.policy()
            if policy != self.policy:
                self.policy = policy
                self._warn_of_circles(policy)

    async def announce(self) -> None:
        """The policy was changed here and is committed: it counts in this process at once, in the others soon."""
        try:
            await self.read()
        except PartUnavailable:
            self._wanted.set()
        try:
            await self._valkey.publish(CHANNEL, b"")
        except (RedisError, OSError) as error:
            logger.warning("Other processes learn of changed weights and limits within 30 s: %s", error)

    async def _read_for_ever(self) -> None:
        pause_s, is_told = self._read_every_s, False
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), pause_s)
            self._wanted.clear()
            try:
                await self.read()
                pause_s, is_told = self._read_every_s, False
            except PartUnavailable as error:
                if not is_told:
                    logger.warning("Weights and limits stay as they were: %s", error)
                pause_s, is_told = min(_RETRY_S, self._read_every_s), True

    async def _listen(self) -> None:
        try:
            async with self._valkey.pubsub() as subscription:
                await subscription.subscribe(CHANNEL)
                is_answered = True
                while True:
                    message = await subscription.get_message(timeout=_PING_S)
                    if message is not None:
                        is_answered = True
                        # A subscription may be a new one: what was published meanwhile is lost.
                        if message["type"] in ("message", "subscribe"):
                            self._wanted.set()
                        continue
                    if not is_answered:
                        return  # for_ever begins again, with a new connection
                    is_answered = False
                    await subscription.ping()
        except (RedisError, OSError) as error:
            logger.info("No news of changed weights and limits: %s", error)

    @staticmethod
    def _warn_of_circles(policy: Policy) -> None:
        circles = policy.groups_in_cycles()
        if circles:
            logger.error(
                "Groups stand above themselves and are counted once: %s. Set their `parent_id` to null.",
                ", ".join(map(str, circles)),
            )
