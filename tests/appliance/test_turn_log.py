"""The live log on a real Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

from redis.asyncio import Redis

from appliance.domain.answers import TurnEvent
from appliance.storage.turn_log import ValkeyTurnLog


def _block(seq: int) -> TurnEvent:
    return TurnEvent(seq, "block", 0, {"html": f"<p>{seq}</p>", "is_final": False})


async def _is_doing(valkey: Redis, command: str) -> bool:
    return any(client["cmd"].startswith(command) for client in await valkey.client_list())


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            pass


async def test_events_come_back_as_they_were_written(valkey: Redis) -> None:
    """Numbers, kinds and data survive the log, from any point on."""
    log, turn_id = ValkeyTurnLog(valkey), uuid4()

    await log.append(turn_id, [_block(1), _block(2), _block(5)])

    assert await log.read(turn_id, 0, 0.01) == [_block(1), _block(2), _block(5)]
    assert await log.read(turn_id, 2, 0.01) == [_block(5)]
    assert await log.read(turn_id, 5, 0.01) == []


async def test_a_waiting_reader_is_woken_by_the_next_event(valkey: Redis) -> None:
    """A reader that waits gets the event when it is appended, not when its wait is over."""
    log, turn_id = ValkeyTurnLog(valkey), uuid4()
    reading = asyncio.create_task(log.read(turn_id, 0, 60))
    await _until(lambda: _is_doing(valkey, "xread"))

    await log.append(turn_id, [_block(1)])

    assert await asyncio.wait_for(reading, 10) == [_block(1)]


async def test_a_stop_reaches_every_listener(valkey: Redis) -> None:
    """Whoever listens hears which turn is to stop; the lease tells a writer that was not listening."""
    log, turn_id = ValkeyTurnLog(valkey), uuid4()
    stops = log.stops()
    heard = asyncio.ensure_future(anext(stops))
    await _until(lambda: _is_doing(valkey, "subscribe"))

    await log.ask_to_stop(turn_id)

    assert await asyncio.wait_for(heard, 10) == turn_id
    assert await log.renew_lease(turn_id) is True
    await stops.aclose()  # type: ignore[attr-defined]
