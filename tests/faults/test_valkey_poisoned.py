"""Valkey answers, but what it holds of the queue is garbage, in the middle of a flood through several workers.

Each kind of key that queue_records.lua lists is spoilt while requests run and wait. Whatever is spoilt: everybody is
answered, no more runs than slots and local shares allow, and afterwards the queue is shared again and counts right.
"""

from __future__ import annotations

import re
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib import resources

import pytest
from redis.asyncio import Redis

from appliance.errors import PartUnavailable
from appliance.fairness.queue import operations, script
from appliance.fairness.queue.script import PREFIX, state_prefix
from tests.faults.test_valkey_gone import ALONE, SLOTS, WORKERS, Flood, Worker, flooding
from tests.own_valkey import OwnValkey, own_valkey

pytestmark = pytest.mark.slow


KINDS = {
    "requests": "requests",
    "engines": "engines",
    "pool:POOL": "pool:fake",
    "line:POOL:CLASS NODE": "line:fake:i",
    "queue:POOL:CLASS PERSON MODEL": "queue:fake:*",
    "batch:POOL": "batch:fake",
    "returned:POOL": "returned:fake",
    "reading:ENGINE": "reading:e",
    "waiting": "waiting",
    "pools": "pools",
    "crowded": "crowded",
    "workers": "workers",
    "doubted": "doubted",
    "worker:NAME": "worker:w0",
    "user:ID": "user:ana",
    "home:CONVERSATION": "home:*",
    "run": "run",
    "settling": "settling",
    "epoch": "epoch",
    "repair": "repair",
}
"""What queue_records.lua lists, and the key (or a pattern of keys) of the flood that is spoilt."""


@pytest.fixture
async def poisoned() -> AsyncIterator[tuple[OwnValkey, Redis]]:
    """A Valkey, and a hand in it."""
    async with own_valkey() as running, Redis.from_url(running.url) as hand:
        yield running, hand


def test_every_kind_of_key_is_spoilt_here() -> None:
    """The list above is the one at the top of the Lua."""
    lua = (resources.files("appliance.fairness.queue") / "queue_records.lua").read_text(encoding="utf-8")

    listed = re.findall(
        r"^--   PREFIX (?:STATE |LAYOUT:)(\S.*?)\s+(?:hash|zset|list|sets?|string|Valkey's|until|zset, hash) ",
        lua,
        re.M,
    )
    names = {name.strip().rstrip(",") for row in listed for name in row.split(", ")}

    assert names == set(KINDS)


async def _keys(hand: Redis, kind: str) -> list[bytes]:
    pattern = state_prefix() + KINDS[kind]
    found = [key async for key in hand.scan_iter(match=pattern, count=1000)]
    return found or [pattern.replace("*", "iu:ana fake").encode()]


async def wrong_type(hand: Redis, key: bytes) -> None:
    """Another program used the name."""
    is_string = await hand.type(key) in (b"string", b"none")
    async with hand.pipeline(transaction=True) as pipe:
        pipe.delete(key)
        if is_string:
            pipe.rpush(key, "garbage")
        else:
            pipe.set(key, "garbage")
        await pipe.execute()


async def deleted(hand: Redis, key: bytes) -> None:
    """A hand threw it away."""
    await hand.delete(key)


async def short_garbage(hand: Redis, key: bytes) -> None:
    """Three bytes where a record, a number or a name was."""
    await _fill(hand, key, b"xyz", -3.5)


async def long_garbage(hand: Redis, key: bytes) -> None:
    """As long as a record, so that it can be read: all its numbers are absurd."""
    await _fill(hand, key, b"\x7f" * 400, 1e300)


async def likely_numbers(hand: Redis, key: bytes) -> None:
    """A record in the right form with numbers that could be, but are not."""
    await _fill(hand, key, struct.pack("<50d", *[7.0] * 50), 7.0)


async def _fill(hand: Redis, key: bytes, value: bytes, score: float) -> None:
    match await hand.type(key):
        case b"hash":
            for field in await hand.hkeys(key):
                await hand.hset(key, field, value)
        case b"zset":
            await hand.zadd(key, dict.fromkeys([*(await hand.zrange(key, 0, -1)), value], score))
        case b"list":
            await hand.rpush(key, value)
        case b"set":
            await hand.sadd(key, value)
        case _:
            await hand.set(key, value)


SPOILERS = (wrong_type, deleted, short_garbage, long_garbage, likely_numbers)


def _pairs() -> Iterator[object]:
    """Each kind of key spoilt in one way, each way several times; all the other pairs are a battery."""
    for row, kind in enumerate(KINDS):
        for column, spoil in enumerate(SPOILERS):
            marks = () if (row + column) % len(SPOILERS) == 0 else (pytest.mark.battery,)
            yield pytest.param(kind, spoil, marks=marks)


@pytest.mark.parametrize(("kind", "spoil"), list(_pairs()))
async def test_a_spoilt_key_in_a_flood(
    poisoned: tuple[OwnValkey, Redis], kind: str, spoil: Callable[[Redis, bytes], Awaitable[None]]
) -> None:
    """Nobody waits for ever, and no slot is lost or given out twice for long."""
    valkey, hand = poisoned
    async with flooding(valkey.url) as (flood, engine, workers):
        for key in await _keys(hand, kind):
            await spoil(hand, key)
        await flood.goes_on(20)
        assert engine.peak_running <= SLOTS + WORKERS * ALONE

        await _is_well(workers, flood)
        engine.peak_running = 0
        await flood.goes_on(10)
        assert engine.peak_running <= SLOTS


async def _is_well(workers: list[Worker], flood: Flood) -> None:
    await flood._until(lambda: _agrees(workers))


async def _agrees(workers: list[Worker]) -> bool:
    try:
        await workers[0].queue.step([operations.audit()])
    except PartUnavailable:
        return False
    return all(worker.leases.is_shared for worker in workers)


async def test_another_version_s_records_are_not_met(poisoned: tuple[OwnValkey, Redis]) -> None:
    """An upgrade finds what the version before left, written otherwise: nobody notices, and it is removed."""
    valkey, hand = poisoned
    for state in ("1:", "q01234567:"):
        await hand.hset(f"{PREFIX}{state}engines", "e", struct.pack("<dddd", 12, 0, 0, 0))
        await hand.hset(f"{PREFIX}{state}pool:fake", "", struct.pack("<ddd", 40, 0, 0))
        await hand.zadd(f"{PREFIX}{state}workers", {"w0": 1})
    async with flooding(valkey.url) as (flood, engine, workers):
        await flood.goes_on(20)
        assert engine.peak_running <= SLOTS
        assert all(worker.leases.is_shared for worker in workers)
        await workers[0].leases._state.sweep()

    assert [key async for key in hand.scan_iter(match=f"{PREFIX}1:*")] == []
    assert [key async for key in hand.scan_iter(match=f"{PREFIX}q01234567:*")] == []


async def test_a_script_that_always_fails(
    poisoned: tuple[OwnValkey, Redis], caplog: pytest.LogCaptureFixture
) -> None:
    """No repair helps: everybody goes on alone, the repairs get rarer, the log is not flooded. Mended, it is shared."""
    valkey, hand = poisoned
    name, library = script.library_of(*script.lua_texts())
    broken = f"#!lua name={name}\nredis.register_function('{name}', function() error('a mistake') end)"
    async with flooding(valkey.url) as (flood, engine, workers):
        await hand.function_load(broken, replace=True)
        await flood.are_shared(False)
        epochs = set[object]()
        for _ in range(20):
            await flood.goes_on(5)
            epochs.add(await hand.get(f"{state_prefix()}epoch"))
        assert engine.peak_running <= SLOTS + WORKERS * ALONE
        assert not any(worker.leases.is_shared for worker in workers)
        assert len(epochs) <= 10
        assert sum("a mistake" in record.getMessage() for record in caplog.records) <= 2 * WORKERS

        await hand.function_load(library, replace=True)
        await _is_well(workers, flood)
        engine.peak_running = 0
        await flood.goes_on(10)
        assert engine.peak_running <= SLOTS
