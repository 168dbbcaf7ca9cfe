"""The live side of turns in Valkey: one stream a turn, a lease, a channel for stops, the last messages of a chat.

Nothing here is the only copy: PostgreSQL has it every two seconds. Stream ids are the events' own numbers (`7-0`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any, cast
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from appliance.domain.answers import TurnEvent
from appliance.domain.conversations import LetGo, Remembered
from appliance.errors import PartUnavailable
from appliance.storage.joined_writes import Command, JoinedWrites
from appliance.storage.turns_written_here import TurnsWrittenHere
from inference.types import ChatMessage

_LEASE_MS = 5_000
_STREAM_S = 3600  # after the last event; a longer silence is answered from PostgreSQL
_STOP_S = 60
_MEMORY_S = 3600
_STOPS = "turns:stop"


class ValkeyTurnLog:
    """Fulfils services.turn_ports.TurnLog. valkey: a client that returns bytes."""

    def __init__(self, valkey: Redis) -> None:
        self._valkey = valkey
        self._writes = JoinedWrites(valkey)
        self._here = TurnsWrittenHere()

    async def append(
        self, turn_id: UUID, events: Sequence[TurnEvent], text: bytes = b"", offset: int = 0
    ) -> None:
        stream = _stream(turn_id)
        commands: list[Command] = []
        if text:
            if offset == 0:  # nothing of an answer that began anew may stay behind it
                commands.append(("SET", _text(turn_id), text, "EX", _STREAM_S))
            else:
                commands.append(("SETRANGE", _text(turn_id), offset, text))
        for event in events:
            body = orjson.dumps([event.kind, event.slot, event.data])
            commands.append(("XADD", stream, f"{event.seq}-0", "e", body))
        commands.append(("EXPIRE", stream, _STREAM_S))
        await self._writes.send(commands)
        self._here.tell(turn_id, events)

    async def read(self, turn_id: UUID, after: int, wait_s: float) -> list[TurnEvent]:
        if turn_id in self._here:
            return await self._here.read(turn_id, after, wait_s)
        reply = await _answered(
            self._valkey.xread({_stream(turn_id): f"{after}-0"}, count=500, block=max(1, int(wait_s * 1000)))
        )
        entries = reply[0][1] if isinstance(reply, list) and reply else next(iter((reply or {}).values()), [])
        if entries and isinstance(entries[0], list):  # RESP3 wraps the entries once more
            entries = entries[0]
        return [_event(entry_id, fields) for entry_id, fields in entries]

    async def text(self, turn_id: UUID) -> str:
        held = await _answered(self._valkey.get(_text(turn_id)))
        return (
            "" if held is None else held.decode("utf-8", "ignore")
        )  # the last character may be half written

    async def renew_lease(self, turn_id: UUID) -> bool:
        async with self._valkey.pipeline(transaction=False) as pipe:
            pipe.set(_lease(turn_id), b"1", px=_LEASE_MS)
            pipe.exists(_stop(turn_id))
            _, wants_stop = await _answered(pipe.execute())
        return bool(wants_stop)

    async def release_lease(self, turn_id: UUID) -> None:
        self._here.forget(turn_id)
        await _answered(self._valkey.delete(_lease(turn_id)))

    async def is_leased(self, turn_id: UUID) -> bool:
        return bool(await _answered(self._valkey.exists(_lease(turn_id))))

    async def ask_to_stop(self, turn_id: UUID) -> None:
        async with self._valkey.pipeline(transaction=False) as pipe:
            # The key is for a writer whose subscription is just being renewed: it looks there with its lease.
            pipe.set(_stop(turn_id), b"1", ex=_STOP_S)
            pipe.publish(_STOPS, str(turn_id))
            await _answered(pipe.execute())

    async def stops(self) -> AsyncIterator[UUID]:
        async with self._valkey.pubsub(ignore_subscribe_messages=True) as channel:
            await _answered(channel.subscribe(_STOPS))
            while True:
                message = await _answered(channel.get_message(timeout=30.0))
                if message is not None:
                    yield UUID(message["data"].decode())

    async def recall(self, user_id: UUID, turn_id: UUID) -> Remembered | None:
        held = await _answered(self._valkey.get(_memory(user_id, turn_id)))
        if held is None:
            return None
        omitted, said, *rest = orjson.loads(held)
        origins = rest[0] if rest else None  # written before there were any: nobody said
        return Remembered(
            tuple(ChatMessage(role, content) for role, content in said),
            omitted,
            None if origins is None else frozenset(origins),
        )

    async def remember(self, user_id: UUID, turn_id: UUID, said: Remembered, instead_of: UUID | None) -> None:
        messages = [[message.role, message.content] for message in said.messages]
        origins = None if said.origins is None else sorted(said.origins)
        body = orjson.dumps([said.omitted_turns, messages, origins])
        async with self._valkey.pipeline(transaction=False) as pipe:
            pipe.set(_memory(user_id, turn_id), body, ex=_MEMORY_S)
            if instead_of is not None:
                pipe.delete(_memory(user_id, instead_of))
            await _answered(pipe.execute())

    async def discard(self, user_id: UUID, turn_ids: Sequence[UUID]) -> LetGo:
        for turn_id in turn_ids:
            self._here.forget(turn_id)
        if not turn_ids:
            return LetGo()
        memories = [_memory(user_id, one) for one in turn_ids]
        live = [name for one in turn_ids for name in (_stream(one), _text(one))]
        async with self._valkey.pipeline(transaction=False) as pipe:
            pipe.delete(*memories)
            pipe.delete(*live)
            gone = await _answered(pipe.execute())
        return LetGo(int(gone[0]), int(gone[1]))


async def _answered(reply: object) -> Any:  # noqa: ANN401  (redis-py types its replies as Any)
    try:
        return await cast("Awaitable[Any]", reply)
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise PartUnavailable("Valkey does not answer.") from error


def _event(entry_id: bytes, fields: dict[bytes, bytes]) -> TurnEvent:
    kind, slot, data = orjson.loads(fields[b"e"])
    return TurnEvent(int(entry_id.partition(b"-")[0]), kind, slot, data)


def _stream(turn_id: UUID) -> str:
    return f"turn:{turn_id}:events"


def _lease(turn_id: UUID) -> str:
    return f"turn:{turn_id}:lease"


def _stop(turn_id: UUID) -> str:
    return f"turn:{turn_id}:stop"


def _text(turn_id: UUID) -> str:
    return f"turn:{turn_id}:text"


def _memory(user_id: UUID, turn_id: UUID) -> str:
    # The owner is part of the key, so that knowing a turn's id is not enough to read its memory.
    return f"turn:{user_id}:{turn_id}:memory"
