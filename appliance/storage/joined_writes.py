"""Writes of many answers that go to Valkey together: one at a time is under way, and takes all that waited for it.

The busier the process, the more go together; a write alone goes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from appliance.errors import PartUnavailable

Command = tuple[str | bytes | int, ...]


class JoinedWrites:
    """Commands of one `send` are done in order, and those of a later one after them."""

    def __init__(self, valkey: Redis) -> None:
        self._valkey = valkey
        self._waiting: list[tuple[Sequence[Command], asyncio.Future[None]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def send(self, commands: Sequence[Command]) -> None:
        """Returns when all are done. Raises PartUnavailable, or Valkey's own error for the first that it refused.

        Whoever is cancelled here does not take the commands back.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((commands, done))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())
        await done

    async def _send_all(self) -> None:
        batch: list[tuple[Sequence[Command], asyncio.Future[None]]] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    replies = await self._execute([one for commands, _ in batch for one in commands])
                except Exception as error:
                    _answer(batch, [error] * sum(len(commands) for commands, _ in batch))
                else:
                    _answer(batch, replies)
        finally:
            self._sender = None
            for _, done in [*batch, *self._waiting]:
                done.cancel()  # only where this task itself was ended: all others have their answer
            self._waiting = []

    async def _execute(self, commands: Sequence[Command]) -> list[Any]:
        try:
            async with self._valkey.pipeline(transaction=False) as pipe:
                for command in commands:
                    pipe.execute_command(*command)
                replies: list[Any] = await pipe.execute(raise_on_error=False)
                return replies
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise PartUnavailable("Valkey does not answer.") from error


def _answer(batch: Sequence[tuple[Sequence[Command], asyncio.Future[None]]], replies: Sequence[Any]) -> None:
    start = 0
    for commands, done in batch:
        own = replies[start : start + len(commands)]
        start += len(commands)
        if done.done():  # who waited was cancelled
            continue
        refused = next((reply for reply in own if isinstance(reply, Exception)), None)
        if refused is None:
            done.set_result(None)
        elif isinstance(refused, RedisConnectionError):  # it answers, but is only just loading its data
            done.set_exception(PartUnavailable("Valkey does not answer."))
        else:
            done.set_exception(refused)
