"""The shared queue: Valkey holds it, `fifo_queue.lua` alone changes it, one call per step."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from importlib import resources
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from appliance.errors import PartUnavailable
from appliance.fairness.admission import Capacity
from appliance.fairness.fifo_admission import Answer, Ask, Candidate, Full, Gone, Held, Place, Slot

PREFIX = "{gate}:"
_LUA = (resources.files("appliance.fairness") / "fifo_queue.lua").read_text(encoding="utf-8")


class FifoQueue:
    """One first-come-first-served queue per model pool, shared by all gateway processes.

    Every step may be repeated safely, so the client may retry once. Raises PartUnavailable when Valkey is away.
    """

    def __init__(
        self, valkey: Redis, worker: str, *, lease_s: float, max_queue: int, max_queue_per_user: int
    ) -> None:
        self._valkey = valkey
        self._worker = worker
        self._lease_ms = int(lease_s * 1000)
        self._limits = (max_queue, max_queue_per_user)
        self._script = valkey.register_script(_LUA)

    async def enter(self, ask: Ask, ticket: int = 0) -> Answer:
        """Take a slot or a place in line. ticket 0: a new one."""
        candidates = _packed(ask.candidates)
        return _answer(
            await self._call(
                "enter", ask.id, ask.pool, ask.user, self._worker, candidates, ticket, *self._limits
            )
        )

    async def leave(self, ids: Sequence[str]) -> None:
        """These ended, or gave up waiting."""
        await self._call("leave", *ids)

    async def move(self, ask: Ask) -> Answer:
        """Give back the slot of an engine that failed, for one of the candidates now named."""
        return _answer(await self._call("move", ask.id, _packed(ask.candidates)))

    async def renew(self, held: Sequence[Held]) -> None:
        """Keep these for another lease; what the queue has forgotten is put back where it was."""
        rows = [
            (
                h.ask.id,
                h.ask.pool,
                h.ask.user,
                self._worker,
                _packed(h.ask.candidates),
                h.ticket,
                h.engine or "",
            )
            for h in held
        ]
        await self._call("renew", orjson.dumps(rows))

    async def places(self, ids: Sequence[str]) -> dict[str, Answer]:
        """Where these stand."""
        return {row[0].decode(): _answer(row) for row in await self._call("places", *ids)}

    async def learn(self, capacities: Sequence[Capacity]) -> None:
        """Set how many requests each engine may run."""
        if capacities:
            await self._call("learn", *(part for c in capacities for part in (c.engine, c.slots)))

    async def ping(self) -> None:
        try:
            await self._valkey.ping()
        except (RedisError, OSError) as error:
            raise PartUnavailable("Valkey does not answer.") from error

    async def grants(self) -> AsyncIterator[tuple[str, str] | None]:
        """(request id, engine) as slots come free for this worker; None once when listening has begun."""
        channel = self._valkey.pubsub(ignore_subscribe_messages=False)
        try:
            await channel.subscribe(f"{PREFIX}worker:{self._worker}")
            while True:
                message = await channel.get_message(timeout=None)
                if message is None:
                    continue
                if message["type"] == "message":
                    request, _, engine = message["data"].decode().partition(" ")
                    yield request, engine
                else:
                    yield None
        except (RedisError, OSError) as error:
            raise PartUnavailable("Valkey does not answer.") from error
        finally:
            await channel.aclose()  # type: ignore[no-untyped-call]

    async def _call(self, operation: str, *arguments: str | int | bytes) -> list[Any]:
        try:
            answer: list[Any] = await self._script(
                keys=[PREFIX], args=[operation, self._lease_ms, *arguments]
            )
        except (RedisError, OSError) as error:
            raise PartUnavailable("Valkey does not answer.") from error
        return answer


def _packed(candidates: Sequence[Candidate]) -> str:
    return orjson.dumps([(c.engine, c.slots, int(c.is_fallback)) for c in candidates]).decode()


def _answer(row: Sequence[Any]) -> Answer:
    match row[1]:
        case b"slot":
            return Slot(row[2].decode())
        case b"wait":
            return Place(int(row[2]), _seconds(row[3]), int(row[4]))
        case b"full":
            return Full(_seconds(row[2]))
    return Gone()


def _seconds(milliseconds: int) -> float | None:
    return milliseconds / 1000 if milliseconds >= 0 else None
