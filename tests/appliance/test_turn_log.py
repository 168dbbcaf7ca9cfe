"""The live log on a real Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from appliance.domain.answers import TurnEvent
from appliance.storage.turn_log import ValkeyTurnLog


def _block(seq: int) -> TurnEvent:
    return TurnEvent(seq, "block", 0, {"html": f"<p>{seq}</p>", "is_final": False})


async def _is_doing(valkey: Redis, command: str) -> bool:
    return any(client["cmd"].startswith(command) for client in await valkey.client_list())


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            pass


async def test_events_come_back_as_they_were_written(valkey: Redis) -> None:
    """Numbers, kinds and data survive the log, from any point on, in another process than the writer's."""
    log, elsewhere, turn_id = ValkeyTurnLog(valkey), ValkeyTurnLog(valkey), uuid4()

    await log.append(turn_id, [_block(1), _block(2), _block(5)])

    assert await elsewhere.read(turn_id, 0, 0.01) == [_block(1), _block(2), _block(5)]
    assert await elsewhere.read(turn_id, 2, 0.01) == [_block(5)]
    assert await elsewhere.read(turn_id, 5, 0.01) == []


async def test_a_reader_beside_the_writer_gets_each_blocks_last_form(valkey: Redis) -> None:
    """From any point on, in order, and nothing that a later form has replaced; messages come all."""
    log, turn_id = ValkeyTurnLog(valkey), uuid4()
    states = [TurnEvent(number, "status", 0, {"state": str(number)}) for number in (1, 3)]

    await log.append(turn_id, [states[0], _block(2), states[1], _block(4)])
    await log.append(turn_id, [TurnEvent(5, "block", 1, {"html": "x", "is_final": False})])

    assert [event.seq for event in await log.read(turn_id, 0, 0.01)] == [1, 3, 4, 5]
    assert [event.seq for event in await log.read(turn_id, 4, 0.01)] == [5]
    assert await log.read(turn_id, 5, 0.01) == []


async def test_a_waiting_reader_beside_the_writer_is_woken_without_valkey(valkey: Redis) -> None:
    """The next event wakes it in the same process; no command of its own waits in Valkey."""
    log, turn_id = ValkeyTurnLog(valkey), uuid4()
    await log.append(turn_id, [_block(1)])
    reading = asyncio.create_task(log.read(turn_id, 1, 60))
    await asyncio.sleep(0)

    assert not await _is_doing(valkey, "xread")
    await log.append(turn_id, [_block(2)])

    assert await asyncio.wait_for(reading, 60) == [_block(2)]


async def test_what_did_not_reach_valkey_is_shown_to_nobody(valkey: Redis) -> None:
    """A word that a killed process would take with it is not told to a reader beside the writer either."""
    log, turn_id = ValkeyTurnLog(valkey), uuid4()
    await log.append(turn_id, [_block(1)])

    with pytest.raises(ResponseError):
        await log.append(turn_id, [_block(1)])  # Valkey refuses a number that is there

    assert await log.read(turn_id, 1, 0.01) == []


async def test_a_reader_goes_on_from_valkey_when_the_turn_is_over(valkey: Redis) -> None:
    """Nothing is held beside the log behind the last event, and all of it can still be read."""
    log, turn_id = ValkeyTurnLog(valkey), uuid4()
    end = TurnEvent(2, "done", 0, {})

    await log.append(turn_id, [_block(1)])
    await log.append(turn_id, [end])

    assert await log.read(turn_id, 0, 0.01) == [_block(1), end]
    assert await log.read(turn_id, 1, 0.01) == [end]


async def test_a_waiting_reader_is_woken_by_the_next_event(valkey: Redis) -> None:
    """A reader that waits gets the event when it is appended, not when its wait is over."""
    log, turn_id = ValkeyTurnLog(valkey), uuid4()
    reading = asyncio.create_task(log.read(turn_id, 0, 60))
    await _until(lambda: _is_doing(valkey, "xread"))

    await log.append(turn_id, [_block(1)])

    assert await asyncio.wait_for(reading, 60) == [_block(1)]


async def test_a_stop_reaches_every_listener(valkey: Redis) -> None:
    """Whoever listens hears which turn is to stop; the lease tells a writer that was not listening."""
    log, turn_id = ValkeyTurnLog(valkey), uuid4()
    stops = log.stops()
    heard = asyncio.ensure_future(anext(stops))
    await _until(lambda: _is_doing(valkey, "subscribe"))

    await log.ask_to_stop(turn_id)

    assert await asyncio.wait_for(heard, 60) == turn_id
    assert await log.renew_lease(turn_id) is True
    await stops.aclose()  # type: ignore[attr-defined]


async def test_one_turns_refused_write_harms_no_other_that_went_with_it(valkey: Redis) -> None:
    """Writes that happen at once go together; each is told how its own went."""
    log, good, bad = ValkeyTurnLog(valkey), uuid4(), uuid4()
    await log.append(bad, [_block(1)])

    results = await asyncio.gather(
        log.append(good, [_block(1)]),
        log.append(bad, [_block(1)]),
        log.append(good, [_block(2)]),
        return_exceptions=True,
    )

    assert [type(one) for one in results] == [type(None), ResponseError, type(None)]
    assert await ValkeyTurnLog(valkey).read(good, 0, 0.01) == [_block(1), _block(2)]
